#!/usr/bin/env bash
# A Kronika cluster on this machine: brokers 0..N-1 (node ids 1..N) on 127.0.0.1.
#
#   cluster.sh start                 found the cluster if it is new, start what does not run, wait until all is ready
#   cluster.sh stop                  end the brokers: TERM (leaders are handed over), wait, KILL; the data stays
#   cluster.sh status                one line a broker; exit code 10 unless every broker is ready
#   cluster.sh kill I                kill -9 broker I
#   cluster.sh pause I | resume I    SIGSTOP | SIGCONT
#   cluster.sh restart I             end broker I if it runs, start it, wait until it lives (not until it is ready)
#   cluster.sh logs [I]              the end of the logs
#
# Options: -n BROKERS (3)  --dir DIR (kronika-cluster in the repository)  --base-port P (9092)
#   --set KEY=VALUE (a key of the node file, repeatable; only when the cluster is new)  --timeout SECONDS (60; an end is
#   waited for at most 15)
# Ports of broker I: Kafka P+I, broker to broker P+100+I, admin HTTP P+552+I.
# Everything of broker I is in DIR/node<I>/: kronika.yaml, data/, kronika.log, pid. No data is ever deleted here.
# Safe to repeat, independent of the current folder. KRONIKA_BIN names another program than build/release/kronika.
# Exit codes: 0 done, 1 failed, 2 usage, 10 not every broker is ready (status).
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
binary="${KRONIKA_BIN:-$root/build/release/kronika}"
dir="$root/kronika-cluster"
brokers="" base_port="" timeout_seconds=60 settings=()

