"""Each key that the brokers advertise does something: one side changes state through it or another key, the other side,
another API or client, sees the change. What they advertise is what proto/kafka says."""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import ROOT, wait_for  # noqa: E402

ILLEGAL_SEQUENCE = 45
OFFSETS_PARTITIONS = 50


def advertised_by_schema():
    """{key: (lowest, highest)} of proto/kafka/*.kmsg."""
    found = {}
    for path in (ROOT / "proto" / "kafka").glob("*.kmsg"):
        key = None
        for line in path.read_text().splitlines():
            if one := re.match(r"api (\d+) ", line):
                key = int(one[1])
            elif one := re.match(r"  advertise (\d+)\.\.(\d+)", line):
                found[key] = (int(one[1]), int(one[2]))
    return found


def java_hash(text):
    value = 0
    for letter in text:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


@clients.needs("kcat")
@clients.needs_kafka_python()
class EveryKey(ClusterTest):
    TESTS = {wire.PRODUCE: "produce", wire.FETCH: "fetch", wire.LIST_OFFSETS: "list_offsets", wire.METADATA: "metadata",
             wire.FIND_COORDINATOR: "find_coordinator", wire.CREATE_TOPICS: "create_topics",
             wire.DELETE_TOPICS: "delete_topics", wire.INIT_PRODUCER_ID: "init_producer_id",
             wire.DESCRIBE_CONFIGS: "describe_configs", wire.DESCRIBE_CLUSTER: "describe_cluster"}

    def connect(self, broker=0):
        connection = wire.Connection(self.cluster.port(broker))
        self.addCleanup(connection.socket.close)
        return connection

    def leader_of(self, topic, partition=0):
        led = wait_for(lambda: max(0, self.connect().leader(topic, partition)[1]), 10, f"{topic} has a leader")
        return self.connect(led - 1)

    def admin(self, broker=0):
        import kafka
        client = kafka.KafkaAdminClient(bootstrap_servers=f"127.0.0.1:{self.cluster.port(broker)}")
        self.addCleanup(client.close)
        return client

    def create(self, word, partitions=1, configs=None):
        from kafka.admin import NewTopic
        name = self.topic(word)
        self.admin().create_topics([NewTopic(name, partitions, self.BROKERS, topic_configs=configs or {})])
        return name

    def listed(self, broker=0):
        """{topic: {partition: leader}} as kcat lists it."""
        answer = clients.kcat_metadata(f"127.0.0.1:{self.cluster.port(broker)}")
        return {topic["topic"]: {p["partition"]: p["leader"] for p in topic["partitions"]} for topic in answer["topics"]}

    def read(self, topic):
        return clients.lines(clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-p", "0", "-o", "beginning", "-e",
                                          "-q"))

    def test_what_is_advertised(self):
        schema = advertised_by_schema()
        self.assertGreater(len(schema), 10)
        for broker in range(self.BROKERS):
            self.assertEqual(schema, self.connect(broker).api_versions())
        self.assertEqual(set(schema) - {wire.API_VERSIONS}, set(self.TESTS), "a key without a test here")
        for name in self.TESTS.values():
            self.assertTrue(callable(getattr(self, f"test_{name}")))

    def test_produce(self):
        topic = self.create("produce")
        leader = self.leader_of(topic)
        self.assertEqual((0, 0), leader.produce(topic, wire.batch([b"one", b"two"], int(time.time() * 1000))))
        self.assertEqual(["one", "two"], self.read(topic))

    def test_fetch(self):
        topic = self.create("fetch")
        leader = self.leader_of(topic)
        self.assertEqual((0, 0, b""), leader.fetch(topic, wait_ms=0))
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", stdin="a\nb\n")
        error, watermark, stored = leader.fetch(topic)
        self.assertEqual((0, 2), (error, watermark))
        self.assertEqual([(0, b"a"), (1, b"b")], wire.records(stored))

    def test_list_offsets(self):
        topic = self.create("offsets")
        leader = self.leader_of(topic)
        self.assertEqual((0, 0), leader.end_offset(topic))
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", stdin="a\nb\nc\n")
        self.assertEqual((0, 3), leader.end_offset(topic))

    def test_metadata(self):
        name = self.topic("metadata")
        self.assertNotIn(name, self.listed(2))
        from kafka.admin import NewTopic
        self.admin(1).create_topics([NewTopic(name, 3, self.BROKERS)])
        for broker in range(self.BROKERS):
            seen = wait_for(lambda b=broker: self.listed(b).get(name), 5, f"broker {broker} lists the topic")
            self.assertEqual([0, 1, 2], sorted(seen))

    def test_find_coordinator(self):
        """The first question makes the internal topic; the answer is the leader of the group's partition."""
        group = "some group"
        error, node = wait_for(lambda: (lambda found: found[0] == 0 and found)(self.connect(1).find_coordinator(group)), 20,
                               "a coordinator is named")
        self.assertEqual(0, error)
        partition = (java_hash(group) & 0x7FFFFFFF) % OFFSETS_PARTITIONS
        for broker in range(self.BROKERS):
            offsets = self.listed(broker)["__consumer_offsets"]
            self.assertEqual(OFFSETS_PARTITIONS, len(offsets))
            self.assertEqual(node, offsets[partition])

    def test_create_topics(self):
        name = self.create("created", 2, {"min.insync.replicas": "2"})
        wait_for(lambda: sorted(self.listed(1).get(name, {})) == [0, 1], 5, "another broker lists the topic")

    def test_delete_topics(self):
        name = self.create("deleted")
        wait_for(lambda: name in self.listed(1), 5, "another broker lists the topic")
        self.admin(2).delete_topics([name])
        wait_for(lambda: all(name not in self.listed(i) for i in range(self.BROKERS)), 5, "it is gone everywhere")

    def test_init_producer_id(self):
        given = [self.connect(broker).init_producer_id() for broker in (0, 1, 2, 0)]
        self.assertEqual([(0, 0)] * 4, [(error, epoch) for error, _, epoch in given])
        self.assertEqual(4, len({producer for _, producer, _ in given}), "an id is given out once")
        topic = self.create("producers")
        leader = self.leader_of(topic)
        _, producer, epoch = given[0]

        def send(sequence):
            return leader.produce(topic, wire.batch([str(sequence).encode()], int(time.time() * 1000),
                                                    (producer, epoch, sequence)))

        self.assertEqual([(0, 0), (0, 1), (0, 1)], [send(0), send(1), send(1)])
        self.assertEqual(ILLEGAL_SEQUENCE, send(7)[0])
        self.assertEqual(["0", "1"], self.read(topic))

    def test_describe_configs(self):
        from kafka.admin import ConfigResource, ConfigResourceType
        name = self.create("configs", configs={"segment.bytes": "1048576"})
        other = self.create("configs")
        for broker in range(self.BROKERS):
            seen = {}
            for topic in (name, other):
                answer = self.admin(broker).describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
                entries = answer[0].resources[0][4]
                seen[topic] = next(entry[1] for entry in entries if entry[0] == "segment.bytes")
            self.assertEqual({name: "1048576", other: "1073741824"}, seen)

    def test_describe_cluster(self):
        ports = {i + 1: self.cluster.port(i) for i in range(self.BROKERS)}
        controllers = set()
        for broker in range(self.BROKERS):
            controller, brokers = self.connect(broker).describe_cluster()
            self.assertEqual(ports, brokers)
            controllers.add(controller)
        self.assertEqual(1, len(controllers), "one controller")
        victim = controllers.pop() % self.BROKERS  # its index: the broker after the controller
        watcher = self.connect((victim + 1) % self.BROKERS)
        self.cluster.kill(victim)
        wait_for(lambda: victim + 1 not in watcher.describe_cluster()[1], 10, "the killed broker is not named")
        self.cluster.restart(victim)
        wait_for(lambda: watcher.describe_cluster()[1] == ports, 20, "it is named again")


if __name__ == "__main__":
    results.main()
