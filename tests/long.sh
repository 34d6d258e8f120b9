#!/usr/bin/env bash
# The long form of ./tests/run.sh: the same layers with the full counts, the whole tree under the sanitizers and
# clang-tidy. Takes hours on two cores; see docs/testing.md.
#
#   ./tests/long.sh [LAYER...]     without names: every layer that exists
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/deploy/setup.sh" --tests
exec /usr/bin/python3 "$root/tests/runner/main.py" long "$@"
