"""A cluster of one: what stock clients ask first gets right answers, and ends when it is told to."""

import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import ports  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from process import ROOT, Process, run, wait_for  # noqa: E402

BINARY = ROOT / "build" / "release" / "kronika"


@unittest.skipUnless(BINARY.exists(), "build/release/kronika is not built")
class Single(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="kronika-test-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.port = ports.base_port(1)
        cls.at = f"127.0.0.1:{cls.port}"
        (cls.folder / "kronika.yaml").write_text(
            f"node_id: 1\ndata_dir: {folder.name}/data\nlisteners: PLAINTEXT://{cls.at}\n"
            f"peer_listener: 127.0.0.1:{cls.port + 100}\nadmin_listener: 127.0.0.1:{cls.port + 552}\n")
        config = cls.folder / "kronika.yaml"
        text = run([BINARY, "format", "--brokers", f"1@127.0.0.1:{cls.port + 100}"]).stdout
        run([BINARY, "format", "--config", config, "--from", "-"], stdin=text)
        cls.broker = Process([BINARY, "start", "--config", config], cls.folder / "log")
        cls.addClassCleanup(cls.broker.stop)
        wait_for(lambda: cls.listed() or not cls.broker.running(), 20, "the broker lists itself")

    @classmethod
    def listed(cls):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{cls.port + 552}/readyz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    @clients.needs("kcat")
    def test_kcat_lists_the_broker(self):
        answer = clients.kcat_metadata(self.at)
        self.assertEqual([{"id": 1, "name": self.at}], answer["brokers"])
        self.assertEqual(1, answer["controllerid"])

    @clients.needs_kafka_python()
    def test_kafka_python_probes_the_version(self):
        import kafka
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.at)
        self.assertGreaterEqual(consumer.config["api_version"], (0, 10))
        self.assertEqual(set(), consumer.topics())
        consumer.close()

    @clients.needs("node", "npm")
    def test_kafkajs_describes_the_cluster(self):
        (cluster,) = clients.kafkajs("describe", self.at, "")
        self.assertEqual({"brokers": 1, "controller": 1}, cluster)

    def test_an_unknown_version_of_api_versions_is_answered_in_version_0(self):
        with wire.Connection(self.port) as connection:
            no_tagged_fields = b"\0"
            reader = connection.request(wire.API_VERSIONS, 99, no_tagged_fields)
            self.assertEqual(35, reader.take("h"))
            rows = {key: (low, high) for key, low, high in reader.array(lambda r: r.take("hhh"))}
            self.assertIn(wire.API_VERSIONS, rows)
            # The connection goes on.
            self.assertIn(wire.METADATA, connection.api_versions())

    def test_the_version_names_the_commit(self):
        self.assertRegex(self.broker.output(), r"kronika \S+ commit [0-9a-f]+")


if __name__ == "__main__":
    results.main()
