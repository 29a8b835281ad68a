/* fork: binaryen's asyncify unwinds the stack into this buffer, the kernel copies the instance, both copies rewind. */
#include <unistd.h>
#include "syscall.h"

__attribute__((import_module("linux"), import_name("fork"))) long __linux_fork(void *, long);

static char unwound[262144] __attribute__((aligned(16)));

pid_t fork(void)
{
	return __syscall_ret(__linux_fork(unwound, sizeof unwound));
}

pid_t _Fork(void)
{
	return fork();
}
