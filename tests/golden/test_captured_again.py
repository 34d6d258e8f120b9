"""Golden frames captured again in this run: the same client does the same acts against a real Kronika broker, through the
recording proxy, and says byte by byte what it said to Apache Kafka when tests/golden/frames was written.

Compared is the set of requests: how often a client asks again while it waits is its own affair, and so are correlation
ids. Answers are Kafka's there and ours here; what is in them is for the other tests.
"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import clients  # noqa: E402
import ports  # noqa: E402
import results  # noqa: E402
from capture import Recorder  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import run  # noqa: E402

FRAMES = Path(__file__).resolve().parent / "frames"
ACTS = Path(__file__).resolve().parent / "kafka_python.py"
CORRELATION_ID = slice(8, 16)  # of the hexadecimal digits


def requests(text):
    """The distinct requests of a capture, as 'KEY VERSION HEX' without the correlation id."""
    found = set()
    for line in text.splitlines():
        if line.startswith("> "):
            _, key, version, digits = line.split()
            found.add(f"{key} {version} {digits[:CORRELATION_ID.start]}........{digits[CORRELATION_ID.stop:]}")
    return found


@clients.needs_kafka_python()
class CapturedAgain(ClusterTest):
    BROKERS = 1

    @classmethod
    def setUpClass(cls):
        import kafka
        cls.client = f"kafka-python {kafka.__version__}"
        proxy = ports.free_port()
        cls.SETTINGS = {"advertised_listeners": f"PLAINTEXT://127.0.0.1:{proxy}", "disk_reserve_bytes": "0"}
        super().setUpClass()
        cls.recorder = Recorder(proxy, cls.cluster.port(0))
        cls.addClassCleanup(cls.recorder.close)

    def capture(self, act, topic):
        self.recorder.connections.clear()
        run(["/usr/bin/python3", ACTS, act, f"127.0.0.1:{self.recorder.port}", topic], 60)
        return self.recorder.text()

    def compare(self, act, topic):
        golden = (FRAMES / f"kafka_python_{act}.txt").read_text()
        captured_from = golden.splitlines()[0].removeprefix("# client: ")
        if captured_from != self.client:
            raise unittest.SkipTest(f"the frames are of {captured_from}, here is {self.client}")
        then, now = requests(golden), requests(self.capture(act, topic))
        self.assertGreater(len(now), 2)
        self.assertEqual(sorted(then), sorted(now), f"{act}: what the client asked Apache Kafka, and asks Kronika")

    def test_probe(self):
        self.compare("probe", "python")

    def test_produce_and_consume(self):
        self.compare("produce", "python")
        self.compare("consume", "python")

    def test_admin(self):
        self.compare("admin", "python-admin")

    def test_another_request_is_seen(self):
        """The comparison can fail: one that asks for something else is not the same."""
        golden = requests((FRAMES / "kafka_python_produce.txt").read_text())
        self.assertNotEqual(golden, requests(self.capture("produce", "pythoN")))


if __name__ == "__main__":
    results.main()
