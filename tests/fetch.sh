#!/usr/bin/env bash
# Gets what tests use and no distribution has: Apache Kafka and its tools, the jars with Kafka's message definitions,
# kafkajs. Through Maven and npm as this machine configures them, once; afterwards it only looks.
# What cannot be had is printed, and the tests that use it skip: the exit code is always 0.
set -uo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
cache="$HOME/.cache/kronika-kafka"

"$root/bench/peer/kafka.sh" fetch || echo "fetch: no Apache Kafka; the tests of its tools skip"

have() { compgen -G "$cache/schemas/$1-[0-9]*.jar" >/dev/null; }
if ! have kafka-clients || ! have kafka-group-coordinator; then
  mkdir -p "$cache/schemas"
  command -v mvn >/dev/null && mvn -q --batch-mode -Dstyle.color=never -f "$root/tests/schema_crosscheck/pom.xml" \
      dependency:copy-dependencies -DexcludeTransitive=true -DoutputDirectory="$cache/schemas" ||
    echo "fetch: no jars with Kafka's message definitions; the comparison with them skips"
fi

if [[ ! -d $root/tests/clients/kafkajs/node_modules/kafkajs ]]; then
  command -v npm >/dev/null && npm ci --prefix "$root/tests/clients/kafkajs" --silent --no-audit --no-fund ||
    echo "fetch: no kafkajs; its tests skip"
fi
exit 0
