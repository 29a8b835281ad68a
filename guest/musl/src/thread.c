/* One thread, and its descriptor. */
#include "pthread_impl.h"
#include "libc.h"
#include "syscall.h"

unsigned long __wasm_tp;
volatile int __thread_list_lock;
static struct pthread main_thread;

void __init_tls(size_t *aux)
{
	pthread_t self = &main_thread;
	self->self = self;
	__wasm_tp = (unsigned long)self;
	self->detach_state = DT_JOINABLE;
	self->tid = __linux_gettid();
	self->locale = &libc.global_locale;
	self->robust_list.head = &self->robust_list.head;
	self->next = self->prev = self;
}

int __set_thread_area(void *p)
{
	__wasm_tp = (unsigned long)p;
	return 0;
}

void *__copy_tls(unsigned char *mem) { return mem; }
int __init_tp(void *p) { return 0; }
