"""The clients that the tests drive, each as a function that runs it to its end; a missing one skips its tests."""

import importlib.util
import json
import shutil
import unittest

from process import ROOT, run

KAFKAJS = ROOT / "tests" / "clients" / "kafkajs"


def needs(*programs):
    """Decorates a test class or case: skipped when a program is not installed."""
    missing = [program for program in programs if shutil.which(program) is None]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def needs_kafka_python():
    return unittest.skipIf(importlib.util.find_spec("kafka") is None, "not installed: kafka-python")


def kcat(bootstrap, *words, stdin=None, seconds=60, check=True):
    return run(["kcat", "-b", bootstrap, *words], seconds, check, stdin=stdin).stdout


def kcat_metadata(bootstrap, *words):
    """What `kcat -L -J` says, as an object."""
    return json.loads(kcat(bootstrap, "-L", "-J", *words))


def java(name, *words, stdin=None, seconds=120, check=True):
    """One of Kafka's own tools; skips the test when Java, Maven or the jars are not to be had."""
    done = run([ROOT / "bench" / "peer" / "kafka.sh", "tool", name, *words], seconds, False, stdin=stdin)
    if done.returncode == 77:
        raise unittest.SkipTest(done.stderr.strip().splitlines()[-1])
    if check and done.returncode != 0:
        raise AssertionError(f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def needs_kafkajs():
    if shutil.which("node") is None or not (KAFKAJS / "node_modules" / "kafkajs").exists():
        raise unittest.SkipTest("not installed: node or kafkajs (deploy/setup.sh --tests says why)")


def kafkajs(act, bootstrap, topic, seconds=60):
    """The values that the act told, in order."""
    needs_kafkajs()
    done = run(["node", KAFKAJS / "act.js", act, bootstrap, topic], seconds)
    return [json.loads(line) for line in done.stdout.splitlines()]


def lines(text):
    return [line for line in text.splitlines() if line]


