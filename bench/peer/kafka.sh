#!/usr/bin/env bash
# Apache Kafka on this machine: the broker to compare with, and Kafka's own tools to test with.
#
#   kafka.sh fetch                    get the jars through Maven, once
#   kafka.sh start [KEY=VALUE...]     format new data, start N brokers that are controllers too, wait for all; the
#                                     pairs are server properties beside Kafka's defaults
#   kafka.sh stop                     end exactly the recorded brokers; the data stays
#   kafka.sh wipe                     stop, then delete the brokers' data
#   kafka.sh kill I | restart I       kill -9 | start broker I (0..N-1) again
#   kafka.sh status                   per broker: process id, CPU seconds so far, resident MiB
#   kafka.sh bootstrap                host:port of every broker, joined by commas
#   kafka.sh tool NAME [ARGUMENT...]  a tool by its script's name without "kafka-" and ".sh", or by its class
#
# Environment: KAFKA_HOME_DIR (jars and data; ~/.cache/kronika-kafka), KAFKA_BROKERS (3), KAFKA_PORT (29092; the
# controllers take KAFKA_PORT+100 and up), KAFKA_HEAP (1g, the default of Kafka's start script),
# KAFKA_ADVERTISED_PORT (where clients are sent instead of KAFKA_PORT; for a recording proxy before one broker).
# Needs Java 17 and Maven. Exit codes: 0 done, 1 failed, 2 usage, 77 Java or Maven is missing or fetching failed.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
home="${KAFKA_HOME_DIR:-$HOME/.cache/kronika-kafka}"
brokers="${KAFKA_BROKERS:-3}" port="${KAFKA_PORT:-29092}" heap="${KAFKA_HEAP:-1g}"
advertised="${KAFKA_ADVERTISED_PORT:-$port}"
libs="$home/libs" settings_of_tools="$home/log-tools.xml" settings_of_server="$home/log-server.xml"
# The classes that every tool loads, as the virtual machine keeps them between runs: half of a tool's time is their loading.
archive="$home/classes.jsa"
# Any id of 16 bytes in Kafka's spelling will do; a fixed one keeps the runs alike.
cluster_id="S3JvbmlrYS1CZW5jaC0xMg"

tool_options=(-Xmx256m -XX:TieredStopAtLevel=1 "-Dlog4j2.configurationFile=$settings_of_tools" -cp "$libs/*")

fail() { echo "kafka.sh: $1" >&2; exit "${2:-1}"; }
numbers() { seq 0 $((brokers - 1)); }
join() { paste -sd, -; }
node() { echo "$home/node$1"; }
smaller() { echo $(($1 < $2 ? $1 : $2)); }

# --- jars and tools -------------------------------------------------------------------------------------------

# Another program may read the file meanwhile.
log_settings() {  # file, level, appender
  local text
  text=$(printf '<Configuration><Appenders>%s</Appenders><Loggers><Root level="%s"><AppenderRef ref="to"/></Root></Loggers></Configuration>' "$3" "$2")
  [[ -e $1 && $(<"$1") == "$text" ]] && return
  echo "$text" >"$1.$$" && mv "$1.$$" "$1"
}

fetch() {
  command -v java >/dev/null || fail "Java is not installed" 77
  if [[ ! -e $libs/complete ]]; then
    command -v mvn >/dev/null || fail "Maven is not installed" 77
    mkdir -p "$libs"
    mvn -q --batch-mode -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$libs" >&2 ||
      fail "Maven could not fetch the jars" 77
    touch "$libs/complete"
  fi
  write_settings
  # A machine that cannot keep them starts its tools without.
  [[ $archive -nt $(readlink -f "$(command -v java)") ]] || (archive_classes) || true
}

write_settings() {
  log_settings "$settings_of_tools" WARN '<Console name="to" target="SYSTEM_ERR"><PatternLayout pattern="%p %c: %m%n"/></Console>'
  log_settings "$settings_of_server" INFO '<File name="to" fileName="${sys:server.log}"><PatternLayout pattern="%d %p %c: %m%n"/></File>'
}

