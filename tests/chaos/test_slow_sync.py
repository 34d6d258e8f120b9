"""No acknowledgement before the disk: with every sync of two of three brokers delayed by a second, no answer is sooner.

Where the journal writes with threads, strace delays fdatasync; it does not see what io_uring does, so there a test build delays
its own syncs (base/faulty_files.h). The same load without the delay is at least five times sooner.

Records are sent at a pace that does not follow the answers. One that comes while a group commit is under way waits for that one
and then for its own, which hides an early answer to its own behind the other's delay; so over more than a whole delay some record
comes at every moment of it. Seen to fail: with the planted bug journal-ack-before-sync (KRONIKA_BIN=build/dev/kronika,
KRONIKA_PLANTED) the soonest answer took 0.04 s with threads and 0.01 s with io_uring, and without it 1.02 s and 1.00 s.
"""

import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from process import ROOT, Process, wait_for  # noqa: E402

DELAY_SECONDS = 1.0
ANSWERS = 20
PACE_SECONDS = DELAY_SECONDS / 15  # 20 records are sent over a third more than a delay
TEST_BUILD = ROOT / "build" / "dev" / "kronika"


class SlowSync(ChaosTest):
    def answers(self, topic, acks):
        """Seconds from each of ANSWERS records, sent at their pace, to its acknowledgement."""
        import kafka
        taken, sent = [], []
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks=acks, request_timeout_ms=60_000,
                                       max_in_flight_requests_per_connection=2 * ANSWERS)
        producer.partitions_for(topic)
        for _ in range(ANSWERS):
            begin = time.monotonic()
            future = producer.send(topic, b"value", partition=0)
            future.add_callback(lambda _, begin=begin: taken.append(time.monotonic() - begin))
            sent.append(future)
            time.sleep(PACE_SECONDS)
        for one in sent:
            one.get(60)
        producer.close()
        return taken

    def assert_late(self, topic, acks, soon):
        late = self.answers(topic, acks)
        print(f"acks={acks}: {min(late):.2f} to {max(late):.2f} s; without the delay at most {max(soon):.3f} s", flush=True)
        self.assertEqual(ANSWERS, len(late))
        self.assertGreaterEqual(min(late), DELAY_SECONDS)
        self.assertGreater(min(late), 5 * sorted(soon)[ANSWERS // 2], "without the delay five times sooner")

    def check_no_answer_before_the_disks(self):
        """`delayed` delays every sync of a broker from now on; what it returns ends that."""
        topic = self.create("slow", 1)
        leader = self.partitions(topic)[0][1]
        soon = self.answers(topic, "all")
        ends = [self.delayed(leader - 1), self.delayed(leader % self.BROKERS)]
        for acks in ("all", 1):
            self.assert_late(topic, acks, soon)
            self.assertEqual(leader, self.partitions(topic)[0][1], "the leader is the same")
        for end in ends:
            end()


@clients.needs("kcat", "strace")
@clients.needs_kafka_python()
class SlowSyncOfThreads(SlowSync):
    SETTINGS = {"journal_io": "thread"}

    def delayed(self, broker):
        log = self.folder / f"strace{broker}.log"
        tracer = Process(["strace", "-f", "-p", self.cluster.pid(broker), "-e", "trace=fdatasync", "-o",
                          self.folder / f"strace{broker}.calls", "-e",
                          f"inject=fdatasync:delay_enter={int(DELAY_SECONDS * 1e6)}"], log)
        self.addCleanup(tracer.stop)
        wait_for(lambda: "attached" in tracer.output() or not tracer.running(), 20, "strace is attached")
        if not tracer.running():
            self.skipTest(f"strace cannot attach here: {tracer.output().strip().splitlines()[-1]}")
        return tracer.stop

    def test_no_answer_before_the_disks(self):
        self.check_no_answer_before_the_disks()


@clients.needs("kcat")
@clients.needs_kafka_python()
@unittest.skipUnless(TEST_BUILD.exists(), "build/dev/kronika is not built: only test builds can delay io_uring")
class SlowSyncOfUring(SlowSync):
    SETTINGS = {"journal_io": "uring"}
    ENVIRONMENT = {"KRONIKA_BIN": str(TEST_BUILD),
                   "KRONIKA_FAULTS": f"sync_delay_ms={int(DELAY_SECONDS * 1000)},path=journal,while_exists=../slow"}

    def delayed(self, broker):
        self.assertRegex(self.cluster.status(broker)["journal"]["io"], "io_uring.*planted faults")
        switch = self.cluster.data(broker).parent / "slow"
        switch.touch()
        return switch.unlink

    def test_no_answer_before_the_disks(self):
        self.check_no_answer_before_the_disks()


if __name__ == "__main__":
    results.main()
