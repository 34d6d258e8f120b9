"""Ten million records over 100,000 keys on a compacted topic; brokers are killed in the middle of a pass, and each that was away
comes back. The time to write is compared with that of a topic that nobody compacts.

KRONIKA_TEST_FORM=long for these counts; by hand the short form is a twelfth of one round. What it looks at is that of
test_compaction.py, and so is the planted bug that it was seen to fail with.
"""

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import test_compaction  # noqa: E402
from cluster import LONG_FORM  # noqa: E402
from process import wait_for  # noqa: E402


class AtScale(test_compaction.Compaction):
    KEYS = 100_000 if LONG_FORM else 10_000
    ROUNDS = 12 if LONG_FORM else 1
    PER_ROUND = 750_000 if LONG_FORM else 250_000
    AFTER_A_KILL = PER_ROUND // 8
    BYTES_LEFT = 1 / 5 if LONG_FORM else 1 / 2
    CONFIGS = {"segment.bytes": "8388608"}
    VALUE = "v" * 80

    def lines(self, count):
        """As kcat reads them, one in eight a deletion; the model has them, too."""
        lines = []
        for _ in range(count):
            key = f"k{self.random.randrange(self.KEYS)}"
            self.written += 1
            if self.random.random() < 0.125:
                self.model.pop(key, None)
                lines.append(f"{key}:\n")
            else:
                self.model[key] = f"{self.written}.{self.VALUE}"
                lines.append(f"{key}:{self.model[key]}\n")
        return "".join(lines)

    def send(self, topic, lines):
        """Seconds that it took."""
        begin = time.monotonic()
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", "-K", ":", "-Z", "-X", "enable.idempotence=true",
                     "-X", "linger.ms=5", stdin=lines, seconds=300)
        return time.monotonic() - begin

    def write(self, topic, count):
        self.send(topic, self.lines(max(count, 2 * 8_388_608 // 90)))  # closes a segment

    def kill_inside_a_pass(self, topic, victim):
        """While somebody writes, so that there is something to compact."""
        writer = threading.Thread(target=self.send, args=(topic, self.lines(self.AFTER_A_KILL)))
        writer.start()
        wait_for(lambda: self.cluster.metric(victim, "kronika_compaction_running") == 1, 60, "a pass runs", 0.002)
        self.cluster.kill(victim)
        writer.join()

    def test_keys_and_last_values(self):
        plain = self.create("plain", 1, **self.CONFIGS)
        topic = self.create("compacted", 1, **self.CONFIGS, **{
            "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1", "delete.retention.ms": "3000"})
        apart, together = 0, 0
        for round_number in range(self.ROUNDS):
            lines = self.lines(self.PER_ROUND)
            apart += self.send(plain, lines)
            together += self.send(topic, lines)
            victim = round_number % self.BROKERS
            self.kill_inside_a_pass(topic, victim)
            self.cluster.restart(victim)
            self.wait_until_ready(victim)
            self.wait_in_sync(topic)
            print(f"round {round_number}: broker {victim} killed inside a pass; {self.written} records, {len(self.model)} keys; "
                  f"written at {apart / together:.2f} of the rate without compaction", flush=True)
        self.compacted(topic)
        self.assertEqual(self.model, self.consumed(topic))
        passes = [self.cluster.metric(i, "kronika_compaction_passes_total") for i in range(self.BROKERS)]
        print(f"passes since each broker's last start: {passes}")
        self.assertGreaterEqual(min(passes), 3 if LONG_FORM else 1)
        written = self.written * len(self.VALUE)
        self.cluster.stop()
        for broker in range(self.BROKERS):
            self.check_files(broker, topic, written)


del test_compaction.Compaction  # its own file runs it

if __name__ == "__main__":
    results.main()
