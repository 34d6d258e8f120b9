"""kafkajs: its producer and its admin client against three brokers."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import ClusterTest  # noqa: E402


@clients.needs("node", "npm")
class KafkaJs(ClusterTest):
    def test_admin(self):
        topic = self.topic("js")
        created, cluster, partitions, segment_bytes, offsets, still_there = clients.kafkajs(
            "admin", self.cluster.bootstrap, topic)
        self.assertTrue(created)
        self.assertEqual(self.BROKERS, cluster["brokers"])
        self.assertIn(cluster["controller"], range(1, self.BROKERS + 1))
        self.assertEqual(2, partitions)
        self.assertEqual("1048576", segment_bytes)
        self.assertEqual([("0", "0"), ("1", "0")], sorted((str(o["partition"]), o["offset"]) for o in offsets))
        self.assertFalse(still_there)

    @clients.needs("kcat")
    def test_producer(self):
        topic = self.topic("js")
        first, second = clients.kafkajs("produce", self.cluster.bootstrap, topic)
        self.assertEqual([(0, "0"), (0, "3")], [(r["errorCode"], r["baseOffset"]) for r in first + second])
        text = clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-Z",
                            "-f", "%o|%k|%s|%T|%h\n")
        expected = ["k|v|1700000000000|h=1", "NULL|value|1700000000000|", "key|NULL|1700000000000|"] * 2
        self.assertEqual([f"{offset}|{rest}" for offset, rest in enumerate(expected)], clients.lines(text))
        self.assertEqual(["none", "gzip"], wire.stored_codecs(self.cluster, topic))


if __name__ == "__main__":
    results.main()
