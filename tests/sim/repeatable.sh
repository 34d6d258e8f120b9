#!/usr/bin/env bash
# Two runs of the same seeds give the same hash over all delivered events, and other seeds another.
#
#   tests/sim/repeatable.sh BUILD_DIR SUBCOMMAND FIRST LAST
set -euo pipefail
once() { "$1/kronika-sim" "$2" --seeds "$3..$4" | grep -oP 'hash \K[0-9a-f]+'; }
first=$(once "$1" "$2" "$3" "$4")
second=$(once "$1" "$2" "$3" "$4")
other=$(once "$1" "$2" "$((10#$3 + 1))" "$4")
echo "$first $second $other"
[ "$first" = "$second" ] && [ "$first" != "$other" ]
