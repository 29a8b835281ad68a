/* Invocation, label, and the two words that travel with the exception; see src/setjmp.c. */
typedef unsigned long __jmp_buf[8];
