"""1,000 partitions: a record to and from each, with all brokers and again after one was killed; leaders that nobody disturbs stay.

Seen to fail (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...): with leader-states-cut-short the broker that comes back does not
learn who leads all of them; with beats-leave-groups-out there are elections while nothing happens.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import history  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import LONG_FORM  # noqa: E402
from process import wait_for  # noqa: E402


@clients.needs("kcat")
@clients.needs_kafka_python()
class ManyPartitions(ChaosTest):
    SETTINGS = {"disk_reserve_bytes": "0"}
    PARTITIONS = 1000
    ROUNDS = 5 if LONG_FORM else 1
    QUIET_SECONDS = 5  # several election timeouts

    def to_and_from_each(self, topic, name):
        """A record to each partition by a stock client, and from each by way of its leader."""
        begin = time.monotonic()
        load = self.load(topic, name=name, record_bytes=128, bytes_per_second=256_000)
        wait_for(lambda: len({ack.partition for ack in load.read().acks}) == self.PARTITIONS, 60,
                 "a record of every partition is acknowledged")
        load.finish()
        self.assert_load_is_well(load)
        stored = {}
        for partition, leader, _ in self.partitions(topic):
            end = max(ack.offset for ack in load.acks if ack.partition == partition) + 1
            stored[partition] = history.read_partition(self.cluster.port(leader - 1), topic, partition, end)
        verdict = history.compare(load, load.acks, stored)
        print(f"{name}: {self.PARTITIONS} partitions to and from in {time.monotonic() - begin:.1f} s: {verdict}", flush=True)
        self.assertTrue(verdict.clean(), str(verdict))

    def assert_nobody_is_elected(self):
        """One beat between two brokers stands for all groups: who is left out of it finds itself without a leader."""
        before = [self.gained_by_election(broker) for broker in range(self.BROKERS)]
        time.sleep(self.QUIET_SECONDS)  # what is looked at is that nothing happens
        after = [self.gained_by_election(broker) for broker in range(self.BROKERS)]
        self.assertEqual(before, after, f"leaderships gained by election within {self.QUIET_SECONDS} quiet seconds")

    def test_a_thousand(self):
        begin = time.monotonic()
        topic = self.create("thousand")
        print(f"{self.PARTITIONS} partitions with {self.BROKERS} replicas made in {time.monotonic() - begin:.1f} s", flush=True)
        self.to_and_from_each(topic, "all")
        self.assert_nobody_is_elected()
        for round_number in range(self.ROUNDS):
            victim = round_number % self.BROKERS
            survivor = (victim + 1) % self.BROKERS
            begin = time.monotonic()
            self.cluster.kill(victim)
            wait_for(lambda: self.all_led(topic, survivor) and not self.led_by(topic, victim + 1, survivor), 30,
                     "every partition has a leader that lives")
            print(f"broker {victim} killed: every partition led by another after {time.monotonic() - begin:.1f} s", flush=True)
            self.to_and_from_each(topic, f"round{round_number}")
            begin = time.monotonic()
            self.cluster.restart(victim)
            self.wait_in_sync(topic, 60)
            print(f"broker {victim} restarted: every replica in sync after {time.monotonic() - begin:.1f} s", flush=True)
            wait_for(lambda: self.all_led(topic, victim), 30, "who was away knows the leader of every partition")
            self.assert_nobody_is_elected()


if __name__ == "__main__":
    results.main()
