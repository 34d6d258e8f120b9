"""Leaders that are killed or paused while a stock producer runs: it goes on, and nothing acknowledged is lost, twice or
out of order. A disk that fails ends its broker, and the others go on.

kcat (librdkafka) with idempotence and five requests in flight writes numbered records at a steady pace; everything is
then read back by way of each of the two brokers that were left alone, before the third returns. Seen to fail: a leader that
probed a lane which was down again and again within one turn left the producer of the failed disk's test waiting.
"""

import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import bounds  # noqa: E402
import clients  # noqa: E402
import results  # noqa: E402
from cluster import LONG_FORM, ClusterTest  # noqa: E402
from process import ROOT, run, wait_for  # noqa: E402

NEW_LEADER_SECONDS_MAX = 3
EXIT_CODE_FAILED_DISK = 3
TEST_BUILD = ROOT / "build" / "dev" / "kronika"


def record(number):
    return f"record {number:07d} {'x' * 200}"


class Producer:
    """kcat fed with `count` records in steps, on a thread of its own."""

    def __init__(self, bootstrap, topic, count):
        self.count = count
        self._kcat = subprocess.Popen(
            ["kcat", "-b", bootstrap, "-P", "-t", topic, "-q", "-X", "enable.idempotence=true", "-X", "acks=all",
             # A paused broker does not close its connections: only these tell a client that it is gone.
             "-X", "socket.timeout.ms=2000", "-X", "request.timeout.ms=2000"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            text=True)
        self.fed = 0
        self._thread = threading.Thread(target=self._feed)
        self._thread.start()

    def _feed(self):
        step = 500
        try:
            for begin in range(0, self.count, step):
                self._kcat.stdin.write("".join(record(n) + "\n" for n in range(begin, begin + step)))
                self._kcat.stdin.flush()
                self.fed = begin + step
                time.sleep(0.05)  # the pace of the load, not a wait
            self._kcat.stdin.close()
        except OSError:
            pass  # kcat gave up; its exit code tells

    def end(self, seconds=60):
        """The exit code: not 0 when a record was not acknowledged or the producer gave up; a stuck one is killed."""
        try:
            return self._kcat.wait(seconds)
        except subprocess.TimeoutExpired:
            self._kcat.kill()
            return self._kcat.wait()
        finally:
            self._thread.join()


class Leaders(ClusterTest):
    SETTINGS = {"journal_files": "4", "journal_file_bytes": "16MiB"}

    def setUp(self):
        if not clients.shutil.which("kcat"):
            self.skipTest("not installed: kcat")
        self.all_listed()

    def all_listed(self):
        def ready(broker):
            try:
                return self.cluster.status(broker)["brokers"] == [1, 2, 3]
            except OSError:
                return False
        wait_for(lambda: all(map(ready, range(3))), 30, "every broker lists all three")

    def new_topic(self, word):
        topic = self.topic(word)
        run([ROOT / "build" / "release" / "kronika", "topic", "create", "-b", self.cluster.bootstrap,
             "-p", "1", "-r", "3", topic])
        return topic

    def leader(self, topic, brokers=range(3)):
        """The broker that says of itself that it leads the topic's partition; None if nobody does."""
        for broker in brokers:
            for group in self.cluster.status(broker)["groups"]:
                if group["topic"] == topic and group["role"] == "leader":
                    return broker
        return None

    def check_round(self, word, strike, heal):
        topic = self.new_topic(word)
        producer = Producer(self.cluster.bootstrap, topic, 20000)
        wait_for(lambda: producer.fed >= 5000, 20, "the producer is under way")
        victim = self.leader(topic)
        others = [broker for broker in range(3) if broker != victim]
        strike(victim)
        try:
            begin = time.monotonic()
            wait_for(lambda: self.leader(topic, others) is not None, 30, "one of the others leads", 0.01)
            taken = time.monotonic() - begin
            print(f"{word}: a new leader after {taken:.2f} s, {producer.fed} records in")
            self.assertEqual(0, producer.end(), "every record was acknowledged")
            expected = [record(number) for number in range(producer.count)]
            for broker in others:
                read = clients.kcat(f"127.0.0.1:{self.cluster.port(broker)}", "-C", "-t", topic, "-p", "0", "-o",
                                    "beginning", "-e", "-q")
                self.assertTrue(expected == clients.lines(read), f"broker {broker} gave other records")
        finally:
            heal(victim)
        self.all_listed()
        wait_for(lambda: self.ends_agree(topic), 20, "the third replica has caught up")
        bounds.within(NEW_LEADER_SECONDS_MAX, taken, f"{word}: a new leader, s")

    def ends_agree(self, topic):
        ends = [(group["last"], group["applied"]) for broker in range(3)
                for group in self.cluster.status(broker)["groups"] if group["topic"] == topic]
        return len(ends) == 3 and len(set(ends)) == 1

    @bounds.three_tries
    def test_a_killed_leader(self):
        for _ in range(20 if LONG_FORM else 2):
            self.check_round("killed", self.cluster.kill, self.cluster.restart)

    @bounds.three_tries
    def test_a_paused_leader(self):
        for _ in range(10 if LONG_FORM else 1):
            self.check_round("paused", self.cluster.pause, self.cluster.resume)

    @unittest.skipUnless(TEST_BUILD.exists(), "build/dev/kronika is not built: only test builds can make a disk fail")
    def test_a_failed_disk_ends_its_broker_and_nothing_else(self):
        topic = self.new_topic("failed-disk")
        victim = self.leader(topic)
        folder = self.cluster.dir / f"node{victim}"
        self.cluster.kill(victim)
        run([ROOT / "deploy" / "cluster.sh", "restart", str(victim), "--dir", self.cluster.dir],
            environment={"KRONIKA_BIN": str(TEST_BUILD), "KRONIKA_FAULTS": "fail_sync=30,path=journal"})
        producer = Producer(self.cluster.bootstrap, topic, 20000)
        wait_for(lambda: (folder / "exit_code").exists(), 20, "the broker with the failed disk ends")
        self.assertEqual(EXIT_CODE_FAILED_DISK, int((folder / "exit_code").read_text()))
        last = (folder / "kronika.log").read_text().splitlines()[-1]
        self.assertRegex(last, "this broker stops: .*sync")
        self.assertEqual(0, producer.end(), "the others took every record")
        self.cluster.restart(victim)
        self.all_listed()
        wait_for(lambda: self.ends_agree(topic), 20, "the third replica has caught up")
        read = clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e", "-q")
        self.assertTrue([record(number) for number in range(producer.count)] == clients.lines(read))


if __name__ == "__main__":
    results.main()
