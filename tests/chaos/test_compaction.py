"""A compacted topic under stock producers, with brokers killed while it is compacted: a consumer from the beginning knows
exactly the keys and last values that were written, every replica's files add up to the same by Kafka's own dump tool, and the
bytes shrink by four fifths.

Seen to fail: with tombstone-dropped-too-early (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) a deletion is gone from a
replica before its time.
"""

import random
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import LONG_FORM  # noqa: E402
from process import wait_for  # noqa: E402

COMPLAINTS = ("Found", "mismatch", "corrupt", "invalid")
RECORD = re.compile(r"^\| offset: (\d+) .* valueSize: (-?\d+) .* key: (\S+)(?: payload: (\S*))?$", re.MULTILINE)
KEYS = 1000


def fold(records):
    """{key: value} of (key, value or None) in order."""
    known = {}
    for key, value in records:
        known.pop(key, None)
        if value is not None:
            known[key] = value
    return known


@clients.needs("kcat", "java")
@clients.needs_kafka_python()
class Compaction(ChaosTest):
    SETTINGS = {"broker_defaults": "{log.cleaner.backoff.ms: 100}", "journal_files": "4", "journal_file_bytes": "16MiB",
                "disk_reserve_bytes": "0"}
    ROUNDS = 10 if LONG_FORM else 3
    PER_ROUND = 12_000
    BYTES_LEFT = 1 / 5

    def setUp(self):
        super().setUp()
        self.random = random.Random(7)
        self.model, self.written = {}, 0

    def write(self, topic, count):
        """`count` records of some 500 bytes, one in eight a deletion."""
        lines = []
        for _ in range(count):
            key = f"k{self.random.randrange(KEYS)}"
            self.written += 1
            if self.random.random() < 0.125:
                self.model.pop(key, None)
                lines.append(f"{key}:")
            else:
                self.model[key] = f"{self.written}.{'v' * self.random.randrange(1000)}"
                lines.append(f"{key}:{self.model[key]}")
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", "-K", ":", "-Z", "-X", "enable.idempotence=true",
                     "-X", "batch.num.messages=100", "-z", self.random.choice(("none", "lz4", "zstd")),
                     stdin="".join(line + "\n" for line in lines))

    def segments(self, broker, topic):
        return sorted(self.cluster.data(broker).glob(f"topics/{topic}-0/*.log"))

    def size(self, broker, topic):
        return sum(path.stat().st_size for path in self.segments(broker, topic))

    def consumed(self, topic):
        told = clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q", "-Z",
                            "-f", "%k\t%S\t%s\n")
        records = (line.split("\t") for line in clients.lines(told))
        return fold((key, None if int(size) < 0 else value) for key, size, value in records)

    def compacted(self, topic):
        """Every replica has rewritten what was there when this was called."""
        passes = [self.cluster.metric(i, "kronika_compaction_passes_total") for i in range(self.BROKERS)]

        def done():
            self.write(topic, 1500)  # more than a segment, so that the one before it is closed
            return all(self.cluster.metric(i, "kronika_compaction_passes_total") >= passes[i] + 2 for i in range(self.BROKERS))
        wait_for(done, 120, "every replica compacts")

    def test_keys_and_last_values(self):
        topic = self.create("compacted", 1, **{"cleanup.policy": "compact", "segment.bytes": "1048576",
                                               "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "3000"})
        for round_number in range(self.ROUNDS):
            self.write(topic, self.PER_ROUND)
            victim = round_number % self.BROKERS
            self.cluster.kill(victim)
            self.write(topic, 1500)
            self.cluster.restart(victim)
            self.wait_until_ready(victim)
            self.wait_in_sync(topic)
            self.assertEqual(self.model, self.consumed(topic), f"round {round_number}")
        self.compacted(topic)
        self.assertEqual(self.model, self.consumed(topic))
        self.assertEqual(0, sum(self.cluster.metric(i, "kronika_compaction_failed_total") for i in range(self.BROKERS)))
        written = self.written * 500
        self.cluster.stop()
        for broker in range(self.BROKERS):
            self.check_files(broker, topic, written)

    def check_files(self, broker, topic, written):
        files = self.segments(broker, topic)
        told = clients.java("dump-log", "--deep-iteration", "-".join(("--print", "data", "log")), "--files", ",".join(map(str, files)))
        self.assertEqual([], [line[:200] for line in clients.lines(told)
                              if any(word in line.replace("isvalid: true", "") for word in COMPLAINTS)])
        text = "\n".join(clients.lines(told))
        records = [(int(offset), key, None if int(size) < 0 else value) for offset, size, key, value in RECORD.findall(text)]
        self.assertEqual(sorted(offset for offset, _, _ in records), [offset for offset, _, _ in records])
        self.assertEqual(self.model, fold((key, value) for _, key, value in records), f"the files of broker {broker}")
        told = clients.java("dump-log", "--index-sanity-check", "--files", ",".join(str(f.with_suffix(".index")) for f in files))
        self.assertEqual([], [line for line in clients.lines(told) if any(word in line for word in COMPLAINTS)])
        print(f"broker {broker}: {len(records)} of {self.written} records and {self.size(broker, topic)} of about {written} "
              f"bytes are left in {len(files)} segments")
        self.assertLess(self.size(broker, topic), written * self.BYTES_LEFT)


if __name__ == "__main__":
    results.main()
