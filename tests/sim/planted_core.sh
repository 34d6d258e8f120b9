#!/usr/bin/env bash
# Shows that the tests of the Raft core can fail: every bug that is planted in raft/core is found by a text script and by
# a simulated seed. Prints the scripts and the seed that found each; exit code 1 if one is not found.
#
#   tests/sim/planted_core.sh [BUILD_DIR] [LAST_SEED]
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
build="${1:-$root/build/dev}"
last="${2:-1000}"
cd "$root"
missed=0
count=0
for bug in $(grep -rhoP 'KRONIKA_PLANTED\("\K[^"]+' raft/core | sort -u); do
  count=$((count + 1))
  scripts=$(PLANTED="$bug" "$build/tests/scripts/raft/raft_script_test" --gtest_brief=1 2>/dev/null)
  code=$?
  if [ $code -eq 0 ] || [ $code -eq 2 ]; then  # 2: built without this bug
    by_script="NO SCRIPT"
    missed=1
  else
    by_script=$(grep -oP '^\[  FAILED  \] Cases/Script.SaysWhatItSaid/\K[a-z0-9_]+' <<<"$scripts" | sort -u | head -2 | paste -sd' ')
    by_script="${by_script:-a script that ends in a check}"
  fi
  by_seed=$("$build/kronika-sim" core --seeds "1..$last" --bug "$bug" 2>/dev/null | tail -1)
  case "$by_seed" in
    *"found by seed"*) ;;
    *) missed=1 ;;
  esac
  printf '%-32s %-50s %s\n' "$bug" "$by_script" "${by_seed#*: }"
done
echo "$count planted bugs"
exit $missed
