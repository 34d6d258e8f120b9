"""Runs one fuzz target for a while and prints what it did.

    run.py BINARY [--seconds 45] [--planted NAME] [--rate-min 2000]

Without --seconds it runs 10 s where KRONIKA_TEST_FORM is short, else 45 s.
Without --planted a crash is a failure, and so is a rate below --rate-min executions a second. With --planted the
bug must be found in that time. The last line says executions, executions a second and covered edges.
Exit codes: 0 as wanted, 1 not, 2 usage.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time


def start(binary, seconds, planted, folder):
    corpus = os.path.join(folder, "corpus")
    os.mkdir(corpus)
    environment = dict(os.environ, KRONIKA_CORPUS=corpus, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
    # What was freed is kept back for a while, so that its use is found: 256 MiB of it are mostly page faults.
    environment.setdefault("ASAN_OPTIONS", "quarantine_size_mb=16")
    environment.pop("KRONIKA_PLANTED", None)
    subprocess.run([binary], env=environment, check=True, capture_output=True)
    del environment["KRONIKA_CORPUS"]
    if planted:
        environment["KRONIKA_PLANTED"] = planted
    arguments = ["-max_total_time=%d" % seconds, "-max_len=65536", "-rss_limit_mb=1024", "-timeout=5",
                 "-print_final_stats=1", "-artifact_prefix=%s/" % folder, corpus]
    return subprocess.run([binary, *arguments], env=environment, capture_output=True, text=True, errors="replace")


def default_seconds():
    return 10 if os.environ.get("KRONIKA_TEST_FORM") == "short" else 45


def last_number(pattern, text):
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=int, default=default_seconds())
    parser.add_argument("--planted")
    parser.add_argument("--rate-min", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        run = start(os.path.abspath(options.binary), options.seconds, options.planted, folder)
        elapsed = max(time.monotonic() - began, 0.001)
    executions = last_number(r"stat::number_of_executed_units:\s+(\d+)", run.stderr)
    executions = executions or last_number(r"^#(\d+)", run.stderr)
    edges = last_number(r"cov: (\d+)", run.stderr)
    rate = int(executions / elapsed)
    if options.planted and "has no planted bug" in run.stderr:
        print(run.stderr.strip())
        return 2
    crashed = run.returncode != 0
    name = os.path.basename(options.binary)
    if options.planted:
        print("%s: the planted bug %s was %s after %.1f s" % (
            name, options.planted, "found" if crashed else "NOT found", elapsed))
    elif crashed:
        print(run.stderr[-4000:])
    print("%s: %d executions, %d a second, %d covered edges" % (name, executions, rate, edges))
    if options.planted:
        return 0 if crashed else 1
    return 1 if crashed or rate < options.rate_min else 0


if __name__ == "__main__":
    sys.exit(main())
