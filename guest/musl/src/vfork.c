/*
 * vfork: the kernel switches this instance over to the child, execve or exit switches back, and the parent returns a
 * second time by longjmp. The macro vfork() in <unistd.h> calls setjmp in the caller's frame. posix_spawn, popen and
 * system come here through __clone(CLONE_VM|CLONE_VFORK).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <unistd.h>
#include "syscall.h"

unsigned long __wasm_vfork_env[48];
_Static_assert(sizeof __wasm_vfork_env >= sizeof(jmp_buf), "room for a jmp_buf");
static volatile int child_pid;
static int in_child;

int __wasm_write_back(unsigned long at, unsigned long size);

int __wasm_vfork_enter(void)
{
	long r = __linux_vfork_enter();
	if (r < 0) {
		errno = -r;
		return -1;
	}
	child_pid = r;
	in_child = 1;
	return 0;
}

int __wasm_vfork_pid(void)
{
	return child_pid;
}

long __wasm_leave(long n, long a, long b, long c, long d, long e)
{
	long r;
	if (!in_child) __wasm_write_back(0, -1UL);
	if (n == SYS_execve) r = __linux_execve(a, b, c);
	else if (n == SYS_execveat) r = __linux_execveat(a, b, c, d, e);
	else r = __linux_exit_group(a);
	if (in_child && (r >= 0 || n == SYS_exit || n == SYS_exit_group)) {
		in_child = 0;
		longjmp((struct __jmp_buf_tag *)__wasm_vfork_env, 1);
	}
	return r;
}

int __clone(int (*run)(void *), void *stack, int flags, void *arg, ...)
{
	if (!(flags & CLONE_VFORK)) return -ENOSYS;
	if (__wasm_vfork_enter() < 0) return -errno;
	if (setjmp((struct __jmp_buf_tag *)__wasm_vfork_env)) return child_pid;
	_exit(run(arg));
}

weak_alias(__clone, clone);