# Which classes: what three tools load until they find nobody at that port, and all of Kafka's clients and tools, since
# most of a tool's life comes after that. Under a name of its own first: two may do this at once.
archive_classes() {
  local new list tool
  new=$(mktemp -u "$archive.XXXXXX") list=$(mktemp)
  for tool in "consumer-groups --list --timeout 100" "console-consumer --topic none --timeout-ms 100" "topics --list"; do
    # shellcheck disable=SC2086
    timeout 10 java -Xlog:disable -XX:DumpLoadedClassList="$list.some" "${tool_options[@]}" "$(class_of "${tool%% *}")" \
      --bootstrap-server 127.0.0.1:1 ${tool#* } >/dev/null 2>&1 || true
    cat "$list.some" >>"$list"
  done
  for tool in "$libs"/kafka-clients-*.jar "$libs"/kafka-tools-[0-9]*.jar; do
    python3 -m zipfile -l "$tool" | sed -n 's|^\(org/apache/kafka/[^ ]*\)\.class .*|\1|p' >>"$list"
  done
  awk '!seen[$0]++' "$list" >"$list.all"
  java -Xlog:disable -Xshare:dump -XX:SharedClassListFile="$list.all" -XX:SharedArchiveFile="$new" "${tool_options[@]}" >/dev/null 2>&1
  rm -f "$list" "$list.some" "$list.all"
  [[ -s $new ]] || touch "$new"  # not to be tried again
  mv "$new" "$archive"
}

class_of() {
  case $1 in
    *.*) echo "$1" ;;
    topics) echo org.apache.kafka.tools.TopicCommand ;;
    configs) echo kafka.admin.ConfigCommand ;;
    console-producer) echo org.apache.kafka.tools.ConsoleProducer ;;
    console-consumer) echo org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    get-offsets) echo org.apache.kafka.tools.GetOffsetShell ;;
    broker-api-versions) echo org.apache.kafka.tools.BrokerApiVersionsCommand ;;
    dump-log) echo org.apache.kafka.tools.DumpLogSegments ;;
    producer-perf-test) echo org.apache.kafka.tools.ProducerPerformance ;;
    consumer-perf-test) echo org.apache.kafka.tools.ConsumerPerformance ;;
    consumer-groups) echo org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    delete-records) echo org.apache.kafka.tools.DeleteRecordsCommand ;;
    leader-election) echo org.apache.kafka.tools.LeaderElectionCommand ;;
    verifiable-producer) echo org.apache.kafka.tools.VerifiableProducer ;;
    verifiable-consumer) echo org.apache.kafka.tools.VerifiableConsumer ;;
    storage) echo kafka.tools.StorageTool ;;
    *) fail "no tool named $1" 2 ;;
  esac
}

tool() {
  local class
  class=$(class_of "$1")
  shift
  # An archive of another Java is not used, without a word about it.
  ${in_place:-} java -Xlog:disable -XX:SharedArchiveFile="$archive" "${tool_options[@]}" "$class" "$@"
}

# --- brokers --------------------------------------------------------------------------------------------------

pid_of() {
  local pid file
  file="$(node "$1")/pid"
  [[ -s $file ]] && pid=$(<"$file") && [[ $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) == *"$(node "$1")/server.properties"* ]] || return 1
  echo "$pid"
}

properties() {
  local i=$1 copies
  copies=$(smaller 3 "$brokers")
  cat <<END
process.roles=broker,controller
node.id=$((i + 1))
controller.quorum.voters=$(for j in $(numbers); do echo "$((j + 1))@127.0.0.1:$((port + 100 + j))"; done | join)
listeners=PLAINTEXT://127.0.0.1:$((port + i)),CONTROLLER://127.0.0.1:$((port + 100 + i))
advertised.listeners=PLAINTEXT://127.0.0.1:$((advertised + i)),CONTROLLER://127.0.0.1:$((port + 100 + i))
controller.listener.names=CONTROLLER
log.dirs=$(node "$i")/data
default.replication.factor=$copies
offsets.topic.replication.factor=$copies
transaction.state.log.replication.factor=$copies
transaction.state.log.min.isr=$(smaller 2 "$brokers")
share.coordinator.state.topic.replication.factor=$copies
share.coordinator.state.topic.min.isr=$(smaller 2 "$brokers")
END
}

