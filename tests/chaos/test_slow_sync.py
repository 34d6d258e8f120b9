"""No acknowledgement before the disk: with every fdatasync of two of three brokers delayed by a second, no answer is sooner.

The journal writes with threads here, because strace does not see what io_uring does. The same load is measured without the
delay first, and is at least five times sooner.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from process import Process, wait_for  # noqa: E402

DELAY_SECONDS = 1.0
ANSWERS = 20


@clients.needs("kcat", "strace")
@clients.needs_kafka_python()
class SlowSync(ChaosTest):
    SETTINGS = {"journal_io": "thread"}

    def answers(self, topic, acks):
        """Seconds from each of ANSWERS records to its acknowledgement, four at a time."""
        import kafka
        taken = []
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks=acks, request_timeout_ms=60_000)
        producer.partitions_for(topic)
        for _ in range(ANSWERS // 4):
            sent = []
            for _ in range(4):
                begin = time.monotonic()
                future = producer.send(topic, b"value", partition=0)
                future.add_callback(lambda _, begin=begin: taken.append(time.monotonic() - begin))
                sent.append(future)
            for one in sent:
                one.get(60)
        producer.close()
        return taken

    def delayed(self, broker):
        """Delays every fdatasync of a broker; what it returns ends that."""
        log = self.folder / f"strace{broker}.log"
        tracer = Process(["strace", "-f", "-p", self.cluster.pid(broker), "-e", "trace=fdatasync", "-o",
                          self.folder / f"strace{broker}.calls", "-e",
                          f"inject=fdatasync:delay_enter={int(DELAY_SECONDS * 1e6)}"], log)
        self.addCleanup(tracer.stop)
        wait_for(lambda: "attached" in tracer.output() or not tracer.running(), 20, "strace is attached")
        if not tracer.running():
            self.skipTest(f"strace cannot attach here: {tracer.output().strip().splitlines()[-1]}")
        return tracer

    def test_no_answer_before_the_disks(self):
        topic = self.create("slow", 1)
        leader = self.partitions(topic)[0][1]
        soon = self.answers(topic, "all")
        tracers = [self.delayed(leader - 1), self.delayed(leader % self.BROKERS)]
        for acks in ("all", 1):
            late = self.answers(topic, acks)
            print(f"acks={acks}: {min(late):.2f} to {max(late):.2f} s; without the delay at most {max(soon):.3f} s", flush=True)
            self.assertEqual(ANSWERS, len(late))
            self.assertGreaterEqual(min(late), DELAY_SECONDS)
        self.assertEqual(leader, self.partitions(topic)[0][1], "the leader is the same")
        self.assertGreater(min(late), 5 * sorted(soon)[ANSWERS // 2], "without the delay five times sooner")
        for tracer in tracers:
            tracer.stop()


if __name__ == "__main__":
    results.main()