say() { echo "cluster: $*"; }
die() { echo "cluster: $*" >&2; exit 1; }
help() { sed -n '2,19s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
usage() { echo "cluster: $*" >&2; help >&2; exit 2; }
# Whether $1 is a number from $2 to $3; 08 is 8.
is_number() { [[ $1 =~ ^[0-9]{1,5}$ ]] && ((10#$1 >= $2 && 10#$1 <= $3)); }

# --- arguments ------------------------------------------------------------------------------------------------

words=()
while (($#)); do
  case $1 in
    -n | --dir | --base-port | --set | --timeout) (($# > 1)) || usage "$1 needs a value" ;;&
    -n) is_number "$2" 1 99 || usage "-n: '$2' is not a number from 1 to 99"; brokers=$((10#$2)); shift ;;
    --dir) [[ -n $2 ]] || usage "--dir is empty"; dir=$2; shift ;;
    --base-port) is_number "$2" 1 64000 || usage "--base-port: '$2' is no port"; base_port=$((10#$2)); shift ;;
    --set) [[ $2 == [a-z]*=* ]] || usage "--set: '$2' is not KEY=VALUE"; settings+=("${2%%=*}: ${2#*=}"); shift ;;
    --timeout) is_number "$2" 0 99999 || usage "--timeout: '$2' is not a number"; timeout_seconds=$((10#$2)); shift ;;
    -h | --help) help; exit 0 ;;
    -*) usage "unknown option '$1'" ;;
    *) words+=("$1") ;;
  esac
  shift
done
((${#words[@]} > 0)) || usage "no command"
command=${words[0]}
[[ $dir == /* ]] || dir="$PWD/$dir"
state="$dir/cluster"

# What the cluster was founded with counts; an option may only repeat it.
if [[ -e $state ]]; then
  read -r recorded_brokers recorded_port <"$state"
  [[ -z $brokers || $brokers == "$recorded_brokers" ]] || die "$dir holds a cluster of $recorded_brokers brokers, not $brokers"
  [[ -z $base_port || $base_port == "$recorded_port" ]] || die "$dir holds a cluster at port $recorded_port, not $base_port"
  brokers=$recorded_brokers base_port=$recorded_port
  ((${#settings[@]} == 0)) || die "$dir holds a cluster already; edit its node files instead of --set"
fi
brokers=${brokers:-3} base_port=${base_port:-9092}
found_alive=()
stop_seconds=$((timeout_seconds < 15 ? timeout_seconds : 15))

kafka_port() { echo $((base_port + $1)); }
peer_port() { echo $((base_port + 100 + $1)); }
admin_port() { echo $((base_port + 552 + $1)); }
node() { echo "$dir/node$1"; }
each() { local i; for ((i = 0; i < brokers; i++)); do "$@" "$i"; done; }

# --- processes ------------------------------------------------------------------------------------------------

# The start time tells a process from a later one with the same id.
start_time() { [[ -r /proc/$1/stat ]] && sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
process_state() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1; }

# Prints the id of broker $1's process; fails when it does not run.
pid_of() {
  local pid started
  [[ -s $(node "$1")/pid ]] && read -r pid started <"$(node "$1")/pid" || return 1
  # A process that ended before its start time was read left none.
  [[ -n $started && $(start_time "$pid") == "$started" ]] && ! has_ended "$pid" || return 1
  echo "$pid"
}
# Nobody has asked for its exit code yet, and none of its threads is left, which would hold its files.
has_ended() {
  local threads=("/proc/$1/task"/*)
  [[ $(process_state "$1") == Z ]] && ((${#threads[@]} < 2))
}

# Waits until broker $1 has ended, at most $2 seconds.
wait_end() {
  local tenths=$(($2 * 10))
  while pid_of "$1" >/dev/null; do
    ((tenths-- > 0)) || return 1
    sleep 0.1
  done
  # Whoever removes the folder next must not meet the last line that is written there.
  tenths=20
  while [[ -e $(node "$1")/pid && ! -e $(node "$1")/exit_code ]] && ((tenths-- > 0)); do sleep 0.05; done
}

# Runs a broker, notes its process id, and later its exit code.
supervise() {
  local folder=$1 started
  shift
  "$@" >>"$folder/kronika.log" 2>&1 </dev/null &
  started=$(start_time $!)
  echo "$! $started" >"$folder/pid.new" && mv "$folder/pid.new" "$folder/pid"
  local code=0
  wait $! || code=$?
  echo "$code" >"$folder/exit_code"
}

launch() {
  local i=$1 folder
  folder=$(node "$i")
  ! pid_of "$i" >/dev/null || { found_alive[i]=yes; return; }
  rm -f "$folder/pid" "$folder/exit_code"
  [[ ! -s $folder/kronika.log ]] || mv "$folder/kronika.log" "$folder/kronika.log.1"
  : >"$folder/kronika.log"
  export -f supervise start_time
  # A process group of its own: Ctrl-C at a terminal does not reach it. The lock stays with this script.
  setsid bash -c 'supervise "$@"' supervise "$folder" "$binary" start --config "$folder/kronika.yaml" 9>&- >/dev/null 2>&1 </dev/null &
  disown
  local tenths=50
  until [[ -s $folder/pid ]]; do ((tenths-- > 0)) || die "broker $i could not be started"; sleep 0.1; done
}

end() {
  local i=$1 pid
  pid=$(pid_of "$i") || return 0
  kill -TERM "$pid" 2>/dev/null || return 0
  kill -CONT "$pid" 2>/dev/null || true  # a paused one cannot hear TERM
}

end_and_wait() {
  end "$1"
  wait_end "$1" "$stop_seconds" && return
  say "broker $1 did not end within $stop_seconds s: KILL"
  kill -KILL "$(pid_of "$1")" 2>/dev/null || true
  wait_end "$1" 5 || die "broker $1 cannot be ended"
}

# --- what a broker says ---------------------------------------------------------------------------------------

# Prints the answer to an HTTP GET of path $2 at the admin port of broker $1; needs no other program.
get() {
  local line
  {
    exec 3<>"/dev/tcp/127.0.0.1/$(admin_port "$1")"
    printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$2" >&3
    while IFS= read -r -t 2 line <&3 || [[ -n $line ]]; do echo "${line%$'\r'}"; line=""; done
    exec 3>&-
  } 2>/dev/null
}
answers() { [[ $( (get "$1" "$2" || true) | head -1) == HTTP/1.?" 200"* ]]; }
# The node ids that broker $1 lists, as 1,2,3.
listed() { (get "$1" /v1/status || true) | tr -d ' \n' | sed -n 's/.*"brokers":\[\([0-9,]*\)\].*/\1/p' | tr ',' '\n' | sort -n | paste -sd,; }
all_ids() { seq -s, 1 "$brokers"; }
accepts() { (exec 3<>"/dev/tcp/127.0.0.1/$(kafka_port "$1")") 2>/dev/null; }
ready() { answers "$1" /readyz && accepts "$1" && [[ $(listed "$1") == "$(all_ids)" ]]; }

# Why broker $1 ended: its own sentence about that, which log lines may follow, else its last line.
reason_of() { { grep '^kronika: ' "$(node "$1")/kronika.log" || cat "$(node "$1")/kronika.log"; } | tail -n 1; }

last_words() {
  local code=""
  [[ -s $(node "$1")/exit_code ]] && code=" with exit code $(<"$(node "$1")/exit_code")"
  echo "cluster: broker $1 ended$code: $(reason_of "$1")" >&2
  echo "cluster: the end of $(node "$1")/kronika.log:" >&2
  tail -n 15 "$(node "$1")/kronika.log" >&2
}

# Broker $1 has to run. One that this command found alive may have been ending already, as after a kill.
must_run() {
  pid_of "$1" >/dev/null && return
  [[ -n ${found_alive[$1]:-} ]] || { last_words "$1"; exit 1; }
  found_alive[$1]=""
  say "broker $1 was running and has ended: starting it"
  launch "$1"
}
# One that ended is the reason why another one waits.
ready_beside_all() { each must_run; ready "$1"; }

wait_until() {
  local i=$1 condition=$2 what=$3 deadline=$((SECONDS + timeout_seconds))
  shift 3
  # First whether it runs: another process that has its ports may answer in its place.
  while must_run "$i"; ! "$condition" "$i" "$@"; do
    ((SECONDS < deadline)) || die "broker $i is not $what after $timeout_seconds s; see $(node "$i")/kronika.log"
    sleep 0.1
  done
}

# --- founding -------------------------------------------------------------------------------------------------

peers() { each peer | paste -sd,; }
peer() { echo "$(($1 + 1))@127.0.0.1:$(peer_port "$1")"; }

write_config() {
  local i=$1
  cat >"$(node "$i")/kronika.yaml" <<YAML
# Written by cluster.sh when the cluster was founded.
node_id: $((i + 1))
data_dir: $(node "$i")/data
listeners: PLAINTEXT://127.0.0.1:$(kafka_port "$i")
peer_listener: 127.0.0.1:$(peer_port "$i")
admin_listener: 127.0.0.1:$(admin_port "$i")
cluster_peers: $(peers)
YAML
  ((${#settings[@]} == 0)) || printf '%s\n' "${settings[@]}" >>"$(node "$i")/kronika.yaml"
}

prepare() { mkdir -p "$(node "$1")"; write_config "$1"; }
format_one() { "$binary" format --config "$(node "$1")/kronika.yaml" --from "$dir/founding" >/dev/null || die "format of broker $1 failed"; }

# One call makes the founding text, each broker's directory is formatted from it. The state file comes last, so
# that a founding that was cut short is done again: format refuses a directory with another founding.
found() {
  [[ ! -e $state ]] || return 0
  # One that was cut short may have been for other ports or another size, and directories be formatted from it.
  [[ ! -s $dir/founding || $(<"$dir/founded_for") == "$(peers)" ]] ||
    die "$dir holds a founding for $(<"$dir/founded_for") that was not completed: remove the folder, or name the same ports and size"
  peers >"$dir/founded_for"
  each prepare
  [[ -s $dir/founding ]] || { "$binary" format --brokers "$(peers)" >"$dir/founding.new" && mv "$dir/founding.new" "$dir/founding"; } ||
    die "founding failed"
  each format_one
  echo "$brokers $base_port" >"$state.new" && mv "$state.new" "$state"
  say "founded a cluster of $brokers in $dir"
}

# --- commands -------------------------------------------------------------------------------------------------

exists() { [[ -e $state ]] || die "there is no cluster in $dir"; }
locked() { mkdir -p "$dir"; exec 9>"$dir/lock"; flock -w 120 9 || die "another cluster.sh works on $dir"; }
one() { local pid; pid=$(pid_of "$index") || die "broker $index does not run"; echo "$pid"; }

has_program() { [[ -x $binary ]] || die "no program $binary: build it first (cmake --workflow --preset release)"; }

start() {
  has_program
  locked
  found
  each launch
  local i
  for ((i = 0; i < brokers; i++)); do wait_until "$i" ready_beside_all "ready"; done
  say "$brokers brokers ready; bootstrap: $(each bootstrap_of | paste -sd,)"
}
bootstrap_of() { echo "127.0.0.1:$(kafka_port "$1")"; }

stop() {
  [[ -e $state ]] || { say "there is no cluster in $dir"; return 0; }
  locked
  each end
  each end_and_wait
  say "stopped"
}

# How broker $1 ended, with exit code $2. Only one that failed by itself has last words about that.
ending_of() {
  case $2 in
    0) echo "stopped" ;;
    129 | 1[3-9]?) echo "ended with exit code $2: signal $(($2 - 128))" ;;
    *) echo "ended with exit code $2: $(reason_of "$1")" ;;
  esac
}

# Why broker $1, which runs, is not ready: in its own words, if it has any.
not_ready() {
  local reason=""
  answers "$1" /readyz || reason=$( (get "$1" /readyz || true) | tail -n 1)
  echo "not ready: ${reason:-no answer, or not every broker is listed}; lists brokers '$(listed "$1")'"
}

status_of() {
  local i=$1 pid what
  if ! pid=$(pid_of "$i"); then
    what="down"
    [[ -s $(node "$i")/exit_code ]] && what=$(ending_of "$i" "$(<"$(node "$i")/exit_code")")
    pid=-
  elif [[ $(process_state "$pid") == T ]]; then what="paused"
  elif ready "$i"; then what="ready"
  else what=$(not_ready "$i")
  fi
  [[ $what == ready ]] || healthy=false
  echo "broker $i  id $((i + 1))  pid $pid  kafka $(bootstrap_of "$i")  admin 127.0.0.1:$(admin_port "$i")  $what"
}

log_of() { echo "== $(node "$1")/kronika.log"; tail -n 40 "$(node "$1")/kronika.log" 2>/dev/null || true; }

index=${words[1]:-}
case $command in
  start | stop | status) ((${#words[@]} == 1)) || usage "$command takes no broker" ;;
  kill | pause | resume | restart) ((${#words[@]} == 2)) || usage "$command needs the number of one broker" ;;&
  kill | pause | resume | restart | logs)
    ((${#words[@]} <= 2)) || usage "one broker at a time"
    exists
    [[ -z $index ]] || is_number "$index" 0 $((brokers - 1)) || usage "there is no broker '$index', only 0 to $((brokers - 1))"
    index=${index:+$((10#$index))} ;;
  *) usage "unknown command '$command'" ;;
esac
case $command in
  start) start ;;
  stop) stop ;;
  status) exists; healthy=true; each status_of; $healthy || exit 10 ;;
  kill) pid=$(one); kill -KILL "$pid"; wait_end "$index" 10 || die "broker $index did not end" ;;
  pause) pid=$(one); kill -STOP "$pid" ;;
  resume) pid=$(one); kill -CONT "$pid" ;;
  restart) has_program; locked; end_and_wait "$index"; launch "$index"; wait_until "$index" answers "alive" /livez ;;
  logs) if [[ -n $index ]]; then log_of "$index"; else each log_of; fi ;;
esac
