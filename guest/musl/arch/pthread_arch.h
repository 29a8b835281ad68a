extern unsigned long __wasm_tp;
static inline uintptr_t __get_tp() { return __wasm_tp; }
#define MC_PC uc_flags
