/* Signal handlers run here, between two system calls, and wherever a program polls with __wasm_poll_signals(). */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include "syscall.h"

/* What the kernel stores for one signal: crates/rt-wasm/src/linux/calls/signal.rs. */
struct delivered {
	int signal;
	unsigned handler;
	unsigned flags;
	unsigned old_mask[2];
	siginfo_t info;
};

__attribute__((import_module("linux"), import_name("sigpop"))) long __linux_sigpop(struct delivered *);

/* Answer of a call that a signal interrupted and that Linux would restart: ERESTARTSYS. */
#define RESTART (-512)

volatile int __wasm_pending;

int __wasm_deliver(long *r)
{
	struct delivered d;
	int restart = 1;
	while (__linux_sigpop(&d)) {
		if (!(d.flags & SA_RESTART)) restart = 0;
		if (d.flags & SA_SIGINFO) ((void (*)(int, siginfo_t *, void *))d.handler)(d.signal, &d.info, 0);
		else ((void (*)(int))d.handler)(d.signal);
		__linux_rt_sigprocmask(SIG_SETMASK, (long)d.old_mask, 0, 8);
	}
	if (*r != RESTART) return 0;
	if (restart) return 1;
	*r = -EINTR;
	return 0;
}

/* For programs that compute for long without a call. */
void __wasm_poll_signals(void)
{
	long r = 0;
	if (__wasm_pending) __wasm_deliver(&r);
}
