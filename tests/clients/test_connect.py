"""First contact: what every client asks before anything else, on each of three brokers."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import PEER_IS_KAFKA, ClusterTest  # noqa: E402


class Connect(ClusterTest):
    @clients.needs("kcat")
    def test_kcat_lists_the_same_brokers_and_controller_everywhere(self):
        seen = []
        for i in range(self.BROKERS):
            answer = clients.kcat_metadata(f"127.0.0.1:{self.cluster.port(i)}")
            seen.append((sorted((b["id"], b["name"]) for b in answer["brokers"]), answer["controllerid"]))
        expected = [(i + 1, f"127.0.0.1:{self.cluster.port(i)}") for i in range(self.BROKERS)]
        for brokers, controller in seen:
            self.assertEqual(expected, brokers)
            self.assertIn(controller, range(1, self.BROKERS + 1))
        if not PEER_IS_KAFKA:  # Kafka names any broker: its controller is not a broker's business
            self.assertEqual(1, len({controller for _, controller in seen}), seen)

    @clients.needs_kafka_python()
    def test_kafka_python_finds_out_the_version(self):
        import kafka
        for i in range(self.BROKERS):
            client = kafka.KafkaClient(bootstrap_servers=f"127.0.0.1:{self.cluster.port(i)}")
            # What it takes for a sign of 2.5 is an API of access control, which is not served.
            self.assertGreaterEqual(client.check_version(), (2, 4))
            client.close()

    @clients.needs("java")
    def test_java_api_versions(self):
        text = clients.java("broker-api-versions", "--bootstrap-server", self.cluster.bootstrap)
        for i in range(self.BROKERS):
            self.assertIn(f"127.0.0.1:{self.cluster.port(i)} (id: {i + 1}", text)
        self.assertNotIn("ERROR", text)

    def test_an_unknown_version_of_api_versions_is_answered_in_version_0(self):
        for i in range(self.BROKERS):
            with wire.Connection(self.cluster.port(i)) as connection:
                no_tagged_fields = b"\0"
                reader = connection.request(wire.API_VERSIONS, 99, no_tagged_fields)
                self.assertEqual(35, reader.take("h"))
                rows = {key: (low, high) for key, low, high in reader.array(lambda r: r.take("hhh"))}
                self.assertIn(wire.API_VERSIONS, rows)
                # The connection goes on.
                self.assertIn(wire.METADATA, connection.api_versions())

    def test_floors_of_old_clients(self):
        with wire.Connection(self.cluster.port(0)) as connection:
            served = connection.api_versions()
        for key, version in ((wire.PRODUCE, 0), (wire.PRODUCE, 7), (wire.FETCH, 4), (wire.FETCH, 11), (wire.LIST_OFFSETS, 1),
                             (wire.METADATA, 0), (wire.API_VERSIONS, 0), (wire.API_VERSIONS, 3)):
            low, high = served[key]
            self.assertTrue(low <= version <= high, f"key {key} version {version}: {low} to {high}")


if __name__ == "__main__":
    results.main()
