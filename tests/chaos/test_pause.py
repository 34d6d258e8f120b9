"""SIGSTOP: a leader that hangs is replaced and says nothing stale when it goes on; without a quorum nothing is acknowledged.

Seen to fail: with read-without-quorum (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) the leader that goes on tells an
end below what its successor had acknowledged; with out-of-range-without-quorum it says that acknowledged offsets do not
exist; with acks-all-like-one records are acknowledged without a quorum; with hanging-controller-waited-for a producer that is
opened while the metadata leader hangs gets no producer id for 10 s.
"""

import sys
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import bounds  # noqa: E402
import clients  # noqa: E402
import history  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import LONG_FORM, PEER_IS_KAFKA, SMALL_JOURNAL  # noqa: E402
from process import wait_for  # noqa: E402
from stale import Waiting  # noqa: E402

FIRST_ACK_MS = 60_000 if PEER_IS_KAFKA else 3000
# An old producer only notices that its leader hangs when a request times out.
IMPATIENT = ("request.timeout.ms=2000", "socket.timeout.ms=2000")
# A producer that is opened before there is a new leader is told of the one that hangs, and waits for it as long as its
# own limits say (5 minutes until it asks again by itself): it has to ask again soon to learn of the new one.
ASKS_AGAIN = (*IMPATIENT, "topic.metadata.refresh.interval.ms=500")


@clients.needs("kcat")
@clients.needs_kafka_python()
class Pause(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    ROUNDS = 20 if LONG_FORM else 1
    PARTITIONS = 6

    @bounds.three_tries
    def test_leader(self):
        topic = self.create("pause")
        old = self.load(topic, name="old", settings=IMPATIENT)
        wait_for(lambda: len(old.read().acks) > 2000, 30, "the load is acknowledged")
        pauses = [self.pause_under(old, round_number) for round_number in range(self.ROUNDS)]
        old.finish()
        self.assertEqual([], old.fatal)
        self.assert_everything_is_there(old, old.acks, range(self.BROKERS), "paused")
        self.assert_replicas_equal(topic)
        print(f"paused: first acks of producers opened after the stop {sorted(pauses)} ms, median {median(pauses)}", flush=True)
        bounds.within(FIRST_ACK_MS, max(pauses), "paused: the slowest first ack, ms")

    def pause_under(self, old, round_number):
        """One round; returns the time from the stop to the first acknowledgement to a producer that was opened after it."""
        what, topic = f"paused, round {round_number}", old.topic
        victim = max(range(self.BROKERS), key=lambda i: len(self.led_by(topic, i + 1)))
        led = self.led_by(topic, victim + 1)
        survivor = next(i for i in range(self.BROKERS) if i != victim)
        waiting = Waiting(self.cluster.port(victim), topic, led)
        begin = now_ms()
        self.cluster.pause(victim)
        stopped = now_ms()
        try:
            bootstrap = f"bootstrap.servers=127.0.0.1:{self.cluster.port(survivor)}"
            fresh = self.load(topic, name=f"fresh{round_number}", settings=(*ASKS_AGAIN, bootstrap))
            pause = self.first_ack_after(fresh, begin, led, 80)
            goes_on = self.first_ack_after(old, begin, led, 80, stopped)
            print(f"{what}: broker {victim} led {len(led)}; a producer opened after the stop: first ack {pause} ms; "
                  f"the old one goes on after {goes_on} ms", flush=True)
            fresh.finish()
            waiting.ask({p: max(ack.offset + 1 for ack in fresh.acks if ack.partition == p) for p in led})
        finally:
            self.cluster.resume(victim)
        errors, stale = waiting.stale()
        print(f"{what}: the answers right after CONT have the errors {errors}, {len(stale)} are stale", flush=True)
        self.assertEqual([], stale)
        self.wait_in_sync(topic, 60)
        self.assertEqual([], fresh.fatal)
        self.assert_everything_is_there(fresh, fresh.acks, range(self.BROKERS), what)
        return pause

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


if __name__ == "__main__":
    results.main()
