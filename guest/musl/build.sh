#!/bin/sh
# Builds the port into a sysroot.
# usage: build.sh PORTED_SOURCE SYSROOT   (environment: LLVM, the version suffix of clang and llvm-ar)
set -eu
source=$(realpath "$1")
mkdir -p "$2/include" "$2/lib"
sysroot=$(realpath "$2")
llvm=${LLVM:--22}
objects=$source/objects
mkdir -p "$objects"
cd "$source"
arch=arch/wasm32
mkdir -p obj/include/bits obj/src/internal
sed -f tools/mkalltypes.sed $arch/bits/alltypes.h.in include/alltypes.h.in > obj/include/bits/alltypes.h
cp $arch/bits/syscall.h.in obj/include/bits/syscall.h
sed -n -e 's/__NR_/SYS_/p' < $arch/bits/syscall.h.in >> obj/include/bits/syscall.h
echo '#define VERSION "1.2.5"' > obj/src/internal/version.h
cp -r include/* "$sysroot/include/"
mkdir -p "$sysroot/include/bits" "$sysroot/bin"
ln -sf "$(command -v wasm-ld$llvm)" "$sysroot/bin/wasm-ld"
for from in arch/generic/bits $arch/bits obj/include/bits; do cp $from/*.h "$sysroot/include/bits/"; done
rm -f "$sysroot/include/"*.in

resource=$(clang$llvm -print-resource-dir)
export CFLAGS_MUSL="--target=wasm32-unknown-unknown -std=gnu99 -nostdinc -isystem $resource/include -ffreestanding -D_XOPEN_SOURCE=700 \
 -I$arch -Iarch/generic -Iobj/src/internal -Isrc/include -Isrc/internal -Iobj/include -Iinclude -O2 -w -fno-strict-aliasing \
 -mbulk-memory -msign-ext -mnontrapping-fptoint -mmutable-globals -msimd128 -fno-vectorize -fno-slp-vectorize \
 -mllvm -wasm-enable-sjlj -mllvm -wasm-use-legacy-eh=true -mexception-handling \
 -Wno-int-conversion -Wno-implicit-function-declaration -fno-strict-float-cast-overflow -ffile-prefix-map=$source="
export objects llvm
ls src/*/*.c src/malloc/oldmalloc/*.c src/ldso/dlopen.c src/ldso/dlerror.c src/ldso/dlclose.c src/ldso/__dlsym.c src/ldso/dladdr.c |
	grep -v -E '^src/(ldso/(__dlsym_redir|dladdr1|dlinfo|dynlink|tlsdesc)|malloc/mallocng)|pthread_cancel' | sort -u |
	xargs -P "$(nproc)" -n 24 sh -ec 'for file; do clang$llvm $CFLAGS_MUSL -c "$file" -o "$objects/$(echo "$file" | tr / _).o"; done' sh

rm -f "$sysroot/lib/"*.a
cp "$objects/src_wasm_start.c.o" "$sysroot/lib/crt1.o"
ls "$objects"/*.o | grep -v src_wasm_start | sort | xargs llvm-ar$llvm rcsD "$sysroot/lib/libc.a"
for name in m rt pthread crypt util xnet resolv dl; do
	rm -f "$sysroot/lib/lib$name.a"
	llvm-ar$llvm rcsD "$sysroot/lib/lib$name.a"
done
