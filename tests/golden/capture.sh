#!/usr/bin/env bash
# Captures tests/golden/frames/*.txt anew: stock clients against one Apache Kafka broker, through the recording
# proxy. Each file names client, server and command; see capture.py for the format.
#
#   tests/golden/capture.sh [NAME...]     without names: all; --help lists them
# Exit codes: 0 done, 1 failed, 2 usage.
#
# Needs what `deploy/setup.sh --tests` installs; Kafka's jars come through Maven, kafkajs through npm.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
cd "$root"

every_capture() {
  capture kcat_produce "$kcat_version" bash -c "echo k:v | kcat -b $at -P -t kcat -p 0 -K : -H h=1"
  for codec in gzip snappy lz4 zstd; do
    capture "kcat_produce_$codec" "$kcat_version" bash -c "seq 100 | kcat -b $at -P -t kcat -p 0 -z $codec"
  done
  capture kcat_produce_idempotent "$kcat_version" bash -c "echo v | kcat -b $at -P -t kcat -p 0 -X enable.idempotence=true"
  capture kcat_list "$kcat_version" kcat -b "$at" -L
  capture kcat_offsets "$kcat_version" kcat -b "$at" -Q -t kcat:0:-1 -t kcat:0:-2
  capture kcat_consume "$kcat_version" kcat -b "$at" -C -t kcat -p 0 -o beginning -e -q
  capture kafka_python_probe "$python_version" /usr/bin/python3 tests/golden/kafka_python.py probe "$at" python
  capture kafka_python_produce "$python_version" /usr/bin/python3 tests/golden/kafka_python.py produce "$at" python
  capture kafka_python_consume "$python_version" /usr/bin/python3 tests/golden/kafka_python.py consume "$at" python
  capture kafka_python_admin "$python_version" /usr/bin/python3 tests/golden/kafka_python.py admin "$at" python-admin
  capture kafkajs_admin "$js_version" node tests/clients/kafkajs/act.js admin "$at" js-admin
  capture kafkajs_produce "$js_version" node tests/clients/kafkajs/act.js produce "$at" js
  capture java_topics_create "$java_version" $kafka tool topics --bootstrap-server "$at" --create --topic java --partitions 2 --config segment.bytes=1048576
  capture java_topics_describe "$java_version" $kafka tool topics --bootstrap-server "$at" --describe --topic java
  capture java_console_producer "$java_version" bash -c "echo v | $kafka tool console-producer --bootstrap-server $at --topic java"
  capture java_console_consumer "$java_version" $kafka tool console-consumer --bootstrap-server "$at" --topic java --partition 0 --offset earliest --timeout-ms 3000
  capture java_get_offsets "$java_version" $kafka tool get-offsets --bootstrap-server "$at" --topic java
  capture java_configs_describe "$java_version" $kafka tool configs --bootstrap-server "$at" --describe --entity-type topics --entity-name java
  capture java_broker_api_versions "$java_version" $kafka tool broker-api-versions --bootstrap-server "$at"
  capture java_topics_delete "$java_version" $kafka tool topics --bootstrap-server "$at" --delete --topic java
}

# First only the names, before anything is started.
known=() wanted=("$@")
capture() { known+=("$1"); }
kcat_version="" python_version="" java_version="" js_version="" at="" kafka=""
every_capture
for word in "${wanted[@]}"; do
  case " ${known[*]} " in
    *" $word "*) ;;
    *)
      if [[ $word == -h || $word == --help ]]; then code=0 out=1; else echo "capture: unknown name '$word'" >&2; code=2 out=2; fi
      { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; printf 'Names:\n'; printf '  %s\n' "${known[@]}"; } >&$out
      exit $code ;;
  esac
done

frames=tests/golden/frames
work="$(mktemp -d)"
read -r target listen < <(PYTHONPATH=tests/support /usr/bin/python3 -c 'import ports; print(ports.base_port(1, (0, 100)), ports.free_port())')
export KAFKA_BROKERS=1 KAFKA_PORT=$target KAFKA_ADVERTISED_PORT=$listen KAFKA_HEAP=256m
# Data of this run only; the jars are shared.
export KAFKA_HOME_DIR="$work/kafka"
jars="${XDG_CACHE_HOME:-$HOME/.cache}/kronika-kafka"
KAFKA_HOME_DIR="$jars" bench/peer/kafka.sh fetch
mkdir -p "$KAFKA_HOME_DIR"
ln -s "$jars/libs" "$KAFKA_HOME_DIR/libs"
trap 'bench/peer/kafka.sh stop; rm -rf "$work"' EXIT
bench/peer/kafka.sh start auto.create.topics.enable=true num.partitions=1

server="Apache Kafka 4.3.1"
kcat_version="kcat $(dpkg-query -W -f '${Version}' kcat 2>/dev/null), librdkafka $(dpkg-query -W -f '${Version}' librdkafka1 2>/dev/null)"
python_version="kafka-python $(/usr/bin/python3 -c 'import kafka; print(kafka.__version__)')"
java_version="Apache Kafka's Java tools 4.3.1"
[[ -d tests/clients/kafkajs/node_modules ]] || npm ci --prefix tests/clients/kafkajs --silent --no-audit --no-fund
js_version="kafkajs $(node -p 'require("./tests/clients/kafkajs/node_modules/kafkajs/package.json").version')"

capture() {  # name, client, command...
  local name=$1 client=$2
  shift 2
  ((${#wanted[@]} == 0)) || [[ " ${wanted[*]} " == *" $name "* ]] || return 0
  echo "capturing $name"
  # Room for one large record batch is not needed; the frames are read by people, too.
  /usr/bin/python3 tests/golden/capture.py --listen "$listen" --target "$target" --client "$client" --server "$server" \
    --out "$frames/$name.txt" -- "$@" >"$work/$name.out" 2>&1 || { cat "$work/$name.out"; echo "failed: $name"; exit 1; }
}
at="127.0.0.1:$listen"
kafka=bench/peer/kafka.sh

mkdir -p "$frames"
every_capture
