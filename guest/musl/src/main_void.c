/* clang mangles main by its parameters: two give __main_argc_argv, three stay main. Apart from start.c because both are weak. */
__attribute__((weak)) int __main_argc_argv(int, char **);
int main3(int, char **, char **) __asm__("main") __attribute__((weak));
extern int __wasm_argc;
extern char **__wasm_argv, **__environ;

__attribute__((weak)) int __main_void(void)
{
	if (__main_argc_argv) return __main_argc_argv(__wasm_argc, __wasm_argv);
	return main3(__wasm_argc, __wasm_argv, __environ);
}
