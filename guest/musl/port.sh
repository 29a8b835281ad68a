#!/bin/sh
# Turns an unpacked musl source (Debian's musl 1.2.5) into our port, in place.
# usage: port.sh MUSL_SOURCE SYSCALL_TABLE   (crates/rt-wasm/src/linux/table.rs)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
table=$(realpath "$2")
cd "$1"
rm -rf arch/wasm32
# riscv32 is the base: asm-generic numbers, no calls with 32-bit times.
cp -r arch/riscv32 arch/wasm32
rm -f arch/wasm32/crt_arch.h arch/wasm32/kstat.h arch/wasm32/bits/fenv.h
: > arch/wasm32/crt_arch.h
cp -r "$here"/arch/* arch/wasm32/
for patch in "$here"/patches/*.patch; do patch -p1 -s < "$patch"; done

# Imports from the engine's own table: name and number of arguments.
rows() { sed -n 's/^ *\([0-9][0-9]*\) \([a-z0-9_]*\) \([0-6]\) .*;$/\1 \2 \3/p' "$table"; }
{
	echo '/* Generated from the system call table. */'
	rows | while read -r number name arity; do
		params=$(echo void long long,long long,long,long long,long,long,long long,long,long,long,long long,long,long,long,long,long | cut -d' ' -f$((arity + 1)))
		echo "__attribute__((import_module(\"linux\"), import_name(\"$name\"))) long __linux_$name($params);"
	done
	echo '__attribute__((import_module("linux"), import_name("syscall"))) long __linux_syscall(long,long,long,long,long,long,long);'
	echo 'static inline __attribute__((__always_inline__)) long __linux_call(long n, long a, long b, long c, long d, long e, long f)'
	echo '{ switch (n) {'
	rows | while read -r number name arity; do
		[ "$number" -lt 10000 ] || continue
		args=$(echo - a a,b a,b,c a,b,c,d a,b,c,d,e a,b,c,d,e,f | cut -d' ' -f$((arity + 1)) | tr -d -)
		echo "case $number: return __linux_$name($args);"
	done
	echo 'default: return -38; } }'
} > arch/wasm32/linux_calls.h

rm -f src/process/vfork.c src/process/_Fork.c src/process/fork.c src/env/__init_tls.c src/thread/clone.c src/ldso/dl_iterate_phdr.c
rm -f src/mman/mmap.c src/mman/munmap.c src/mman/mremap.c src/mman/msync.c src/signal/sigsetjmp.c src/signal/siglongjmp.c
rm -f src/string/memcpy.c src/string/memmove.c src/string/memset.c src/string/memchr.c src/string/memrchr.c src/string/strlen.c src/string/strchrnul.c src/string/memcmp.c
rm -rf src/setjmp/* src/wasm
mkdir -p src/wasm
cp "$here"/src/*.c src/wasm/
