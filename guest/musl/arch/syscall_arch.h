/*
 * System calls are imports of the module `linux`, one per call. linux_calls.h, which the build generates from the
 * engine's own table, declares them and has __linux_call(), a switch that disappears wherever the number is constant.
 *
 * Signals are delivered by the guest itself: the kernel sets __wasm_pending, and after each call the handlers run here,
 * on the caller's stack, so that longjmp() and fork() work inside of them.
 */
#define __SYSCALL_LL_E(x) \
((union { long long ll; long l[2]; }){ .ll = x }).l[0], \
((union { long long ll; long l[2]; }){ .ll = x }).l[1]
#define __SYSCALL_LL_O(x) __SYSCALL_LL_E((x))

extern volatile int __wasm_pending;
/* Runs the handlers of pending signals. Whether the call that answered *r is to be made again. */
int __wasm_deliver(long *r);
/* execve and exit: leave a vfork child, if this is one. */
long __wasm_leave(long n, long a, long b, long c, long d, long e);
long __wasm_brk(long end);

#include "linux_calls.h"

#define __WASM_INLINE static inline __attribute__((__always_inline__))

__WASM_INLINE long __wasm_syscall(long n, long a, long b, long c, long d, long e, long f)
{
	if (__builtin_constant_p(n)) {
		if (n == __NR_brk) return __wasm_brk(a);
		if (n == __NR_execve || n == __NR_execveat || n == __NR_exit || n == __NR_exit_group)
			return __wasm_leave(n, a, b, c, d, e);
	}
	long r;
	do r = __builtin_constant_p(n) ? __linux_call(n, a, b, c, d, e, f) : __linux_syscall(n, a, b, c, d, e, f);
	while (__builtin_expect(__wasm_pending, 0) && __wasm_deliver(&r));
	return r;
}

__WASM_INLINE long __syscall0(long n) { return __wasm_syscall(n, 0, 0, 0, 0, 0, 0); }
__WASM_INLINE long __syscall1(long n, long a) { return __wasm_syscall(n, a, 0, 0, 0, 0, 0); }
__WASM_INLINE long __syscall2(long n, long a, long b) { return __wasm_syscall(n, a, b, 0, 0, 0, 0); }
__WASM_INLINE long __syscall3(long n, long a, long b, long c) { return __wasm_syscall(n, a, b, c, 0, 0, 0); }
__WASM_INLINE long __syscall4(long n, long a, long b, long c, long d) { return __wasm_syscall(n, a, b, c, d, 0, 0); }
__WASM_INLINE long __syscall5(long n, long a, long b, long c, long d, long e) { return __wasm_syscall(n, a, b, c, d, e, 0); }
__WASM_INLINE long __syscall6(long n, long a, long b, long c, long d, long e, long f) { return __wasm_syscall(n, a, b, c, d, e, f); }
