#!/bin/sh
# Offers to download the models that are not here yet; called by `make run` after the build.
# IMGROUTER_PULL=yes downloads without asking, =no does not ask. Never fails: without them the server
# runs on the demo models that ship with the project, and says so.
set -u
binary=$1

case "${USE_MOCK_MODELS:-auto}" in
true | 1 | yes | on) exit 0 ;;
false | 0 | no | off) until_then="the server does not start, as USE_MOCK_MODELS asks" ;;
*) until_then="small demo models answer" ;;
esac
"$binary" models list --json | grep '"served":true' | grep -q '"folder":null' || exit 0

echo
echo "The full models are not on this machine yet:"
"$binary" models list | grep '^\* [A-Za-z].*/' | cut -c3-
answer=${IMGROUTER_PULL:-}
if [ -z "$answer" ] && [ -t 0 ]; then
    printf 'Download them now (1.6 GB)? [Y/n] '
    read -r answer || answer=no
fi
case "$answer" in
n* | N*)
    echo "Not downloaded; until then $until_then. Later: $binary models pull"
    exit 0
    ;;
esac
"$binary" models pull || echo "Not downloaded; until then $until_then. Later: $binary models pull"
exit 0
