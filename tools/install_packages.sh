#!/bin/sh
# Installs the Debian packages that are missing: tools/install_packages.sh build|test|check …
# On other systems it lists what is needed and goes on: the build then says what it lacks.
set -eu
cd "$(dirname "$0")"

packages_for() { awk -v purpose="$1" '$1 !~ /^#/ && $2 == purpose {print $1}' packages.txt; }

wanted=
if_known=
for purpose in "$@"; do
    wanted="$wanted $(packages_for "$purpose")"
    if_known="$if_known $(packages_for "$purpose-if-known")"
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

# Adds to $missing what is wanted and not there; packages that only some releases have, if apt knows them.
missing=
find_missing() {
    missing=
    for package in $wanted; do
        is_installed "$package" || missing="$missing $package"
    done
    for package in $if_known; do
        if ! is_installed "$package" && [ -n "$(apt-cache show "$package" 2>/dev/null)" ]; then
            missing="$missing $package"
        fi
    done
}

find_missing
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
find_missing  # now that apt knows this release
$as_root apt-get install -q -y --no-install-recommends $missing
