#!/usr/bin/env bash
# Kronika beside Apache Kafka on this machine: the same librdkafka load on each in turn, medians and ratios, and where
# Kronika misses its bar, where its time goes. Kronika syncs before it acknowledges, Kafka does not.
#
#   compare.sh [--quick] [--rounds N] [--only ROW]... [--system kronika|kafka]... [--profile] [--json FILE]
#
# ROW: saturated, small, one-in-flight, consume, groups, big-group, idle. --quick: one round with fewer bytes. --profile:
# perf on Kronika's brokers in each row. Nothing else should run meanwhile; what did is printed beside each row.
# Builds release if it is not built; Kafka needs Java and Maven. KRONIKA_BIN names another program.
# Exit codes: 0 measured (whatever the figures), 1 failed, 2 usage.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
if [[ " $* " != *" -h "* && " $* " != *" --help "* ]]; then
  (cd "$root" && cmake --preset release >/dev/null && cmake --build --preset release --target bench_load bench_groups >/dev/null)
  [[ -n ${KRONIKA_BIN:-} ]] || cmake --build "$root/build/release" --target kronika >/dev/null
fi
exec /usr/bin/python3 "$root/bench/compare/main.py" "$@"
