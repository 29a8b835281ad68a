/* Entry point: fetches argc, argv, envp and the auxiliary vector from the kernel, then does what crt1 does. */
#include "syscall.h"
#include "libc.h"

void __wasm_call_ctors(void);
int __main_void(void);
void __init_libc(char **, char *);
_Noreturn void exit(int);

int __wasm_argc;
char **__wasm_argv;

__attribute__((export_name("_start"))) void _start(void)
{
	/* Asking tells the kernel where the pending word is. */
	long size = __linux_start_size((long)&__wasm_pending);
	long *block = __builtin_alloca_with_align(size, 128);
	__linux_start_block((long)block);
	__wasm_argc = block[0];
	__wasm_argv = (char **)(block + 1);
	__init_libc(__wasm_argv + __wasm_argc + 1, __wasm_argv[0]);
	__wasm_call_ctors();
	exit(__main_void());
}
