"""The two systems under the same roof: three brokers of each, started anew for a round, with its topics made alike."""

import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import cluster  # noqa: E402
import processes  # noqa: E402
from process import run  # noqa: E402

BROKERS = 3


class System:
    """One round's cluster, in `folder`; used with `with`."""

    name = ""
    cluster_class = None

    def __init__(self, folder):
        self.cluster = self.cluster_class(BROKERS, {}, folder)
        self.bootstrap = ",".join(f"127.0.0.1:{self.cluster.port(i)}" for i in range(BROKERS))

    def __enter__(self):
        begin = time.monotonic()
        try:
            self.cluster.start()
        except BaseException:
            self.cluster.stop()
            raise
        self.start_seconds = time.monotonic() - begin
        self.pids = [self.cluster.pid(i) for i in range(BROKERS)]
        return self

    def __exit__(self, *_):
        self.cluster.stop()

    def create(self, topic, partitions):
        run([cluster.BINARY, "topic", "create", topic, "-b", self.bootstrap, "-p", str(partitions), "-r", str(BROKERS),
             "--config", "min.insync.replicas=2"])

    def counters(self):
        """What a row's budget is made of; differences of two of these count."""
        return {"at": time.monotonic(), "cpu": processes.cpu_seconds(self.pids), "disk": processes.bytes_written(self.pids),
                "threads": processes.cpu_seconds_by_thread(self.pids), "machine": processes.machine_busy_seconds(),
                "own": self.own_counters()}

    def own_counters(self):
        return {}


class Kronika(System):
    name = "kronika"
    cluster_class = cluster.Kronika

    def own_counters(self):
        """Sums over the brokers of what only Kronika tells."""
        sums = {"commits": 0, "journal_bytes": 0, "frames": 0, "produce_requests": 0, "fetch_requests": 0}
        for broker in range(BROKERS):
            status = self.cluster.status(broker)
            sums["commits"] += status["journal"]["commits"]
            sums["journal_bytes"] += status["journal"]["bytes_written"]
            sums["frames"] += sum(peer["frames_out"] for peer in status["peers"])
            for line in self.cluster.get(broker, "/metrics").splitlines():
                for api in ("Produce", "Fetch"):
                    if line.startswith(f'kronika_requests_total{{api="{api}"}}'):
                        sums[f"{api.lower()}_requests"] += int(float(line.split()[-1]))
        return sums


class PeerKafka(cluster.Kafka):
    """With Kafka's own defaults, the heap's included."""

    HEAP = "1g"
    PROPERTIES = ()


class Kafka(System):
    name = "kafka"
    cluster_class = PeerKafka


def of_name(name):
    return {"kronika": Kronika, "kafka": Kafka}[name]

