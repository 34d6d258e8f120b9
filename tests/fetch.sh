#!/usr/bin/env bash
# Gets what tests use and no distribution has: Apache Kafka and its tools, the jars with Kafka's message definitions, and
# clients for Python, Node.js and Go. Through Maven, pip, npm and go as this machine configures them, once; afterwards it
# only looks. Called by deploy/setup.sh --tests.
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

matrix="$root/tests/clients/matrix" clients="$HOME/.cache/kronika-clients"
mkdir -p "$clients/go"

# fresh STAMP FILE...: whether what was made from the files is there, and was made from these very files.
fresh() { [[ -e $1 && $(<"$1") == "$(sums "${@:2}")" ]]; }
sums() { cat "$@" | sha256sum; }

node_modules() {  # folder with the pins
  fresh "$1/node_modules/made-from" "$1/package-lock.json" && return
  command -v npm >/dev/null && npm ci --prefix "$1" --silent --no-audit --no-fund &&
    sums "$1/package-lock.json" >"$1/node_modules/made-from"
}
node_modules "$root/tests/clients/kafkajs" || echo "fetch: no kafkajs; its tests skip"
node_modules "$matrix/node" || echo "fetch: no clients for Node.js; their rows of the matrix skip"

python_packages() {
  local pins="$matrix/python/requirements.txt"
  fresh "$clients/python/made-from" "$pins" && return
  rm -rf "$clients/python"
  /usr/bin/python3 -m venv "$clients/python" && "$clients/python/bin/pip" install -q --no-deps --only-binary :all: -r "$pins" &&
    sums "$pins" >"$clients/python/made-from"
}
python_packages || { rm -rf "$clients/python"; echo "fetch: no clients for Python; their rows of the matrix skip"; }

# The newest version where Go is new enough for it, else the last one that Debian 12's builds.
go_program() {  # folder
  local pins=go.mod have wanted
  have=$(go env GOVERSION 2>/dev/null) || return
  wanted=$(sed -n 's/^go //p' "$matrix/$1/go.mod")
  [[ $(printf '%s\n' "$wanted" "${have#go}" | sort -V | head -n 1) == "$wanted" ]] || pins=go1.19.mod
  local made_from=("$matrix/$1/main.go" "$matrix/$1/$pins" "$matrix/$1/${pins%mod}sum")
  [[ -x $clients/go/$1 ]] && fresh "$clients/go/$1.made-from" "${made_from[@]}" && return
  (cd "$matrix/$1" && GOTOOLCHAIN=local GOFLAGS="-mod=readonly -buildvcs=false" go build -modfile="$pins" -o "$clients/go/$1" .) &&
    sums "${made_from[@]}" >"$clients/go/$1.made-from"
}
for program in franz_go sarama; do
  go_program "$program" || { rm -f "$clients/go/$program"; echo "fetch: no $program; its rows of the matrix skip"; }
done
exit 0
