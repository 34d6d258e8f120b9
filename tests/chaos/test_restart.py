"""A cluster that is stopped and started is the same one: topic ids, offsets, records, producer state, and epochs that never
go back. A producer that runs all the while goes on.

Seen to fail: with producers-not-kept (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) a batch that is sent again after
the restart is stored twice.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import BINARY, LONG_FORM, SMALL_JOURNAL  # noqa: E402
from process import run, wait_for  # noqa: E402

OUT_OF_ORDER_SEQUENCE = 45


@clients.needs("kcat")
@clients.needs_kafka_python()
class Restart(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    PARTITIONS = 3
    ROUNDS = 5 if LONG_FORM else 1

    def epochs(self, topic, broker=0):
        with wire.Connection(self.cluster.port(broker)) as connection:
            return connection.leader_epochs(topic)

    def topic_ids(self):
        """{topic: id}, the same from every broker."""
        told = [json.loads(run([BINARY, "topic", "list", "-b", self.at(broker), "--format", "json"]).stdout)
                for broker in range(self.BROKERS)]
        found = [{topic["name"]: topic["id"] for topic in one} for one in told]
        self.assertTrue(all(one == found[0] for one in found), f"{found}")
        return found[0]

    def to_leader(self, topic, act):
        """act(connection to the leader of partition 0), once there is one that serves."""
        def done():
            leader = self.partitions(topic)[0][1]
            if leader <= 0:
                return None
            with wire.Connection(self.cluster.port(leader - 1)) as connection:
                error, *rest = act(connection)
            return None if error == 6 else (error, *rest)
        return wait_for(done, 20, "the leader of partition 0 answers")

    def produce(self, topic, producer, sequence):
        batch = wire.batch([b"a", b"b"], producer=(*producer, sequence))
        return self.to_leader(topic, lambda connection: connection.produce(topic, batch))

    def end(self, topic):
        return self.to_leader(topic, lambda connection: connection.end_offset(topic))[1]

    def test_stop_and_start(self):
        topic = self.create("restart")
        state = self.create("producer-state", 1)
        with wire.Connection(self.cluster.port(0)) as connection:
            error, *producer = connection.init_producer_id()
        self.assertEqual(0, error)
        self.assertEqual((0, 0), self.produce(state, producer, 0))
        self.assertEqual((0, 2), self.produce(state, producer, 2))
        load = self.load(topic, bytes_per_second=500_000)
        for round_number in range(self.ROUNDS):
            sent = now_ms()
            self.first_ack_after(load, sent, range(self.PARTITIONS), 30)
            self.restart_under(load, state, producer, f"stopped and started, round {round_number}")
        self.assertEqual((OUT_OF_ORDER_SEQUENCE, -1), self.produce(state, producer, 17))
        self.assertEqual((0, 4), self.produce(state, producer, 4))
        load.finish()
        self.assert_load_is_well(load)  # the same producer all the while: its id and sequences went on counting
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), "stopped and started")
        self.assert_replicas_equal(topic)

    def restart_under(self, load, state, producer, what):
        topic = load.topic
        before, ids = self.epochs(topic), self.topic_ids()
        self.cluster.stop()
        begin = now_ms()
        self.cluster.start()
        wait_for(lambda: self.all_led(topic) and self.all_led(state), 20, "every partition has a leader")
        self.assertEqual(ids, self.topic_ids())
        pause = self.first_ack_after(load, begin, range(self.PARTITIONS), 30)
        self.assertEqual(4, self.end(state))
        self.assertEqual((0, 0), self.produce(state, producer, 0), "the first batch again: its first answer again")
        self.assertEqual((0, 2), self.produce(state, producer, 2), "the last batch again: its first answer again")
        self.assertEqual(4, self.end(state))
        after = [self.epochs(topic, broker) for broker in range(self.BROKERS)]
        print(f"{what}: first ack after {pause} ms; leader epochs {before}, then {after[0]}; {len(ids)} topic ids kept", flush=True)
        for epochs in after:
            for partition, epoch in epochs.items():
                self.assertGreaterEqual(epoch, before[partition])


if __name__ == "__main__":
    results.main()
