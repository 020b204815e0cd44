#!/bin/sh
# Offers to download the models that are not here yet; called by `make run` after the build.
# IMGROUTER_PULL=yes downloads without asking, =no does not ask. Never fails: without models the
# server still runs and says what it answers with.
set -u
binary=$1

case "${USE_MOCK_MODELS:-auto}" in true | 1 | yes | on) exit 0 ;; esac
"$binary" models list --json | grep '"served":true' | grep -q '"folder":null' || exit 0

echo
echo "The models are not on this machine yet:"
"$binary" models list | grep '^\* [A-Za-z].*/' | cut -c3-
answer=${IMGROUTER_PULL:-}
if [ -z "$answer" ] && [ -t 0 ]; then
    printf 'Download them now (1.6 GB)? [Y/n] '
    read -r answer || answer=no
fi
case "$answer" in
n* | N*)
    echo "Not downloaded. Later: $binary models pull"
    exit 0
    ;;
esac
"$binary" models pull || echo "Going on without the models. Later: $binary models pull"
exit 0
