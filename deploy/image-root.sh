#!/bin/sh
# Lays out the file system of the image: image-root.sh BINARY FOLDER
#
# The binary, each shared library that the linker loads for it (at the path where it looks), and the root
# certificates for TLS to S3 and ClickHouse.
set -eu

binary=$1
root=$2

mkdir -p "$root/etc/ssl/certs"
cp "$binary" "$root/event-history"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"

# A line is `name => /path (address)`, or `/path (address)` for the linker itself. The vdso has no path.
libraries=$(ldd "$binary" | sed -n 's|^[^/]*\(/[^ ]*\) (0x[0-9a-f]*)$|\1|p')
[ -n "$libraries" ] || { echo "ldd names no library of $binary" >&2; exit 1; }
for library in $libraries; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
