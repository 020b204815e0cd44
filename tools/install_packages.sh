#!/bin/sh
# Installs the Debian packages that are missing: tools/install_packages.sh build|test|check …
# On other systems it lists what is needed and goes on: the build then says what it lacks.
set -eu
cd "$(dirname "$0")"

wanted=
for purpose in "$@"; do
    wanted="$wanted $(awk -v purpose="$purpose" '$1 !~ /^#/ && $2 == purpose {print $1}' packages.txt)"
done

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    if [ ! -e ../build/.packages-told ]; then
        echo "This is not a Debian system. Install what these Debian packages hold, then run make again:"
        echo " $wanted" | tr -s ' \n' ' ' | fold -s -w 100
        echo
        mkdir -p ../build && touch ../build/.packages-told
    fi
    exit 0
fi

# A virtual package (libjpeg-dev on some releases) counts as there when something provides it.
is_installed() {
    dpkg-query -W -f '${db:Status-Abbrev}\n' "$1" 2>/dev/null | grep -q '^ii' ||
        dpkg-query -W -f '${db:Status-Abbrev}${Provides}\n' 2>/dev/null |
            grep '^ii' | grep -qE "(^ii |[ ,])$1([ ,]|\$)"
}

missing=
for package in $wanted; do
    is_installed "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

echo "Missing Debian packages:$missing"
if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1; then
    as_root=sudo
else
    echo "Install them as root, then run make again:"
    echo "  apt-get install$missing"
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q
$as_root apt-get install -q -y --no-install-recommends $missing
