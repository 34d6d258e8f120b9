"""What the node file sets takes effect: seen through stock clients, or by hand where no client shows it."""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import run, wait_for  # noqa: E402

OUT_OF_ORDER_SEQUENCE_NUMBER, KAFKA_STORAGE_ERROR = 45, 56


def now_ms():
    return int(time.time() * 1000)


class OneBroker(ClusterTest):
    BROKERS = 1

    def connect(self):
        connection = wire.Connection(self.cluster.port(0))
        self.addCleanup(connection.socket.close)
        return connection

    def made(self, topic):
        """A connection to the leader of `topic`, which a Metadata request creates."""
        connection = self.connect()
        wait_for(lambda: connection.leader(topic)[1] == 1, 10, "the topic has a leader")
        return connection


class ProducerExpiration(OneBroker):
    SETTINGS = {"broker_defaults": "{producer.id.expiration.ms: 500}", "disk_reserve_bytes": "0"}
    PRODUCER = 7001

    def send(self, connection, topic, sequence):
        return connection.produce(topic, wire.batch([b"x"], now_ms(), (self.PRODUCER, 0, sequence)))

    def test_a_silent_producer_is_forgotten(self):
        topic = self.topic("silent")
        connection = self.made(topic)
        self.assertEqual((0, 0), self.send(connection, topic, 0))
        self.assertEqual((0, 0), self.send(connection, topic, 0), "a retry is answered as the first one was")
        self.assertEqual(OUT_OF_ORDER_SEQUENCE_NUMBER, self.send(connection, topic, 77)[0])

        def forgotten():
            # The time of the log goes on with the records of others.
            self.assertEqual(0, connection.produce(topic, wire.batch([b"other"], now_ms()))[0])
            error, offset = self.send(connection, topic, 77)
            return offset if error == 0 else None

        began = time.monotonic()
        offset = wait_for(forgotten, 10, "any sequence is accepted")
        self.assertGreater(time.monotonic() - began, 0.3, "it was forgotten sooner than it was set")
        self.assertEqual((0, offset), self.send(connection, topic, 77), "and it is remembered again")
        self.assertEqual(OUT_OF_ORDER_SEQUENCE_NUMBER, self.send(connection, topic, 0)[0], "what came before is not")


@clients.needs("kcat")
class DiskReserve(OneBroker):
    SETTINGS = {"disk_reserve_bytes": "1024GiB"}

    def test_records_are_refused_and_the_rest_goes_on(self):
        topic = self.topic("full")
        connection = self.made(topic)
        wait_for(lambda: connection.produce(topic, wire.batch([b"x"], now_ms()))[0] == KAFKA_STORAGE_ERROR, 10,
                 "records are refused")
        # A stock client takes it for something that passes, and says what it could not deliver.
        told = run(["kcat", "-b", self.cluster.bootstrap, "-P", "-t", topic, "-X", "message.timeout.ms=2000"], 30, False,
                   stdin="x\n")
        self.assertNotEqual(0, told.returncode)
        self.assertIn("Delivery failed", told.stdout + told.stderr)
        self.assertIn("less than disk_reserve_bytes", self.cluster.logs())
        self.assertEqual("", clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q"))


if __name__ == "__main__":
    results.main()
