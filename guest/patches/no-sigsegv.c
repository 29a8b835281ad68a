/* In place of gnulib's sigsegv.c: a stack overflow is a trap, which ends the program with SIGSEGV; no handler can run. */
#include <config.h>
#include "sigsegv.h"

int sigsegv_install_handler(sigsegv_handler_t handler) { return -1; }
void sigsegv_deinstall_handler(void) {}
int sigsegv_leave_handler(void (*go_on)(void *, void *, void *), void *a, void *b, void *c) { return 0; }
int stackoverflow_install_handler(stackoverflow_handler_t handler, void *stack, size_t size) { return -1; }
void stackoverflow_deinstall_handler(void) {}
