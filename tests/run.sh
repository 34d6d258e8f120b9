#!/usr/bin/env bash
# Installs what is missing, builds, and runs the short form of every test layer; see docs/testing.md.
# Ends with one line "N passed, N failed, N skipped"; the exit code is 0 only when nothing failed.
#
#   ./tests/run.sh [LAYER...]      without names: every layer that exists
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
"$root/deploy/setup.sh" --tests
exec /usr/bin/python3 "$root/tests/runner/main.py" short "$@"
