#!/bin/sh
# Packs a release: pack.sh BINARY TARGET FOLDER
#
# Writes FOLDER/event-history-VERSION-TARGET.tar.gz with the binary, its licence, completions and manual pages, and next
# to it the SHA-256, for `sha256sum --check`.
set -eu

binary=$1
target=$2
folder=$3

version=$("$binary" --version | cut -d ' ' -f 2)
name=event-history-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir -p "$work/$name/completions" "$folder"
cp "$binary" "$work/$name/event-history"
cp LICENSE README.md CHANGELOG.md "$work/$name"
for shell in bash zsh fish; do
    "$binary" completions "$shell" > "$work/$name/completions/event-history.$shell"
done
"$binary" man "$work/$name/man"

# The same input gives the same archive.
tar --create --gzip --file "$folder/$name.tar.gz" --directory "$work" \
    --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-0}" "$name"
(cd "$folder" && sha256sum "$name.tar.gz" > "$name.tar.gz.sha256")
