/* One thread: plain loads and stores are atomic. */
#define a_cas a_cas
static inline int a_cas(volatile int *p, int t, int s)
{
	int old = *p;
	if (old == t) *p = s;
	return old;
}

#define a_crash a_crash
static inline void a_crash(void) { __builtin_trap(); }

#define a_clz_32 a_clz_32
static inline int a_clz_32(unsigned x) { return __builtin_clz(x); }

#define a_ctz_32 a_ctz_32
static inline int a_ctz_32(unsigned x) { return __builtin_ctz(x); }
