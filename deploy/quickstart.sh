#!/usr/bin/env bash
# From a fresh checkout to records that a stock client read from three brokers: builds what is not built, starts a cluster
# on this machine, writes records, reads them from every broker, and says what the brokers say of their replicas.
#
#   quickstart.sh [-n BROKERS] [--dir DIR] [--base-port P] [--set KEY=VALUE]... [--timeout SECONDS]
#
# The options are those of cluster.sh, which says more of them: cluster.sh --help.
# Safe to repeat. The cluster keeps running; what ends it is printed last. Exit codes: 0 done, 1 failed, 2 usage.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
binary="${KRONIKA_BIN:-$root/build/release/kronika}"
topic="quickstart-$(date +%s)" records=1000

say() { echo "quickstart: $*"; }
die() { echo "quickstart: $*" >&2; exit 1; }
help() { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
usage() { echo "quickstart: $*" >&2; help >&2; exit 2; }

options=("$@")
while (($#)); do
  case $1 in
    -h | --help) help; exit 0 ;;
    -n | --dir | --base-port | --set | --timeout) (($# > 1)) || usage "$1 needs a value"; shift 2 ;;
    *) usage "unknown word '$1'" ;;
  esac
done

if [[ ! -x $binary ]] || ! command -v kcat >/dev/null; then
  "$root/deploy/setup.sh" --client || [[ -x $binary ]] || die "the packages above are needed to build it"
fi
if [[ ! -x $binary ]]; then
  say "building $binary (some minutes, once)"
  (cd "$root" && cmake --preset release >/dev/null && cmake --build --preset release --target kronika)
fi

started="$("$root/deploy/cluster.sh" "${options[@]}" start)" || die "the cluster did not start"
echo "$started"
bootstrap="${started##*bootstrap: }"
IFS=, read -ra brokers <<<"$bootstrap"

"$binary" topic create --brokers "$bootstrap" --partitions 1 --replication-factor "${#brokers[@]}" "$topic" >/dev/null ||
  die "the topic could not be made"

client="kcat"
command -v kcat >/dev/null || client="kronika itself (there is no kcat here)"
write() {
  if command -v kcat >/dev/null; then kcat -b "$bootstrap" -P -t "$topic" -X acks=all
  else "$binary" topic produce --brokers "$bootstrap" "$topic"; fi
}
# From the broker $1 alone at first, as a client that knows one address does.
read_back() {
  if command -v kcat >/dev/null; then kcat -b "$1" -C -t "$topic" -p 0 -o beginning -e -q
  else "$binary" topic consume --brokers "$1" "$topic"; fi
}

expected="$(seq -f 'record %g' 1 "$records")"
write <<<"$expected" || die "the records could not be written"
say "$records records written to the topic $topic, acknowledged with acks=all"
for broker in "${brokers[@]}"; do
  [[ "$(read_back "$broker")" == "$expected" ]] || die "broker $broker gave other records than were written"
  say "$records records read with $client by way of $broker"
done
say "what the brokers say of the topic's replicas:"
"$binary" topic describe --brokers "$bootstrap" "$topic" | sed -n '/^PARTITION/,$p'
script="$root/deploy/cluster.sh${options[*]:+ ${options[*]}}"
cat <<TEXT

The cluster runs. Try:
  kcat -b $bootstrap -L
  $script kill 0     and read again: kcat -b $bootstrap -C -t $topic -o beginning -e; nothing is lost
  $script restart 0
  $script stop       the data stays
  PATH=$(dirname "$binary"):\$PATH    and then: kronika cluster status
TEXT
