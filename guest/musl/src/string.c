/* The string functions that decide how fast tools are: memory.copy and memory.fill, and 16 bytes at a time. */
#include <stddef.h>
#include <stdint.h>
#include <wasm_simd128.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n) { return __builtin_memcpy(to, from, n); }
void *memmove(void *to, const void *from, size_t n) { return __builtin_memmove(to, from, n); }
void *memset(void *to, int byte, size_t n) { return __builtin_memset(to, byte, n); }

/* Loads of whole aligned blocks never leave the linear memory, whose size is a multiple of theirs. */
static const v128_t *block_of(const void *p) { return (const v128_t *)((uintptr_t)p & -16); }
static unsigned skip(const void *p) { return ~0u << ((uintptr_t)p & 15); }

void *memchr(const void *s, int c, size_t n)
{
	if (!n) return 0;
	/* As a number: strnlen(s, -1) asks for more than there is, and a pointer that wraps may be taken for impossible. */
	uintptr_t end = (uintptr_t)s + n;
	if (end < (uintptr_t)s) end = UINTPTR_MAX;
	const v128_t *b = block_of(s), wanted = wasm_i8x16_splat(c);
	unsigned mask = wasm_i8x16_bitmask(wasm_i8x16_eq(*b, wanted)) & skip(s);
	for (;;) {
		if (mask) {
			const unsigned char *at = (const unsigned char *)b + __builtin_ctz(mask);
			return (uintptr_t)at < end ? (void *)at : 0;
		}
		if ((uintptr_t)++b >= end) return 0;
		mask = wasm_i8x16_bitmask(wasm_i8x16_eq(*b, wanted));
	}
}

void *__memrchr(const void *s, int c, size_t n)
{
	const unsigned char *p = s;
	const v128_t wanted = wasm_i8x16_splat(c);
	while (n >= 16) {
		unsigned mask = wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(p + n - 16), wanted));
		if (mask) return (void *)(p + n - 16 + (31 - __builtin_clz(mask)));
		n -= 16;
	}
	while (n--) if (p[n] == (unsigned char)c) return (void *)(p + n);
	return 0;
}

size_t strlen(const char *s)
{
	const v128_t *b = block_of(s), zero = wasm_i8x16_splat(0);
	unsigned mask = wasm_i8x16_bitmask(wasm_i8x16_eq(*b, zero)) & skip(s);
	while (!mask) mask = wasm_i8x16_bitmask(wasm_i8x16_eq(*++b, zero));
	return (const char *)b + __builtin_ctz(mask) - s;
}

char *__strchrnul(const char *s, int c)
{
	const v128_t *b = block_of(s), zero = wasm_i8x16_splat(0), wanted = wasm_i8x16_splat(c);
	unsigned mask = wasm_i8x16_bitmask(wasm_v128_or(wasm_i8x16_eq(*b, zero), wasm_i8x16_eq(*b, wanted))) & skip(s);
	while (!mask) {
		b++;
		mask = wasm_i8x16_bitmask(wasm_v128_or(wasm_i8x16_eq(*b, zero), wasm_i8x16_eq(*b, wanted)));
	}
	return (char *)b + __builtin_ctz(mask);
}

int memcmp(const void *left, const void *right, size_t n)
{
	const unsigned char *l = left, *r = right;
	for (; n >= 16; n -= 16, l += 16, r += 16) {
		unsigned differs = ~wasm_i8x16_bitmask(wasm_i8x16_eq(wasm_v128_load(l), wasm_v128_load(r))) & 0xffff;
		if (differs) {
			unsigned at = __builtin_ctz(differs);
			return l[at] - r[at];
		}
	}
	for (; n; n--, l++, r++) if (*l != *r) return *l - *r;
	return 0;
}

extern __typeof(__memrchr) memrchr __attribute__((__weak__, __alias__("__memrchr")));
extern __typeof(__strchrnul) strchrnul __attribute__((__weak__, __alias__("__strchrnul")));
