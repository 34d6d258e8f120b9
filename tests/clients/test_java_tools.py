"""Kafka's own Java tools against three brokers: topics, producer, consumer, offsets, configs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import LONG_FORM, ClusterTest  # noqa: E402


@clients.needs("java")
class JavaTools(ClusterTest):
    def tool(self, name, *words, **options):
        return clients.java(name, "--bootstrap-server", self.cluster.bootstrap, *words, **options)

    def test_life_of_a_topic(self):
        topic = self.topic("java")
        self.assertIn(f"Created topic {topic}",
                      self.tool("topics", "--create", "--topic", topic, "--partitions", "3", "--replication-factor", "3",
                                "--config", "segment.bytes=1048576"))
        described = self.tool("topics", "--describe", "--topic", topic)
        self.assertIn("PartitionCount: 3\tReplicationFactor: 3", described)
        self.assertIn("segment.bytes=1048576", described)
        self.assertEqual(3, described.count("Leader: "))
        self.assertNotIn("Leader: none", described)
        self.assertIn(topic, clients.lines(self.tool("topics", "--list")))
        again = self.tool("topics", "--create", "--topic", topic, check=False)
        self.assertIn("already exists", again)
        self.tool("topics", "--delete", "--topic", topic)
        self.assertNotIn(topic, clients.lines(self.tool("topics", "--list")))

    def test_produce_and_consume(self):
        topic = self.topic("java")
        self.tool("topics", "--create", "--topic", topic, "--partitions", "1")
        text = "".join(f"k{i}:v{i}\n" for i in range(500))
        self.tool("console-producer", "--topic", topic, "--compression-codec", "lz4", "--reader-property", "parse.key=true",
                  "--reader-property", "key.separator=:", stdin=text)
        found = self.tool("console-consumer", "--topic", topic, "--partition", "0", "--offset", "earliest",
                          "--max-messages", "500", "--timeout-ms", "20000", "--formatter-property", "print.key=true",
                          "--formatter-property", "key.separator=:", "--formatter-property", "print.offset=true")
        self.assertEqual([f"Offset:{i}:k{i}:v{i}" for i in range(500)], clients.lines(found))
        self.assertIn(f"{topic}:0:500", self.tool("get-offsets", "--topic", topic))
        self.assertIn(f"{topic}:0:0", self.tool("get-offsets", "--topic", topic, "--time", "earliest"))

    def test_every_codec(self):
        topic = self.topic("java")
        self.tool("topics", "--create", "--topic", topic, "--partitions", "1")
        codecs = ["gzip", "snappy", "lz4", "zstd"] if LONG_FORM else ["snappy", "zstd"]
        for codec in codecs:
            self.tool("console-producer", "--topic", topic, "--compression-codec", codec, stdin=f"{codec} " * 100 + "\n")
        self.assertEqual(codecs, wire.stored_codecs(self.cluster, topic))
        found = self.tool("console-consumer", "--topic", topic, "--partition", "0", "--offset", "earliest", "--max-messages",
                          str(len(codecs)), "--timeout-ms", "20000")
        self.assertEqual([f"{codec} " * 100 for codec in codecs], clients.lines(found))

    def test_configs_are_described(self):
        topic = self.topic("java")
        self.tool("topics", "--create", "--topic", topic, "--config", "min.insync.replicas=2")
        text = self.tool("configs", "--describe", "--all", "--entity-type", "topics", "--entity-name", topic)
        self.assertIn("min.insync.replicas=2 ", text)
        for name in ("segment.bytes", "retention.ms", "max.message.bytes", "compression.type", "message.timestamp.type"):
            self.assertIn(f"  {name}=", text)
        text = self.tool("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", "1")
        self.assertIn("  default.replication.factor=", text)


if __name__ == "__main__":
    results.main()
