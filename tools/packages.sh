#!/bin/sh
# Finds the Debian packages the build needs, installs the missing ones when it
# can (root and apt), else prints the command to type. Writes a makefile
# fragment with their flags to standard output; everything else to stderr.
set -eu
packages="gcc make pkg-config libopenblas-dev libdnnl-dev libsqlite3-dev libcsv-dev
libyaml-dev libjansson-dev libcurl4-openssl-dev libarchive-dev libutf8proc-dev
libssl-dev libcriterion-dev gnuplot-nox sqlite3 python3 ca-certificates"
missing=
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $p"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "installing missing packages:$missing" >&2
        { apt-get update -qq &&
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >&2
    else
        echo "missing packages; please type:" >&2
        echo "    sudo apt-get install$missing" >&2
        exit 1
    fi
fi
modules="openblas sqlite3 yaml-0.1 jansson libcurl libarchive libutf8proc libcrypto"
echo "PKG_CFLAGS := $(pkg-config --cflags $modules)"
echo "PKG_LIBS := $(pkg-config --libs $modules) -ldnnl"
