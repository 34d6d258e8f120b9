"""Runs the comparison; bench/compare.sh says how to call it.

In each round each system is started anew in a directory of its own, warmed up, loaded row by row, and stopped.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import measure  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
import systems  # noqa: E402
from rows import GROUPS, LOADS, ROWS, WARM_UP  # noqa: E402

QUICK_SCALE = 0.15
IDLE_SECONDS = {True: 10, False: 60}


def parse(words):
    parser = argparse.ArgumentParser(prog="compare.sh", description="Kronika (fsync on) beside Apache Kafka (no fsync).")
    parser.add_argument("--quick", action="store_true", help="one round, fewer bytes")
    parser.add_argument("--rounds", type=int, help="3; with --quick 1")
    parser.add_argument("--only", action="append", choices=ROWS, help="only this row; may be given again")
    parser.add_argument("--system", action="append", choices=("kafka", "kronika"), help="only this one")
    parser.add_argument("--profile", action="store_true", help="perf on Kronika's brokers in each row")
    parser.add_argument("--json", metavar="FILE", type=Path, help="all figures of all rounds")
    return parser.parse_args(words)


def say(text):
    print(text, flush=True)


def one_round(name, options, folder):
    """{row: figures, "states": {…}} of one system."""
    rows = options.only or ROWS
    scale = QUICK_SCALE if options.quick else 1.0
    wanted = [load for load in LOADS if load.name in rows or any(other.reads == load.name and other.name in rows for other in LOADS)]
    found, partitions = {"states": {}}, 0
    with systems.of_name(name)(folder) as system:
        states = found["states"]
        states["start"] = system.start_seconds
        states["rss-fresh"] = processes.resident_mib(system.pids)
        say(f"{name}: started in {states['start']:.2f} s, {states['rss-fresh']:.0f} MiB")
        for load in ([WARM_UP] if wanted else []) + [load for load in wanted if not load.reads]:
            system.create(load.name, load.partitions)
            partitions += load.partitions
        for load in ([WARM_UP] if wanted else []) + wanted:
            written = found[load.reads]["records"] if load.reads else 0
            profile = folder if options.profile and name == "kronika" and load is not WARM_UP else None
            figures = measure.run_load(system, load, scale, written, profile)
            say(f"{name}: {load.name}: {figures['mb_per_s']:.1f} MB/s, p50 {figures['p50_ms']:.2f} ms, p99 "
                f"{figures['p99_ms']:.2f} ms, brokers {figures['cpu_s_per_gb']:.1f} CPU s/GB, client "
                f"{figures['client_cpu_s_per_gb']:.1f}; other load {figures['other_load_cores']:.2f} cores")
            if load is not WARM_UP:
                found[load.name] = figures
        for row in [row for row in GROUPS if row.name in rows]:
            system.create(row.name, row.partitions)
            partitions += row.partitions
            figures = found[row.name] = measure.run_groups(system, row, scale)
            say(f"{name}: {row.name}: stable after {figures['stable_s']:.2f} s (generation {figures['generation']}), "
                f"{figures['commits_per_s']:.0f} commits/s, p50 {figures['commit_p50_ms']:.2f} ms, p99 "
                f"{figures['commit_p99_ms']:.2f} ms, brokers {figures['cpu_s']:.1f} CPU s; other load "
                f"{figures['other_load_cores']:.2f} cores")
        if wanted:
            states["rss-loaded"] = processes.resident_mib(system.pids)
        if "idle" in rows:
            states["idle"] = measure.idle_percent(system, IDLE_SECONDS[options.quick], partitions)
    return found


def profile_of_missed(rounds, options):
    """Rows below their bars once more, Kronika alone under perf: which functions they spend their time in."""
    missed = [name for name in report.table(rounds)[1] if name in {load.name for load in LOADS}]
    if not missed or options.profile or shutil.which("perf") is None:
        return None
    say(f"-- once more under perf, for {', '.join(missed)}")
    again = argparse.Namespace(**{**vars(options), "only": missed, "profile": True})
    with tempfile.TemporaryDirectory(prefix="kronika-compare-") as folder:
        return {"kronika": one_round("kronika", again, Path(folder))}


def main(words):
    options = parse(words)
    names = options.system or ["kafka", "kronika"]
    for name in names:
        missing = systems.of_name(name).cluster_class.missing()
        if missing:
            sys.exit(f"compare: {name}: {missing}")
    rounds = []
    for number in range(options.rounds or (1 if options.quick else 3)):
        rounds.append({})
        for name in names:
            say(f"-- round {number + 1}, {name}; load of this machine {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors")
            with tempfile.TemporaryDirectory(prefix="kronika-compare-") as folder:
                rounds[-1][name] = one_round(name, options, Path(folder))
        if options.json:
            options.json.write_text(json.dumps(rounds, indent=1))
    profiled = profile_of_missed(rounds, options)
    print(f"\nMedians of {len(rounds)} round(s), replication 3, acks=all, min.insync.replicas=2; Kronika syncs, Kafka does not.")
    print(report.text(rounds, profiled))


if __name__ == "__main__":
    main(sys.argv[1:])
