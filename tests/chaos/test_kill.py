"""kill -9 under load: a leader, the metadata leader, all brokers. Nothing acknowledged is lost, twice or out of order.

The load is librdkafka, idempotent with five requests in flight, over 20 partitions, of which the victim leads at least a
quarter; the journal is the smallest there is, and every file of it is recycled while the test runs. Everything that was
acknowledged is read back from the two survivors before the victim is restarted.

Seen to fail: with duplicate-appended-twice (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) a producer ends with a fatal
error.
"""

import os
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import bounds  # noqa: E402
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import LONG_FORM, PEER_IS_KAFKA  # noqa: E402
from counters import Counters  # noqa: E402
from process import wait_for  # noqa: E402

# Kafka's own figure is about 13 s; with it in place the tests only show that they work.
FIRST_ACK_MS = 30_000 if PEER_IS_KAFKA else 3000
MEDIAN_MS = 30_000 if PEER_IS_KAFKA else 2000
ACKED_BYTES_PER_SECOND = 2e6
WINDOW_MS = 3000
JOURNAL_FILES = 4
RECYCLED = JOURNAL_FILES * (3 if LONG_FORM else 1)
LOAD = {"bytes_per_second": 4_000_000, "record_bytes": 2048}


@clients.needs("kcat")
@clients.needs_kafka_python()
class Kill(ChaosTest):
    SETTINGS = {"journal_files": str(JOURNAL_FILES), "journal_file_bytes": "16MiB", "disk_reserve_bytes": "0",
                "broker_defaults": "{leader.imbalance.check.interval.seconds: 2}"}
    ROUNDS = 20 if LONG_FORM else 1

    def setUp(self):
        super().setUp()
        self.counters = None if PEER_IS_KAFKA else Counters(self.cluster)

    def wait_for_rate(self, load):
        """The rate before a fault: what was acknowledged within the last seconds."""
        def rate():
            end = now_ms()
            found = load.read().acked_bytes_per_second(end - WINDOW_MS, end)
            return found if found >= ACKED_BYTES_PER_SECOND else 0
        return wait_for(rate, 30, f"{ACKED_BYTES_PER_SECOND / 1e6} MB/s are acknowledged over {WINDOW_MS} ms")

    def wait_until_all_serve(self, load):
        """Every broker leads, and each partition was acknowledged within the last second: the client is connected to all.

        With the others still in its reconnect.backoff (up to 10 s) of the round before, librdkafka has nobody to ask who
        leads after the victim, however soon a new leader is there."""
        def served():
            since, fresh = now_ms() - 1000, set()
            for ack in reversed(load.read().acks):
                if ack.answered_ms < since:
                    break
                fresh.add(ack.partition)
            leaders = {leader for partition, leader, _ in self.partitions(load.topic) if partition in fresh}
            return len(fresh) == self.PARTITIONS and (PEER_IS_KAFKA or len(leaders) == self.BROKERS)
        wait_for(served, 60, "every broker leads partitions, and all of them are acknowledged", 0.2)

    def recycled(self):
        return min(broker["recycled"] for broker in self.counters.totals())

    def prepare(self, load):
        """What has to hold before a fault; returns the rate."""
        rate = self.wait_for_rate(load)
        self.wait_until_all_serve(load)
        return rate

    def kill_under(self, load, victim, rate, what):
        """One round; returns the milliseconds from the kill to the first acknowledgement by a new leader."""
        led = self.led_by(load.topic, victim + 1)
        self.assertGreaterEqual(len(led), self.PARTITIONS / 4, "the victim leads a quarter of the partitions")
        if self.counters:
            self.counters.note(victim)
        begin = now_ms()
        self.cluster.kill(victim)
        gone = now_ms()
        pause = self.first_ack_after(load, begin, led, 60, gone)
        print(f"{what}: broker {victim} led {len(led)} of {self.PARTITIONS}, {rate / 1e6:.2f} MB/s before, "
              f"first ack after {pause} ms", flush=True)
        if pause > FIRST_ACK_MS:
            print(f"slower than {FIRST_ACK_MS} ms; {bounds.load()}; the slowest partitions: {self.slowest(load, begin, gone, led)}", flush=True)
        acks = list(load.read().acks)
        survivors = [i for i in range(self.BROKERS) if i != victim]
        self.assert_everything_is_there(load, acks, survivors, what)
        self.cluster.restart(victim)
        self.wait_until_ready(victim)
        self.wait_in_sync(load.topic, 60)
        return pause

    def slowest(self, load, begin, gone, partitions):
        first = {}
        for ack in load.read().acks:
            if ack.sent_ms > gone and ack.partition in partitions:
                first.setdefault(ack.partition, ack.answered_ms - begin)
        return sorted(first.items(), key=lambda item: -item[1])[:5]

    def verdict(self, what, pauses):
        print(f"{what}: first acks {sorted(pauses)} ms, median {median(pauses)}", flush=True)
        bounds.within(FIRST_ACK_MS, max(pauses), f"{what}: the slowest first ack, ms")
        bounds.within(MEDIAN_MS, median(pauses), f"{what}: the median first ack, ms")

    def finish(self, load, what):
        load.finish()
        self.assert_load_is_well(load)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), what)
        self.assert_replicas_equal(load.topic)

    def tell_counters(self, what, recycled_min):
        """At the end: what the journals and the producer state did over the rounds."""
        if not self.counters:
            return
        totals = self.counters.totals()
        duplicates = sum(broker["duplicates"] for broker in totals)
        recycled = [broker["recycled"] for broker in totals]
        print(f"{what}: journal files recycled {recycled} of {JOURNAL_FILES} each; "
              f"{duplicates} retried batches answered from producer state", flush=True)
        self.assertGreaterEqual(min(recycled), recycled_min)
        if duplicates == 0:
            self.skipTest(f"unknown: {what}: no retried batch had to be answered from producer state; all else held")

    @bounds.three_tries
    def test_leader(self):
        topic = self.create("kill")
        load = self.load(topic, **LOAD)
        pauses = []
        for round_number in range(self.ROUNDS):
            if round_number == self.ROUNDS - 1 and self.counters:
                wait_for(lambda: self.recycled() >= RECYCLED, 240, f"{RECYCLED} journal files are recycled on each broker", 1)
            rate = self.prepare(load)
            victim = max(range(self.BROKERS), key=lambda i: len(self.led_by(topic, i + 1)))
            pauses.append(self.kill_under(load, victim, rate, f"leader killed, round {round_number}"))
        self.finish(load, "leader killed")
        self.verdict("leader killed", pauses)
        self.tell_counters("leader killed", RECYCLED)

    @bounds.three_tries
    def test_metadata_leader(self):
        # A topic a round: its leaders are spread over all brokers again, whoever was restarted.
        pauses = []
        for round_number in range(self.ROUNDS):
            what = f"metadata leader killed, round {round_number}"
            load = self.load(self.create("kill-metadata"), name=f"load{round_number}", **LOAD)
            rate = self.prepare(load)
            victim = self.controller() - 1
            pauses.append(self.kill_under(load, victim, rate, what))
            for broker in range(self.BROKERS):
                wait_for(lambda b=broker: self.controller(b) > 0, 10, "a metadata leader is named")
            self.finish(load, what)
        self.verdict("metadata leader killed", pauses)
        self.tell_counters("metadata leader killed", RECYCLED if LONG_FORM else 0)

    @bounds.three_tries
    def test_all(self):
        topic = self.create("kill-all")
        load = self.load(topic, **LOAD)
        pauses = []
        for round_number in range(5 if LONG_FORM else 1):
            self.wait_for_rate(load)
            for broker in range(self.BROKERS):
                os.kill(self.cluster.pid(broker), 9)
            begin = now_ms()
            self.cluster.start()
            pause = self.first_ack_after(load, begin, range(self.PARTITIONS), 60)
            print(f"all killed, round {round_number}: first ack {pause} ms after the restart began", flush=True)
            pauses.append(pause)
        self.finish(load, "all killed")
        bounds.within(60_000 if PEER_IS_KAFKA else 10_000, max(pauses), "all killed: the slowest first ack, ms")


if __name__ == "__main__":
    results.main()
