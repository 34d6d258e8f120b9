"""The in-sync replicas are true: a stopped follower leaves, a continued one returns; kafka-python hears it from every broker,
and each broker's own status says the same.

Seen to fail: with isr-never-shrinks (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) the stopped follower never leaves.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import LONG_FORM, PEER_IS_KAFKA, SMALL_JOURNAL  # noqa: E402
from process import wait_for  # noqa: E402

LEAVES_SECONDS = 45 if PEER_IS_KAFKA else 15  # replica.lag.time.max.ms is 10 s, 30 s in Kafka


@clients.needs("kcat")
@clients.needs_kafka_python()
class InSync(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    ROUNDS = 5 if LONG_FORM else 1

    def heard(self, topic, broker):
        """What kafka-python hears from one broker: {partition: in-sync replicas}."""
        import kafka
        from kafka.protocol.metadata import MetadataRequest
        client = kafka.KafkaClient(bootstrap_servers=f"127.0.0.1:{self.cluster.port(broker)}", api_version=(2, 3))
        try:
            # To this very broker: left alone, the client asks whom it likes.
            node = broker if PEER_IS_KAFKA else broker + 1
            wait_for(lambda: client.ready(node, metadata_priority=False) or client.poll(timeout_ms=50) is None, 5,
                     f"kafka-python is connected to broker {broker}", 0)
            future = client.send(node, MetadataRequest[1]([topic]))
            client.poll(future=future, timeout_ms=5000)
            self.assertTrue(future.succeeded(), f"broker {broker} did not answer: {future.exception}")
            (_, name, _, partitions), = future.value.topics
            self.assertEqual(topic, name)
            return {number: sorted(isr) for _, number, _, _, isr in partitions}
        finally:
            client.close()

    def told(self, topic, broker):
        """The same from the broker's status."""
        return {group["partition"]: sorted(member["id"] for member in group["members"] if member["isr"])
                for group in self.cluster.status(broker)["groups"] if group["topic"] == topic}

    def wait_for_both(self, topic, brokers, expected, seconds):
        for broker in brokers:
            wait_for(lambda b=broker: self.heard(topic, b) == expected, seconds,
                     f"broker {broker} tells kafka-python the in-sync replicas {expected}")
            if not PEER_IS_KAFKA:
                self.assertEqual(expected, self.told(topic, broker), f"broker {broker}'s status")

    def test_a_stopped_follower_leaves_and_returns(self):
        topic = self.create("in-sync", 3)
        load = self.load(topic, 3, bytes_per_second=100_000)
        everybody = {partition: sorted(i + 1 for i in range(self.BROKERS)) for partition in range(3)}
        for round_number in range(self.ROUNDS):
            follower = round_number % self.BROKERS
            others = [i for i in range(self.BROKERS) if i != follower]
            self.wait_for_both(topic, range(self.BROKERS), everybody, 30)
            self.cluster.pause(follower)
            try:
                self.wait_for_both(topic, others, {p: sorted(i + 1 for i in others) for p in everybody}, LEAVES_SECONDS)
            finally:
                self.cluster.resume(follower)
            self.wait_for_both(topic, range(self.BROKERS), everybody, 30)
            print(f"round {round_number}: broker {follower} left and returned; kafka-python and the status of every "
                  f"broker agree", flush=True)
        load.finish()
        self.assertEqual([], load.fatal)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), "in sync")


if __name__ == "__main__":
    results.main()
