"""A broker that was away longer than the others' journals reach back gets full installs, and then holds what the leaders
hold. Meanwhile a record that cannot be committed, as its partition's only other replica is away, does not keep other
topics from writing three times the journal's size.

Seen to fail: with install-not-swapped-in (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) fewer installs come to an end
than partitions are behind.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import LONG_FORM, SMALL_JOURNAL  # noqa: E402
from process import wait_for  # noqa: E402

JOURNAL_BYTES = 4 * 16 * 2**20
REQUEST_TIMED_OUT = 7


@clients.needs("kcat")
@clients.needs_kafka_python()
class Absence(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    PARTITIONS = 20
    ROUNDS = 5 if LONG_FORM else 1

    def create_on(self, word, leader, other):
        """A topic of one partition with replicas on two brokers, the first of which leads it."""
        import kafka.admin
        topic = self.topic(word)
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.create_topics([kafka.admin.NewTopic(topic, -1, -1, replica_assignments={0: [leader + 1, other + 1]})])
        admin.close()
        wait_for(lambda: self.all_led(topic), 20, f"{topic} has a leader")
        return topic, self.partitions(topic)[0][1] - 1

    def test_away_longer_than_the_journal(self):
        topic = self.create("absence")
        before = self.loaded(topic, "before", 2000)
        for round_number in range(self.ROUNDS):
            self.be_away(topic, round_number)
        self.assert_everything_is_there(before, before.acks, range(self.BROKERS), "absence")

    def be_away(self, topic, round_number):
        what, victim = f"absence, round {round_number}", 2 - round_number % 3
        held_topic, leader = self.create_on("held", (victim + 1) % 3, victim)
        if leader == victim:
            victim = (victim + 1) % 3
        others = [i for i in range(self.BROKERS) if i != victim]
        self.cluster.kill(victim)
        with wire.Connection(self.cluster.port(leader)) as connection:
            held = connection.produce(held_topic, wire.batch([b"held"]), timeout_ms=500)
            self.assertEqual(REQUEST_TIMED_OUT, held[0], "appended, and nobody else has it")
        wait_for(lambda: all(leads - 1 in others for _, leads, _ in self.partitions(topic, others[0])), 20, "the others lead")
        written = {i: self.written(i) for i in others}
        load = self.load(topic, name=f"meanwhile{round_number}", bytes_per_second=20_000_000, record_bytes=8192)
        wait_for(lambda: all(self.written(i) - written[i] > 3 * JOURNAL_BYTES for i in others), 120,
                 "the others write three times the journal's size", 0.5)
        load.finish()
        self.assert_load_is_well(load)
        self.cluster.restart(victim)
        # A short absence ends before the others see it as out of sync: the installs are what is waited for.
        wait_for(lambda: self.installs(victim) >= self.PARTITIONS, 60, "every partition that was behind is installed")
        self.wait_in_sync(topic, 60)
        self.wait_in_sync_of(held_topic, 2)
        installs = self.installs(victim)
        print(f"{what}: {len(load.acks) * 8192 / 2**20:.0f} MiB acknowledged while broker {victim} was away, at "
              f"{load.acked_bytes_per_second() / 1e6:.1f} MB/s; {installs} installs", flush=True)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), what)
        self.assert_replicas_equal(topic)
        self.assert_replicas_equal(held_topic, [leader, victim])

    def wait_in_sync_of(self, topic, count):
        wait_for(lambda: all(len(isr) == count for _, _, isr in self.partitions(topic)), 30, f"{count} replicas of {topic} in sync")

    def installs(self, broker):
        return int(self.cluster.metric(broker, "kronika_installs_received_total"))

    def written(self, broker):
        return self.cluster.metric(broker, "kronika_journal_bytes_written_total")


if __name__ == "__main__":
    results.main()
