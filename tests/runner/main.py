"""Builds and runs the layers; called by tests/run.sh (short form) and tests/long.sh (long form).

    main.py short|long [LAYER...]

Prints for each layer its time and budget, every failure and every skip with its reason, and last one line
"N passed, N failed, N skipped". The exit code is 0 only when nothing failed.
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import layers  # noqa: E402
import tally  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
# What tests/fetch.sh got, for the tests that look for it in their environment.
FETCHED = {"KRONIKA_KAFKA_JAR": Path.home() / ".cache/kronika-kafka/schemas"}
JOBS = os.cpu_count() or 2


def say(text=""):
    print(text, flush=True)


def run(command, seconds_max, log, environment=None):
    """Runs `command` in a process group of its own with output to the file `log`; returns its exit code, or
    None when it was stopped because `seconds_max` had passed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.STDOUT, env=environment, start_new_session=True)
        try:
            return process.wait(timeout=seconds_max)
        except subprocess.TimeoutExpired:
            return None
        finally:
            # Whatever the command started and left behind ends with it.
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def tail(log, lines=60):
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


class Run:
    def __init__(self, form, wanted):
        self.form = form
        self.wanted = wanted
        self.results = ROOT / "build" / "results" / form
        self.total = tally.Tally()
        self.configured = {}  # tree → whether it could be configured

    def fail(self, text):
        self.total.fail(text)
        say(f"FAILED {text}")

    def step(self, name, command, budget, log):
        """A build step: counts only when it fails. Returns whether it succeeded."""
        begin = time.monotonic()
        code = run(command, 3 * budget, log)
        seconds = time.monotonic() - begin
        say(f"{name}: {seconds:.0f} s (budget {budget} s)")
        if code == 0:
            return True
        say(tail(log))
        self.fail(f"{name}: " + ("out of time" if code is None else f"exit code {code}") + f", see {log}")
        return False

    def configure(self, tree):
        if tree not in self.configured:
            log = self.results / f"configure-{tree}.log"
            self.configured[tree] = self.step(f"configure {tree}", ["cmake", "--preset", tree], 120, log)
        return self.configured[tree]

    def build(self, tree, targets=()):
        if not self.configure(tree):
            return False
        command = ["cmake", "--build", "--preset", tree, "-j", str(JOBS)]
        if targets:
            command += ["--target", *targets]
        budget = layers.BUILD_BUDGET_SECONDS[tree]
        return self.step(f"build {tree}", command, budget, self.results / f"build-{tree}.log")

    def selection(self, layer):
        arguments = ["-L", layer.label]
        if layer.tests:
            arguments += ["-R", layer.tests]
        if self.form == "short":
            arguments += ["-LE", "^long$"]
        return arguments

    def names(self, layer):
        """The ctest names of the layer's tests."""
        listing = subprocess.run(
            ["ctest", "--test-dir", f"build/{layer.tree}", "-N", *self.selection(layer)],
            cwd=ROOT, capture_output=True, text=True, check=False)
        return re.findall(r"Test +#\d+: (\S+)", listing.stdout)

    def targets(self, tree, names):
        """Those of `names` that are build targets; script tests need none."""
        known = subprocess.run(["ninja", "-C", f"build/{tree}", "-t", "targets", "all"], cwd=ROOT,
                               capture_output=True, text=True, check=False).stdout
        known = {line.split(":")[0] for line in known.splitlines()}
        return [name for name in names if name in known]

    def layer(self, layer):
        extra_tree = layer.tree not in layers.BUILD_TREES
        if extra_tree and not self.configure(layer.tree):
            return
        names = self.names(layer)
        if not names:
            return
        if extra_tree and not self.build(layer.tree, [*self.targets(layer.tree, names), *layer.targets]):
            return
        folder = self.results / layer.name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.xml"):
            old.unlink()
        short = self.form == "short"
        budget = layer.short_budget_seconds if short else layer.long_budget_seconds
        environment = {name: str(path) for name, path in FETCHED.items() if path.exists()}
        environment |= dict(os.environ, GTEST_OUTPUT=f"xml:{folder}/", KRONIKA_TEST_FORM=self.form)
        junit, log = folder / "ctest.xml.junit", folder / "ctest.log"
        junit.unlink(missing_ok=True)
        begin = time.monotonic()
        code = run(["ctest", "--test-dir", f"build/{layer.tree}", *self.selection(layer), "-j", str(layer.jobs),
                    "--timeout", str(2 * budget), "--output-on-failure", "--output-junit", str(junit),
                    "--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000"],
                   3 * budget, log, environment)
        seconds = time.monotonic() - begin
        result = tally.from_ctest(junit, folder) if junit.exists() else tally.Tally()
        if code is None:
            result.fail(f"{layer.name}: stopped after three times its budget")
        elif code != 0 and result.failed == 0:
            result.fail(f"{layer.name}: ctest ended with exit code {code}")
        self.report(layer.name, result, seconds, budget, log)

    def report(self, name, result, seconds, budget, log):
        if result.failed:
            say(tail(log, 200))
        for text in result.failures:
            say(f"FAILED {text}")
        for text in result.skips:
            say(f"skipped {text}")
        over = " OVER BUDGET" if seconds > budget else ""
        say(f"{name}: {result.line()} in {seconds:.1f} s (budget {budget} s){over}")
        self.total.add(result)

    def everything(self):
        # Every tree is built before any layer runs: a layer may start the daemon of the release tree.
        if all([self.build(tree) for tree in layers.BUILD_TREES]):
            if self.form == "long" and not self.wanted:
                self.build("tidy")
            for layer in layers.LAYERS:
                if self.form in layer.forms and (not self.wanted or layer.name in self.wanted):
                    self.layer(layer)
        return self.total


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("short", "long"):
        say(__doc__.strip())
        return 2
    # Ended from outside, it ends what it started, too: SystemExit passes through run().
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known = {layer.name for layer in layers.LAYERS}
    unknown = [name for name in sys.argv[2:] if name not in known]
    if unknown:
        say(f"no layer named {', '.join(unknown)}; there are {', '.join(sorted(known))}")
        return 2
    begin = time.monotonic()
    total = Run(sys.argv[1], sys.argv[2:]).everything()
    say(f"total time: {(time.monotonic() - begin) / 60:.1f} min")
    if total.passed + total.failed == 0:
        total.fail("no test ran")
        say("FAILED no test ran")
    say(total.line())
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
