"""A power cut of all three brokers under load, with each way to write the journal: nothing acknowledged is lost.

Acknowledged is what the load was told until the cut, answers that were still in its sockets included. After each cut one
broker stays away, a different one each round: any two have to have everything. Seen to fail: with followers that acknowledge
before their disks have the bytes (the planted bugs ack-before-sync and journal-ack-before-sync), which
test_an_early_acknowledgement_is_found repeats in every run.
"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import history  # noqa: E402
import power  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import LONG_FORM, PEER_IS_KAFKA, SMALL_JOURNAL, Kronika  # noqa: E402
from process import ROOT, wait_for  # noqa: E402

ROUNDS = 5 if LONG_FORM else 1
DISK_MIB = 1024
TEST_BUILD = ROOT / "build" / "dev" / "kronika"


@power.needs_power_cut()
@clients.needs("kcat")
@clients.needs_kafka_python()
@unittest.skipIf(PEER_IS_KAFKA, "Kafka is known to lose records here")
class PowerCut(ChaosTest):
    SETTINGS = SMALL_JOURNAL

    @classmethod
    def setUpClass(cls):
        reason = Kronika.missing()
        if reason:
            raise unittest.SkipTest(reason)
        cls._names = 0

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="kronika-test-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def found(self, journal_io, environment=None):
        """A cluster whose data directories are disks of their own."""
        self.cluster = Kronika(self.BROKERS, {**self.SETTINGS, "journal_io": journal_io}, self.folder, environment)
        self.disks = power.Disks([self.cluster.data(i) for i in range(self.BROKERS)], self.folder, DISK_MIB)
        self.addCleanup(self.disks.remove)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        self.cluster.bootstrap = ",".join(f"127.0.0.1:{self.cluster.port(i)}" for i in range(self.BROKERS))

    def cut_under_load(self, load):
        """Cuts the power while the load is acknowledged; returns all that was acknowledged until then."""
        before = len(load.read().acks)
        wait_for(lambda: len(load.read().acks) > before + 8000, 60, "the load is acknowledged")

        def acknowledged():
            # The load goes on reading while the brokers stand still; two looks that agree have seen the last answer.
            count = [-1]

            def settled():
                last, count[0] = count[0], len(load.read().acks)
                return last == count[0]
            wait_for(settled, 10, "no answer arrives any more", 0.3)
            return list(load.acks)
        began = now_ms()
        acks = self.disks.cut([self.cluster.pid(i) for i in range(self.BROKERS)], acknowledged)
        last_second = sum(ack.answered_ms > began - 1000 for ack in acks)
        print(f"cut with {len(acks)} acknowledged, {last_second} of them in the last second", flush=True)
        self.assertGreater(last_second, 200, "the load was under way when the power was cut")
        return acks

    def lost_by_the_leader(self, load, acks, others):
        """How many acknowledged records the new leader of a topic's one partition does not have, once it takes records."""
        load.process.stop(0)  # a producer whose sequences were lost cannot go on
        after = self.load(load.topic, 1, name="after")
        wait_for(lambda: after.read().acks, 60, "the new leader takes records")
        leader = self.partitions(load.topic, others[0])[0][1] - 1
        stored = {0: history.read_partition(self.cluster.port(leader), load.topic, 0)}
        return len(history.compare(load, acks, stored).lost)

    def follows(self, broker, topic, leader):
        """Whether a replica says itself that it follows; what others say may be of the time before a restart."""
        return [leader] == [group["leader"] for group in self.cluster.status(broker)["groups"] if group["topic"] == topic]

    def start_all_but(self, absent):
        others = [broker for broker in range(self.BROKERS) if broker != absent]
        for broker in others:
            self.cluster.restart(broker)
        return others

    def rounds(self, journal_io):
        self.found(journal_io)
        for broker in range(self.BROKERS):
            self.assertIn("io_uring" if journal_io == "uring" else "threads", self.cluster.status(broker)["journal"]["io"])
        topic = self.create(f"power-{journal_io}")
        # Without this the pauses are librdkafka's, which waits up to 10 s before it connects again.
        load = self.load(topic, settings=("reconnect.backoff.max.ms=500",))
        for number in range(ROUNDS):
            acks = self.cut_under_load(load)
            begin = now_ms()
            absent = number % self.BROKERS
            others = self.start_all_but(absent)
            pause = self.first_ack_after(load, begin, range(self.PARTITIONS), 60)
            print(f"{journal_io}, round {number}: first ack {pause} ms after the restart began", flush=True)
            self.assert_everything_is_there(load, acks, others, f"{journal_io}, round {number}")
            self.cluster.restart(absent)
            self.wait_in_sync(topic, 60)
        load.finish()
        self.assert_load_is_well(load)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), f"{journal_io}, all rounds")

    def test_thread(self):
        self.rounds("thread")

    def test_uring(self):
        self.rounds("uring")

    def test_an_early_acknowledgement_is_found(self):
        self.an_early_acknowledgement("ack-before-sync")

    @unittest.skipUnless(LONG_FORM, "only in the long form")
    def test_an_early_acknowledgement_of_the_journal_is_found(self):
        self.an_early_acknowledgement("journal-ack-before-sync")

    def an_early_acknowledgement(self, name):
        if not TEST_BUILD.exists():
            self.skipTest("build/dev/kronika is not built: only test builds have planted bugs")
        bug = {"KRONIKA_BIN": str(TEST_BUILD), "KRONIKA_PLANTED": name}
        self.found("auto", bug)
        topic = self.create("planted", 1)
        leader = self.partitions(topic)[0][1] - 1
        # The followers' disks are slow: what they acknowledge too early is only the leader's when the power goes.
        self.cluster.environment = {**bug, "KRONIKA_FAULTS": "write_delay_ms=500,path=journal"}
        for broker in set(range(self.BROKERS)) - {leader}:
            self.cluster.restart(broker)
            wait_for(lambda b=broker: self.follows(b, topic, leader + 1), 30, f"broker {broker} follows")
        load = self.load(topic, 1)
        acks = self.cut_under_load(load)
        self.cluster.environment = {}
        lost = self.lost_by_the_leader(load, acks, self.start_all_but(leader))
        print(f"{name}: {lost} of {len(acks)} acknowledged records lost", flush=True)
        self.assertGreater(lost, 0, "a power cut finds an early acknowledgement")


if __name__ == "__main__":
    power.in_own_mounts()
    results.main()
