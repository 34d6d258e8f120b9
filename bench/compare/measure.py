"""One row on one system: runs bench_load, takes counters before and after, returns the figures as a dictionary."""

import json
import signal
import subprocess
import time

import processes
from rows import IDLE_PARTITIONS
from systems import BROKERS, ROOT

BENCH = ROOT / "build" / "release" / "bench"
BENCH_LOAD = BENCH / "load" / "bench_load"
BENCH_GROUPS = BENCH / "groups" / "bench_groups"
SETTLE_SECONDS = 5


class Profile:
    """perf over the brokers while a row runs; `lines` are the largest functions afterwards."""

    def __init__(self, pids, folder):
        self.data = folder / "perf.data"
        self._child = subprocess.Popen(
            ["perf", "record", "-q", "-e", "cpu-clock", "-F", "199", "-p", ",".join(map(str, pids)), "-o", self.data],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def lines(self, count=12):
        self._child.send_signal(signal.SIGINT)
        self._child.wait(30)
        done = subprocess.run(["perf", "report", "-i", self.data, "--stdio", "--no-children", "-s", "comm,dso,symbol", "-q"],
                              capture_output=True, text=True, check=False)
        return [" ".join(line.split()).removesuffix(" - -") for line in done.stdout.splitlines() if line.strip()][:count]


def parts(before, after, gigabytes, batches_known):
    """A row's budget: where the brokers' work went, per GB and per batch."""
    threads = {name: (seconds - before["threads"].get(name, 0)) / gigabytes for name, seconds in after["threads"].items()}
    found = {"disk_bytes_per_byte": (after["disk"] - before["disk"]) / gigabytes / 1e9,
             "cpu_s_per_gb_by_thread": {name: round(value, 3) for name, value in
                                        sorted(threads.items(), key=lambda item: -item[1]) if value >= 0.01}}
    own = {name: value - before["own"][name] for name, value in after["own"].items()}
    if own:
        if batches_known:
            # Each replica receives a record once; what it writes to the disk beside the journal went to the page cache first.
            found["copied_received"] = float(BROKERS)
            found["copied_gathered"] = own["journal_bytes"] / gigabytes / 1e9
            found["copied_to_segments"] = max(0.0, found["disk_bytes_per_byte"] - found["copied_gathered"])
        found["syncs_per_gb"] = own["commits"] / gigabytes
        found["frames_per_gb"] = own["frames"] / gigabytes
        requests = own["produce_requests"] if batches_known else own["fetch_requests"]
        # librdkafka puts one batch into a produce request.
        found["batches" if batches_known else "fetches"] = requests
        if requests:
            found["syncs_per_batch"] = own["commits"] / requests
            found["frames_per_batch"] = own["frames"] / requests
            found["cpu_us_per_batch"] = (after["cpu"] - before["cpu"]) * 1e6 / requests
    return found


def words_of(load, scale, written):
    words = ["consume" if load.reads else "produce", *load.words]
    if load.reads:
        return words + ["--records", written, "--passes", max(1, round(load.passes * scale))]
    if load.mb:
        words += ["--bytes", int(load.mb * 1e6 * scale)]
    return words + ["--seconds", max(3.0, load.seconds * scale)]


def run_load(system, load, scale=1.0, written=0, profile_folder=None):
    """The figures of one load; an error is told with what bench_load said."""
    topic = load.reads or load.name
    before = system.counters()
    profile = Profile(system.pids, profile_folder) if profile_folder else None
    done = subprocess.run([str(word) for word in (BENCH_LOAD, *words_of(load, scale, written), "--bootstrap", system.bootstrap,
                                                  "--topic", topic, "--partitions", load.partitions)],
                          capture_output=True, text=True, check=False)
    profiled = profile.lines() if profile else []
    after = system.counters()
    if done.returncode != 0:
        raise RuntimeError(f"{system.name}, {load.name}: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout)
    gigabytes = found["bytes"] / 1e9
    cpu = after["cpu"] - before["cpu"]
    found["cpu_s_per_gb"] = cpu / gigabytes
    found["client_cpu_s_per_gb"] = found["client_cpu_s"] / gigabytes
    others = after["machine"] - before["machine"] - cpu - found["client_cpu_s"]
    found["other_load_cores"] = max(0.0, others / (after["at"] - before["at"]))
    found["budget"] = parts(before, after, gigabytes, not load.reads)
    if profiled:
        found["profile"] = profiled
    return found


def run_groups(system, row, scale=1.0):
    """The figures of one row of consumer groups; an error is told with what bench_groups said."""
    before = system.counters()
    done = subprocess.run([str(word) for word in (BENCH_GROUPS, "--bootstrap", system.bootstrap, "--topic", row.name,
                                                  "--partitions", row.partitions, "--groups", row.groups, "--members", row.members,
                                                  "--prefix", f"{row.name}-", "--commit-seconds", row.commit_seconds * scale)],
                          capture_output=True, text=True, check=False)
    after = system.counters()
    if done.returncode != 0:
        raise RuntimeError(f"{system.name}, {row.name}: {done.stdout}{done.stderr}")
    found = json.loads(done.stdout)
    found["cpu_s"] = after["cpu"] - before["cpu"]
    others = after["machine"] - before["machine"] - found["cpu_s"] - found["client_cpu_s"]
    found["other_load_cores"] = max(0.0, others / (after["at"] - before["at"]))
    return found


def idle_percent(system, seconds, partitions_so_far):
    """CPU of the brokers in percent of a core, with IDLE_PARTITIONS partitions and no client."""
    if partitions_so_far < IDLE_PARTITIONS:
        system.create("idle", IDLE_PARTITIONS - partitions_so_far)
    time.sleep(SETTLE_SECONDS)  # what the load left to do is not idleness
    before, begin = processes.cpu_seconds(system.pids), time.monotonic()
    time.sleep(seconds)
    return (processes.cpu_seconds(system.pids) - before) / (time.monotonic() - begin) * 100
