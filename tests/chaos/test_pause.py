"""SIGSTOP: a leader that hangs is replaced, and says nothing stale when it goes on; without a quorum nothing is acknowledged."""

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import history  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import LONG_FORM, PEER_IS_KAFKA  # noqa: E402
from process import wait_for  # noqa: E402

FIRST_ACK_MS = 60_000 if PEER_IS_KAFKA else 3000
# An old producer only notices that its leader hangs when a request times out.
IMPATIENT = ("request.timeout.ms=2000", "socket.timeout.ms=2000")


@clients.needs("kcat")
@clients.needs_kafka_python()
class Pause(ChaosTest):
    SETTINGS = {"journal_files": "4", "journal_file_bytes": "16MiB", "disk_reserve_bytes": "0"}
    PARTITIONS = 6

    def test_leader(self):
        topic = self.create("pause")
        old = self.load(topic, name="old", settings=IMPATIENT)
        wait_for(lambda: len(old.read().acks) > 2000, 30, "the load is acknowledged")
        slow = 0  # the time may be another process's: it fails when every round was too slow
        for round_number in range(self.ROUNDS):
            victim = max(range(self.BROKERS), key=lambda i: len(self.led_by(topic, i + 1)))
            led = self.led_by(topic, victim + 1)
            others = [i for i in range(self.BROKERS) if i != victim]
            begin = now_ms()
            self.cluster.pause(victim)
            try:
                # A client that is told of the hanging leader waits for its own time limits: it is opened after the election.
                wait_for(lambda: not self.led_by(topic, victim + 1, others[0]), 30, "the others name another leader")
                fresh = self.load(topic, name=f"fresh{round_number}",
                                  settings=(*IMPATIENT, f"bootstrap.servers=127.0.0.1:{self.cluster.port(others[0])}"))
                pause = self.first_ack_after(fresh, begin, led, 80)
                print(f"paused, round {round_number}: broker {victim} led {len(led)}, first ack {pause} ms", flush=True)
                if pause > FIRST_ACK_MS:
                    slow += 1
                    print(f"slower than {FIRST_ACK_MS} ms; load {' '.join(map(str, os.getloadavg()))}", flush=True)
                resumed_at = now_ms()
                self.first_ack_after(old, resumed_at, led, 80)
            finally:
                self.cluster.resume(victim)
            self.wait_in_sync(topic, 60)
            fresh.finish()
            self.assertEqual([], fresh.fatal)
            self.assert_everything_is_there(fresh, fresh.acks, range(self.BROKERS), f"paused, round {round_number}")
        old.finish()
        self.assertLess(slow, 3 if LONG_FORM else self.ROUNDS, f"first acknowledgements later than {FIRST_ACK_MS} ms")
        self.assertEqual([], old.fatal)
        self.assert_everything_is_there(old, old.acks, range(self.BROKERS), "paused")

    def test_without_a_quorum_nothing_is_acknowledged_and_nothing_shows(self):
        topic = self.create("quorum", 1, **{"min.insync.replicas": "2"})
        leader = self.partitions(topic)[0][1] - 1
        followers = [i for i in range(self.BROKERS) if i != leader]
        load = self.load(topic, 1)
        wait_for(lambda: len(load.read().acks) > 1000, 30, "the load is acknowledged")
        for follower in followers:
            self.cluster.pause(follower)
        try:
            time.sleep(1)  # what was on its way arrives
            load.read()
            acked, end = len(load.acks), history.read_partition(self.cluster.port(leader), topic, 0)[-1][0]
            begin = now_ms()
            while now_ms() - begin < 5000:
                time.sleep(0.5)
                if not PEER_IS_KAFKA:  # Kafka shrinks its in-sync set instead
                    self.assertEqual(acked, len(load.read().acks), "acknowledged without a quorum")
                    self.assertEqual(end, self.last_visible(leader, topic, end), "visible without a quorum")
        finally:
            for follower in followers:
                self.cluster.resume(follower)
        begin = now_ms()
        self.first_ack_after(load, begin, [0], 80)
        load.finish()
        self.assertEqual([], load.fatal)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), "without a quorum")

    def last_visible(self, broker, topic, end):
        """The last offset that can be read; a leader that knows it lost its quorum may refuse instead."""
        try:
            return history.read_partition(self.cluster.port(broker), topic, 0)[-1][0]
        except AssertionError:
            return end

    def test_a_paused_follower_leaves_the_in_sync_replicas_and_returns(self):
        topic = self.create("isr", 1)
        leader = self.partitions(topic)[0][1] - 1
        follower = (leader + 1) % self.BROKERS
        others = [i for i in range(self.BROKERS) if i != follower]
        load = self.load(topic, 1, bytes_per_second=100_000)
        self.cluster.pause(follower)
        try:
            for broker in others:
                wait_for(lambda b=broker: follower + 1 not in self.partitions(topic, b)[0][2], 45, "the paused follower left")
                self.assertEqual(sorted(i + 1 for i in others), self.partitions(topic, broker)[0][2])
        finally:
            self.cluster.resume(follower)
        for broker in range(self.BROKERS):
            wait_for(lambda b=broker: len(self.partitions(topic, b)[0][2]) == self.BROKERS, 30, "it returned")
        load.finish()
        self.assert_load_is_well(load)


if __name__ == "__main__":
    results.main()