start_broker() {
  local i=$1 folder
  shift
  folder=$(node "$i")
  pid_of "$i" >/dev/null && return 0
  mkdir -p "$folder"
  rm -f "$folder/server.log"
  { properties "$i"; (($# == 0)) || printf '%s\n' "$@"; } >"$folder/server.properties"
  [[ -e $folder/data/meta.properties ]] || tool storage format -t "$cluster_id" -c "$folder/server.properties" >"$folder/format.log" 2>&1 ||
    { cat "$folder/format.log" >&2; fail "broker $i could not be formatted"; }
  # The collector's settings are those of Kafka's own start script.
  setsid java -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent \
    -Djava.awt.headless=true "-Xms$heap" "-Xmx$heap" -Dlog4j2.configurationFile="$settings_of_server" -Dserver.log="$folder/server.log" \
    -cp "$libs/*" kafka.Kafka "$folder/server.properties" >"$folder/output" 2>&1 </dev/null &
  echo $! >"$folder/pid"
}

await() {
  local i=$1 limit=$((SECONDS + 90))
  until grep -qs 'Kafka Server started' "$(node "$i")/server.log"; do
    kill -0 "$(<"$(node "$i")/pid")" 2>/dev/null || { tail -n 10 "$(node "$i")/output" "$(node "$i")/server.log" >&2; fail "broker $i ended"; }
    ((SECONDS < limit)) || fail "broker $i was not ready within 90 s"
    sleep 0.2
  done
}

stop_all() {
  local i pid tenths
  for i in $(numbers); do pid=$(pid_of "$i") && kill -TERM "$pid" || true; done
  for i in $(numbers); do
    for ((tenths = 300; tenths > 0; tenths--)); do pid_of "$i" >/dev/null || break; sleep 0.1; done
    pid=$(pid_of "$i") && kill -KILL "$pid" || true
    rm -f "$(node "$i")/pid"
  done
}

status_of() {
  local i=$1 pid ticks resident
  pid=$(pid_of "$i") || { echo "broker $i down"; return 0; }
  ticks=$(sed 's/.*) //' "/proc/$pid/stat" | awk '{print $12 + $13}')
  resident=$(awk '/^VmRSS/ {print int($2 / 1024)}' "/proc/$pid/status")
  awk -v i="$i" -v p="$pid" -v t="$ticks" -v z="$(getconf CLK_TCK)" -v r="$resident" \
    'BEGIN {printf "broker %d pid %d cpu_s %.2f rss_mib %d\n", i, p, t / z, r}'
}

command=${1:-}
(($# == 0)) || shift
case $command in
  fetch) fetch ;;
  start)
    fetch
    for i in $(numbers); do start_broker "$i" "$@"; done
    for i in $(numbers); do await "$i"; done ;;
  restart) (($# > 0)) || fail "restart needs a broker" 2; fetch; start_broker "$@" ;;
  kill) (($# == 1)) || fail "kill needs a broker" 2; pid=$(pid_of "$1") || fail "broker $1 does not run"; kill -KILL "$pid" ;;
  stop) stop_all ;;
  wipe) stop_all; for i in $(numbers); do rm -rf "$(node "$i")"; done ;;
  status) for i in $(numbers); do status_of "$i"; done ;;
  bootstrap) for i in $(numbers); do echo "127.0.0.1:$((port + i))"; done | join ;;
  tool) (($# > 0)) || fail "tool needs a name" 2; fetch; in_place=exec; tool "$@" ;;  # whoever ends this process ends the tool
  *) sed -n '2,20s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
