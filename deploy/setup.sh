#!/usr/bin/env bash
# Installs what building Kronika needs, and with --tests also what its tests need, from the distribution's
# own packages (Debian 12, Debian 13, Ubuntu 24.04). With --client also kcat, a stock client to try it with.
# With --tests it ends with tests/fetch.sh, which gets what no distribution has.
#
#   deploy/setup.sh [--client] [--tests]
#
# Safe to repeat: what is there is left alone, and when nothing is missing it takes a fraction of a second and
# neither needs root nor the network. Missing packages are installed with apt-get, through sudo unless root.
# A package that this distribution does not have is an error when the build needs it, and a printed notice when
# only some tests do: those tests then skip with that reason. Exit codes: 0 ready, 1 not ready, 2 usage.
set -euo pipefail

# One line is one need: alternatives are separated by '|', the first one that the distribution offers is taken.
# 'package=command' counts as there when the command is, wherever it came from.
build_needs="
  g++=g++ cmake=cmake ninja-build=ninja ccache=ccache pkg-config|pkgconf git=git python3=python3
  libboost1.81-dev|libboost-dev
  libgrpc++-dev libprotobuf-dev protobuf-compiler=protoc protobuf-compiler-grpc
  librocksdb-dev liburing-dev libyaml-cpp-dev libspdlog-dev libfmt-dev libcli11-dev nlohmann-json3-dev
  libisal-dev libzstd-dev liblz4-dev libsnappy-dev zlib1g-dev libssl-dev prometheus-cpp-dev libjemalloc-dev
"
test_needs="
  libgtest-dev librapidcheck-dev libbenchmark-dev librdkafka-dev
  clang-19=clang++-19 libclang-rt-19-dev clang-tidy-19=clang-tidy-19 clang-format-19=clang-format-19 llvm-19
"
client_needs="kcat|kafkacat=kcat"
# Tests that miss one of these skip, and say so.
optional_needs="
  $client_needs python3-kafka openjdk-21-jre-headless|openjdk-17-jre-headless|default-jre-headless=java
  maven=mvn nodejs=node npm=npm strace=strace curl=curl jq=jq binutils=strings
  python3-snappy python3-lz4 python3-zstandard python3-venv golang-go=go
"

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

with_tests=false with_client=false
for argument in "$@"; do
  case $argument in
    --tests) with_tests=true ;;
    --client) with_client=true ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "setup: unknown argument '$argument'; usage: deploy/setup.sh [--client] [--tests]" >&2; exit 2 ;;
  esac
done

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
  die "this is not a Debian or Ubuntu system; the packages wanted are: $build_needs"

installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 2>/dev/null | sed -n 's/^ii *//p' | tr '\n' ' ') "
is_there() {
  local packages=${1%%=*} wanted=${1#*=} alternative
  [[ $1 == *=* ]] && command -v "$wanted" >/dev/null && return 0
  for alternative in ${packages//|/ }; do
    [[ $installed == *" $alternative "* ]] && return 0
  done
  return 1
}
# Not a pipe into 'grep -q': that stops reading early, apt-cache dies of SIGPIPE, and pipefail calls it a no.
offered() { [[ $(apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]; }

missing=()
collect() {
  local need
  for need in $1; do is_there "$need" || missing+=("$2:$need"); done
}
collect "$build_needs" required
if $with_client && ! $with_tests; then collect "$client_needs" optional; fi
if $with_tests; then
  collect "$test_needs" required
  collect "$optional_needs" optional
fi
# What the tests need and no distribution has; it says itself what it could not get.
finish() {
  say "$1"
  ! $with_tests || "$(dirname "${BASH_SOURCE[0]}")/../tests/fetch.sh"
  exit 0
}
((${#missing[@]} > 0)) || finish "nothing to install"

as_root=()
if ((EUID != 0)); then
  command -v sudo >/dev/null || die "needs root or sudo to install: ${missing[*]#*:}"
  as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null; }

say "reading the package lists"
apt update >/dev/null || say "could not refresh the package lists; trying with those at hand"

chosen=()
for entry in "${missing[@]}"; do
  kind=${entry%%:*} need=${entry#*:} packages=${need%%=*} choice=""
  for alternative in ${packages//|/ }; do
    if offered "$alternative"; then choice=$alternative; break; fi
  done
  if [[ -n $choice ]]; then
    chosen+=("$choice")
  elif [[ $kind == required ]]; then
    die "this distribution has no package $packages, which is needed"
  else
    say "this distribution has no package $packages; what uses it is skipped"
  fi
done

if ((${#chosen[@]} > 0)); then
  say "installing ${chosen[*]}"
  apt install --no-install-recommends "${chosen[@]}" || die "apt-get could not install the packages above"
fi
finish "ready"
