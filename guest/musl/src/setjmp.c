/*
 * What clang's lowering of setjmp and longjmp to WebAssembly exceptions calls (llvm/lib/Target/WebAssembly,
 * WebAssemblyLowerEmscriptenEHSjLj). longjmp throws; the function that called setjmp catches, asks whether the buffer
 * is of its own invocation, and at which label to go on.
 */
#include <setjmp.h>
#include <signal.h>

struct buffer {
	void *invocation;
	unsigned label;
	struct { void *env; int value; } thrown;
};

_Static_assert(sizeof(struct buffer) <= sizeof(__jmp_buf), "jmp_buf is large enough");

void __wasm_setjmp(void *env, unsigned label, void *invocation)
{
	struct buffer *b = env;
	b->invocation = invocation;
	b->label = label;
}

unsigned __wasm_setjmp_test(void *env, void *invocation)
{
	struct buffer *b = env;
	return b->invocation == invocation ? b->label : 0;
}

_Noreturn void __wasm_longjmp(void *env, int value)
{
	struct buffer *b = env;
	b->thrown.env = env;
	b->thrown.value = value ? value : 1;
	__builtin_wasm_throw(1, &b->thrown);
}

/* The two halves of sigsetjmp and siglongjmp that setjmp has not; see <setjmp.h>. */
void __wasm_save_mask(struct __jmp_buf_tag *env, int save)
{
	env->__fl = save;
	if (save) sigprocmask(SIG_SETMASK, 0, (sigset_t *)env->__ss);
}

void __wasm_restore_mask(struct __jmp_buf_tag *env)
{
	if (env->__fl) sigprocmask(SIG_SETMASK, (sigset_t *)env->__ss, 0);
}
