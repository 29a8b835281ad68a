/*
 * Linear memory: brk() moves its end, mappings are pages from a free list or from memory.grow. Pages of files are copies;
 * those of shared mappings are written back by msync, munmap, fork, exec and exit.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "syscall.h"

#define WASM_PAGE 65536UL
#define UNIT 4096UL
#define round_up(n) (((n) + UNIT - 1) & -UNIT)

extern unsigned char __heap_base;
static unsigned long brk_now, brk_end;

long __wasm_brk(long to)
{
	unsigned long end = to;
	if (!brk_now) {
		brk_now = ((unsigned long)&__heap_base + 15) & -16UL;
		brk_end = __builtin_wasm_memory_size(0) * WASM_PAGE;
	}
	if (!end) return brk_now;
	if (end > brk_end) {
		/* Something else lies behind the heap: malloc goes on with mappings. */
		if (__builtin_wasm_memory_size(0) * WASM_PAGE != brk_end) return brk_now;
		unsigned long more = (end - brk_end + WASM_PAGE - 1) / WASM_PAGE;
		if (__builtin_wasm_memory_grow(0, more) == (unsigned long)-1) return brk_now;
		brk_end += more * WASM_PAGE;
	}
	return brk_now = end;
}

/* Free ranges. More than fit are lost to the process, not to the system. */
static struct range { unsigned long at, size; } spare[2048];
static int spares;

static void give_back(unsigned long at, unsigned long size)
{
	for (int i = 0; i < spares; i++) {
		if (spare[i].at + spare[i].size == at) at = spare[i].at;
		else if (at + size != spare[i].at) continue;
		size += spare[i].size;
		spare[i] = spare[--spares];
		i = -1;
	}
	if (spares < 2048) spare[spares++] = (struct range){ at, size };
}

static void *take(unsigned long size)
{
	for (int i = 0; i < spares; i++) {
		if (spare[i].size < size) continue;
		unsigned long at = spare[i].at;
		spare[i].at += size;
		spare[i].size -= size;
		if (!spare[i].size) spare[i] = spare[--spares];
		return memset((void *)at, 0, size);
	}
	__wasm_brk(0);
	unsigned long pages = (size + WASM_PAGE - 1) / WASM_PAGE;
	unsigned long at = __builtin_wasm_memory_grow(0, pages);
	if (at == (unsigned long)-1) return 0;
	at *= WASM_PAGE;
	if (pages * WASM_PAGE > size) give_back(at + size, pages * WASM_PAGE - size);
	return (void *)at;
}

/* Shared writable mappings of files, each with a descriptor of its own. */
static struct shared { unsigned long at, size; int fd; off_t offset; } shared[64];
static int shareds;

static int write_back(struct shared *s, unsigned long from, unsigned long to)
{
	off_t file_end = lseek(s->fd, 0, SEEK_END);
	if (from < s->at) from = s->at;
	if (to > s->at + s->size) to = s->at + s->size;
	/* Bytes past the end of the file stay out of it. */
	if (s->offset + (off_t)(to - s->at) > file_end) to = s->at + (file_end > s->offset ? file_end - s->offset : 0);
	while (from < to) {
		ssize_t n = pwrite(s->fd, (void *)from, to - from, s->offset + (from - s->at));
		if (n < 0) return -1;
		from += n;
	}
	return 0;
}

int __wasm_write_back(unsigned long at, unsigned long size)
{
	int result = 0;
	for (int i = 0; i < shareds; i++)
		if (shared[i].at < at + size && at < shared[i].at + shared[i].size)
			if (write_back(&shared[i], at, at + size)) result = -1;
	return result;
}

static void unshare_range(unsigned long at, unsigned long size)
{
	__wasm_write_back(at, size);
	for (int i = 0; i < shareds; i++) {
		if (shared[i].at < at || shared[i].at + shared[i].size > at + size) continue;
		close(shared[i].fd);
		shared[i--] = shared[--shareds];
	}
}

static int fill(void *p, size_t size, int fd, off_t offset)
{
	for (size_t done = 0; done < size; ) {
		ssize_t n = pread(fd, (char *)p + done, size - done, offset + done);
		if (n < 0) return -1;
		if (!n) break;
		done += n;
	}
	return 0;
}

void *__mmap(void *start, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (!size || offset & (UNIT - 1)) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (size >= 0x7fff0000) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	int write_shared = !(flags & MAP_ANON) && (flags & MAP_TYPE) != MAP_PRIVATE && prot & PROT_WRITE;
	if (write_shared && shareds == 64) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (flags & MAP_FIXED) {
		/* Only over pages that are mapped already: there is no other address space to give. */
		if ((unsigned long)start + size > __builtin_wasm_memory_size(0) * WASM_PAGE || flags & MAP_SHARED) {
			errno = ENOMEM;
			return MAP_FAILED;
		}
		memset(start, 0, size);
		if (!(flags & MAP_ANON) && fill(start, size, fd, offset)) return MAP_FAILED;
		return start;
	}
	void *p = take(round_up(size));
	if (!p) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (flags & MAP_ANON) return p;
	int own = -1;
	if (fill(p, size, fd, offset) || (write_shared && (own = fcntl(fd, F_DUPFD_CLOEXEC, 200)) < 0 && (own = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)) {
		give_back((unsigned long)p, round_up(size));
		return MAP_FAILED;
	}
	if (write_shared) shared[shareds++] = (struct shared){ (unsigned long)p, size, own, offset };
	return p;
}

int __munmap(void *p, size_t size)
{
	if ((unsigned long)p & (UNIT - 1) || !size) {
		errno = EINVAL;
		return -1;
	}
	if (shareds) unshare_range((unsigned long)p, size);
	give_back((unsigned long)p, round_up(size));
	return 0;
}

void *__mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	if (round_up(size) <= round_up(old_size)) {
		if (round_up(size) < round_up(old_size)) give_back((unsigned long)old + round_up(size), round_up(old_size) - round_up(size));
		return old;
	}
	if (!(flags & MREMAP_MAYMOVE)) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	void *p = __mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (p == MAP_FAILED) return p;
	memcpy(p, old, old_size);
	for (int i = 0; i < shareds; i++)
		if (shared[i].at == (unsigned long)old) {
			shared[i].at = (unsigned long)p;
			shared[i].size = size;
			fill((char *)p + old_size, size - old_size, shared[i].fd, shared[i].offset + old_size);
		}
	give_back((unsigned long)old, round_up(old_size));
	return p;
}

int msync(void *p, size_t size, int flags)
{
	return __wasm_write_back((unsigned long)p, size);
}

weak_alias(__mmap, mmap);
weak_alias(__munmap, munmap);
weak_alias(__mremap, mremap);
