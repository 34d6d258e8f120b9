"""Damage below the manifest in a follower's copy: what the broker's checksums see and what only `kronika verify` sees.

A byte that flipped: the broker fences the replica at the first read of it, and verify names it. A record that was altered so
that the batch's CRC, the chunk's sum and the sum of sums are all right: the broker serves it, and verify names broker, partition
and offset. Exit code 1 both times. Seen to fail: with the planted bug damage-not-fenced the damaged replica is not fenced.
"""

import json
import os
import re
import signal
import struct
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import BINARY, SMALL_JOURNAL  # noqa: E402
from process import wait_for  # noqa: E402

PARTITIONS = 3
VALUE_BYTES = 1000
# The generator of CRC-32C, x^32 first, as bits of a byte stream (lowest bit first). Added to bytes anywhere, it changes no
# CRC-32C over a range that holds it whole: that of the batch, of the chunk, of all chunks.
GENERATOR = (1 << 32) | 0x1EDC6F41


def generator_bytes():
    """The generator as five bytes to be XORed into a stream."""
    stream = [(GENERATOR >> (32 - i)) & 1 for i in range(33)]
    return bytes(sum(bit << j for j, bit in enumerate(stream[i:i + 8])) for i in range(0, 40, 8))


@clients.needs("kcat")
@clients.needs_kafka_python()
class Damage(ChaosTest):
    SETTINGS = SMALL_JOURNAL

    def test_the_generator_changes_no_sum(self):
        self.assertEqual(wire.crc32c(b"twelve bytes"), wire.crc32c(bytes(
            byte ^ mask for byte, mask in zip(b"twelve bytes", generator_bytes() + bytes(7)))))

    def kronika(self, *words, check=True):
        done = subprocess.run([str(word) for word in (BINARY, *words, "-b", self.cluster.bootstrap)], capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertTrue(not check or done.returncode == 0, done.stdout + done.stderr)
        return done

    def written(self, word):
        """(topic, history) of records that were written, checked, and reach below the manifest on every broker."""
        topic = self.topic(word)
        history = self.folder / f"{topic}.history"
        before = [self.cluster.status(i)["checkpoints"]["completed"] for i in range(self.BROKERS)]
        self.kronika("verify", "write", "--topic", topic, "--partitions", PARTITIONS, "--rate", 0, "--value-bytes", VALUE_BYTES,
                     "--batch-records", 20, "--seconds", 3, "--history", history)
        wait_for(lambda: all(self.cluster.status(i)["checkpoints"]["completed"] > before[i] for i in range(self.BROKERS)), 30,
                 "every broker makes a checkpoint")
        self.assertIn(": right", self.kronika("verify", "check", history).stdout)
        return topic, history

    def altered(self, topic, alter):
        """(partition, broker) of a follower whose first batch was altered while it was stopped."""
        partition, leader, _ = self.partitions(topic)[0]
        victim = leader % self.BROKERS
        pid = self.cluster.pid(victim)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), 20, "the follower ended")
        (log,) = self.cluster.data(victim).glob(f"topics/{topic}-{partition}/{0:020}.log")
        with log.open("r+b") as file:
            head = file.read(61)
            size = 12 + struct.unpack(">i", head[8:12])[0]
            file.seek(0)
            batch = bytearray(file.read(size))
            alter(batch)
            file.seek(0)
            file.write(batch)
        self.cluster.restart(victim)
        self.wait_in_sync(topic)
        return partition, victim

    def verdict(self, history):
        done = self.kronika("verify", "check", history, "--format", "json", "--settle-seconds", 10, check=False)
        self.assertEqual(1, done.returncode, done.stdout + done.stderr)
        findings = json.loads(done.stdout)
        print(f"verify: {findings[:2]}; {done.stderr.strip().splitlines()[-1]}", flush=True)
        return findings

    def fenced(self, broker):
        return int(float(re.search(r"^kronika_replicas_fenced (\S+)", self.cluster.get(broker, "/metrics"), re.M).group(1)))

    def test_a_flipped_byte_is_fenced_and_named(self):
        topic, history = self.written("flipped")
        before = [self.fenced(broker) for broker in range(self.BROKERS)]

        def flip(batch):
            batch[200] ^= 0x10
        partition, victim = self.altered(topic, flip)
        findings = self.verdict(history)
        self.assertEqual({(partition, victim + 1)}, {(one["partition"], one["broker"]) for one in findings})
        after = [self.fenced(broker) for broker in range(self.BROKERS)]
        self.assertEqual([count + (broker == victim) for broker, count in enumerate(before)], after)

    def test_a_record_altered_under_right_sums_is_named(self):
        topic, history = self.written("altered")

        def alter(batch):
            end = batch.index(b"kv1 ") + VALUE_BYTES  # of the first record's value
            for i, mask in enumerate(generator_bytes()):
                batch[end - 5 + i] ^= mask
            self.assertEqual(struct.unpack(">I", batch[17:21])[0], wire.crc32c(batch[21:]))
        partition, victim = self.altered(topic, alter)
        findings = self.verdict(history)
        self.assertIn((partition, victim + 1, 0), {(one["partition"], one["broker"], one["offset"]) for one in findings})
        self.assertEqual({(partition, victim + 1)}, {(one["partition"], one["broker"]) for one in findings})


if __name__ == "__main__":
    results.main()
