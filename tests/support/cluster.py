"""Clusters for tests: Kronika through deploy/cluster.sh, or Apache Kafka in its place to test the tests.

    class SomeTest(ClusterTest):
        BROKERS = 3
        SETTINGS = {"journal_files": "4"}
        def test_x(self): ... self.cluster.bootstrap ...

One cluster serves all cases of a class, on ports and in a folder of its own. With KRONIKA_TEST_PEER=kafka the same
tests run against Apache Kafka: a test that fails there asks for something that Kafka's clients cannot rely on.
"""

import json
import os
import shutil
import signal
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import ports  # noqa: E402
from process import ROOT, run  # noqa: E402

BINARY = Path(os.environ.get("KRONIKA_BIN", ROOT / "build" / "release" / "kronika"))
PEER_IS_KAFKA = os.environ.get("KRONIKA_TEST_PEER") == "kafka"
LONG_FORM = os.environ.get("KRONIKA_TEST_FORM") == "long"
# The smallest that there is, so that little load recycles its files; and no test stands at the disk's reserve.
SMALL_JOURNAL = {"journal_files": "4", "journal_file_bytes": "16MiB", "disk_reserve_bytes": "0"}


class Kronika:
    """Brokers 0..N-1 with node ids 1..N; `environment` is what they are started with beside the test's own."""

    def __init__(self, brokers, settings, folder, environment=None):
        self.brokers = brokers
        self.environment = environment or {}
        self.dir = Path(folder) / "cluster"
        self.base_port = ports.base_port(brokers)
        self._new = ["-n", str(brokers), "--base-port", str(self.base_port)]
        for key, value in settings.items():
            self._new += ["--set", f"{key}={value}"]

    @staticmethod
    def missing():
        return None if BINARY.exists() else f"{BINARY.relative_to(ROOT) if BINARY.is_relative_to(ROOT) else BINARY} is not built"

    def _script(self, *words, seconds=120, check=True, environment=None):
        return run([ROOT / "deploy" / "cluster.sh", *words, "--dir", self.dir], seconds, check,
                   {**(self.environment or {}), **(environment or {})})

    def start(self):
        self._script("start", *self._new)
        self._new = []

    def stop(self):
        self._script("stop")

    def kill(self, broker):
        self._script("kill", str(broker))

    def restart(self, broker, environment=None, check=True):
        """Waits until it lives, not until it is ready; `environment`, for example of another build, is for this life only."""
        return self._script("restart", str(broker), environment=environment, check=check)

    def pause(self, broker):
        self._script("pause", str(broker))

    def resume(self, broker):
        self._script("resume", str(broker))

    def pid(self, broker):
        return int((self.dir / f"node{broker}" / "pid").read_text().split()[0])

    def logs(self):
        return self._script("logs", check=False).stdout

    def log(self, broker):
        """What the broker wrote in its present life, or its last."""
        return (self.dir / f"node{broker}" / "kronika.log").read_text(errors="replace")

    def exit_code(self, broker):
        """None while it runs."""
        noted = self.dir / f"node{broker}" / "exit_code"
        return int(noted.read_text()) if noted.exists() and noted.read_text().strip() else None

    def config(self, broker):
        return self.dir / f"node{broker}" / "kronika.yaml"

    def data(self, broker):
        return self.dir / f"node{broker}" / "data"

    def port(self, broker):
        return self.base_port + broker

    def get(self, broker, path):
        """The body of an admin HTTP answer."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.base_port + 552 + broker}{path}", timeout=5) as answer:
            return answer.read().decode()

    def status(self, broker):
        return json.loads(self.get(broker, "/v1/status"))

    def ready(self, broker):
        try:
            return self.get(broker, "/readyz").startswith("ok")
        except OSError:
            return False

    def metric(self, broker, name):
        """The sum over a metric's labels."""
        values = [line.rsplit(" ", 1) for line in self.get(broker, "/metrics").splitlines() if not line.startswith("#")]
        return sum(float(value) for key, value in values if key.split("{")[0] == name)


class Kafka:
    """Apache Kafka with the same methods, as far as it has the thing."""

    HEAP = "384m"
    # The delay of a group's first rebalance is for groups of hundreds; tests would wait for it again and again.
    PROPERTIES = ("min.insync.replicas=1", "group.initial.rebalance.delay.ms=200")

    def __init__(self, brokers, _settings, folder, _environment=None):
        self.brokers = brokers
        self.dir = Path(folder) / "kafka"
        self.base_port = ports.base_port(brokers, (0, 100))
        jars = Path.home() / ".cache" / "kronika-kafka"
        self.dir.mkdir(parents=True)
        run([ROOT / "bench" / "peer" / "kafka.sh", "fetch"], 600)
        (self.dir / "libs").symlink_to(jars / "libs")
        self._environment = {"KAFKA_HOME_DIR": str(self.dir), "KAFKA_BROKERS": str(brokers),
                             "KAFKA_PORT": str(self.base_port), "KAFKA_HEAP": self.HEAP}

    @staticmethod
    def missing():
        return None if shutil.which("java") else "java is not installed"

    def _script(self, *words):
        return run([ROOT / "bench" / "peer" / "kafka.sh", *words], 200, environment=self._environment)

    def start(self):
        self._script("start", *self.PROPERTIES)

    def stop(self):
        self._script("stop")

    def kill(self, broker):
        self._script("kill", str(broker))

    def restart(self, broker):
        self._script("restart", str(broker))

    def pid(self, broker):
        return int((self.dir / f"node{broker}" / "pid").read_text())

    def pause(self, broker):
        os.kill(self.pid(broker), signal.SIGSTOP)

    def resume(self, broker):
        os.kill(self.pid(broker), signal.SIGCONT)

    def logs(self):
        return ""

    def data(self, broker):
        return self.dir / f"node{broker}" / "data"

    def port(self, broker):
        return self.base_port + broker


CLUSTER = Kafka if PEER_IS_KAFKA else Kronika


class ClusterTest(unittest.TestCase):
    BROKERS = 3
    SETTINGS = {}
    ENVIRONMENT = {}  # of the brokers

    @classmethod
    def setUpClass(cls):
        reason = CLUSTER.missing()
        if reason:
            raise unittest.SkipTest(reason)
        folder = tempfile.TemporaryDirectory(prefix="kronika-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.cluster = CLUSTER(cls.BROKERS, cls.SETTINGS, cls.folder, cls.ENVIRONMENT)
        cls.addClassCleanup(cls.cluster.stop)
        try:
            cls.cluster.start()
        except AssertionError:
            print(cls.cluster.logs(), flush=True)
            raise
        cls.cluster.bootstrap = ",".join(f"127.0.0.1:{cls.cluster.port(i)}" for i in range(cls.BROKERS))
        cls._names = 0

    def topic(self, word="topic"):
        """A topic name that no other case has."""
        type(self)._names += 1
        return f"{word}-{type(self)._names}"

    def run(self, result=None):
        bad = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > bad:
            print(self.cluster.logs(), flush=True)
        return result
