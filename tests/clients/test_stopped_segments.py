"""Kafka's dump tool reads what stopped brokers left: rolled and active segments, every record, every index."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from cluster import ClusterTest  # noqa: E402

COMPLAINTS = ("Found", "mismatch", "corrupt", "invalid")


@clients.needs("kcat", "java")
@clients.needs_kafka_python()
class StoppedSegments(ClusterTest):
    def test_dump_log(self):
        import kafka.admin
        topic = self.topic("dump")
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.create_topics([kafka.admin.NewTopic(topic, 1, self.BROKERS, topic_configs={"segment.bytes": "1048576"})])
        admin.close()
        text = "".join(f"record {i} {'x' * 1000}\n" for i in range(1500))
        for codec in ("none", "lz4", "zstd"):
            clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", "-z", codec, stdin=text)
        self.cluster.stop()
        for broker in range(self.BROKERS):
            segments = sorted(self.cluster.data(broker).glob(f"topics/{topic}-0/**/*.log"))
            self.assertGreaterEqual(len(segments), 2, f"broker {broker} rolled a segment")
            for words in (("--deep-iteration",), ("--index-sanity-check",)):
                files = segments if words[0] == "--deep-iteration" else [f.with_suffix(".index") for f in segments]
                told = clients.java("dump-log", *words, "--files", ",".join(map(str, files)))
                self.assertEqual([], [line for line in clients.lines(told) if any(word in line for word in COMPLAINTS)])
                if words[0] == "--deep-iteration":
                    self.assertEqual(4500, sum(1 for line in clients.lines(told) if line.startswith("| offset:")))


if __name__ == "__main__":
    results.main()
