#!/usr/bin/env bash
# Builds the kernels and their tests for 64-bit ARM with Debian's cross compiler and runs them under
# QEMU: the tiers neon and neondot, beside scalar. Exit code 77 when one of the two is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

compiler=aarch64-linux-gnu-gcc
emulator=qemu-aarch64
for program in "$compiler" "$emulator"; do
    command -v "$program" >/dev/null && continue
    echo "skipped: $program is not installed (Debian: gcc-aarch64-linux-gnu, libc6-dev-arm64-cross, qemu-user)"
    exit 77
done

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
flags=(-std=c17 -O2 -D_DEFAULT_SOURCE -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wshadow -Wno-format-truncation -Werror
       -fno-math-errno -fno-trapping-math -ffp-contract=off -Isrc -Itests/unit/kernels/emulated)
compile() {
    "$compiler" "${flags[@]}" "${@:2}" -c "$1" -o "$folder/$(basename "$1" .c).o"
}
for source in src/base/*.c src/kernels/*.c; do
    case $source in
        *_avx*) ;;
        */sha256.c | */base64.c) ;;  # need OpenSSL, and the kernels do not need them
        *_neondot.c) compile "$source" -march=armv8.2-a+dotprod ;;
        *) compile "$source" ;;
    esac
done
ar rc "$folder/kernels.a" "$folder"/*.o

run_test() {  # NAME SOURCE...
    local sources=("${@:2}")
    "$compiler" "${flags[@]}" -static "${sources[@]/#/tests/unit/kernels/}" "$folder/kernels.a" \
        -lm -lpthread -o "$folder/$1"
    "$emulator" -cpu max "$folder/$1"
}
run_test tiers test_tiers.c {attention,int8,linear,vector}_cases.c bench.c guarded_memory.c
run_test codes test_codes.c
run_test resample test_resample.c
run_test self_test test_self_test.c
