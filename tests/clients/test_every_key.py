"""Each key that the brokers advertise does something: one side changes state through it or another key, the other side,
another API or client, sees the change. What they advertise is what proto/kafka says."""

import re
import struct
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
ELECTION_NOT_NEEDED = 84
OFFSETS_PARTITIONS = 50
ELECT_LEADERS = 43
OFFSET_DELETE = 47


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
             wire.DESCRIBE_CONFIGS: "describe_configs", wire.DESCRIBE_CLUSTER: "describe_cluster",
             8: "offset_commit", 9: "offset_fetch", 11: "join_group", 12: "heartbeat", 13: "leave_group", 14: "sync_group",
             15: "describe_groups", 16: "list_groups", 42: "delete_groups",
             ELECT_LEADERS: "elect_leaders", OFFSET_DELETE: "offset_delete"}
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 100}"}

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

    # Groups: one client acts, an admin client of another broker sees.

    def member(self, topic, group):
        import kafka
        consumer = kafka.KafkaConsumer(topic, bootstrap_servers=self.cluster.bootstrap, group_id=group, enable_auto_commit=False,
                                       session_timeout_ms=6_000, heartbeat_interval_ms=500, auto_offset_reset="earliest")
        self.addCleanup(consumer.close)
        wait_for(lambda: consumer.poll(100) or consumer.assignment(), 20, "the member has its partitions")
        return consumer

    def described(self, group, broker=1):
        return self.admin(broker).describe_consumer_groups([group])[0]

    def committed(self, group, broker=1):
        return {where.partition: each.offset for where, each in self.admin(broker).list_consumer_group_offsets(group).items()}

    def commit(self, topic, group, offset):
        import kafka
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, group_id=group, enable_auto_commit=False)
        where = kafka.TopicPartition(topic, 0)
        consumer.assign([where])
        consumer.commit({where: kafka.OffsetAndMetadata(offset, "note")})
        consumer.close()

    def test_offset_commit(self):
        topic = self.create("commit")
        self.commit(topic, "commit", 5)
        self.assertEqual({0: 5}, self.committed("commit", 1))
        self.commit(topic, "commit", 3)
        self.assertEqual({0: 3}, self.committed("commit", 2))

    def test_offset_fetch(self):
        topic = self.create("fetch-offsets")
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", stdin="a\nb\nc\n")
        self.commit(topic, "fetch-offsets", 1)
        consumer = self.member(topic, "fetch-offsets")
        consumer.seek(*[(where, consumer.committed(where)) for where in consumer.assignment()][0])
        values = wait_for(lambda: [r.value for rs in consumer.poll(200).values() for r in rs], 20, "the rest is read")
        self.assertEqual([b"b", b"c"], values)

    def test_join_group(self):
        topic = self.create("join", 2)
        self.member(topic, "join")
        described = self.described("join")
        self.assertEqual(("Stable", 1), (described.state, len(described.members)))

    test_describe_groups = test_join_group

    def test_sync_group(self):
        topic = self.create("sync", 4)
        consumer = self.member(topic, "sync")
        self.assertEqual(set(range(4)), {where.partition for where in consumer.assignment()})
        assigned = self.described("sync").members[0].member_assignment.assignment
        self.assertEqual([(topic, [0, 1, 2, 3])], assigned)

    def test_heartbeat(self):
        """A member that polls outlives its session timeout; one that is silent does not."""
        import threading
        topic = self.create("heartbeat")
        consumer = self.member(topic, "heartbeat")
        end = threading.Event()
        poller = threading.Thread(target=lambda: [consumer.poll(100) for _ in iter(end.is_set, True)])
        poller.start()
        began = time.monotonic()
        wait_for(lambda: time.monotonic() - began > 8, 20, "longer than the session timeout")
        self.assertEqual("Stable", self.described("heartbeat").state)
        end.set()
        poller.join()

    def test_leave_group(self):
        consumer = self.member(self.create("leave"), "leave")
        self.assertEqual("Stable", self.described("leave").state)
        consumer.close()
        self.assertEqual(("Empty", []), (self.described("leave").state, self.described("leave").members))

    def test_list_groups(self):
        listed = lambda: {group for group, _ in self.admin(2).list_consumer_groups()}  # noqa: E731
        self.assertNotIn("listed", listed())
        self.commit(self.create("listed"), "listed", 1)
        self.assertIn("listed", listed())

    def test_delete_groups(self):
        self.commit(self.create("deleted-group"), "deleted-group", 1)
        self.assertEqual([("deleted-group", 0)], [(group, error.errno) for group, error in
                                                  self.admin().delete_consumer_groups(["deleted-group"])])
        self.assertNotIn("deleted-group", {group for group, _ in self.admin(1).list_consumer_groups()})
        self.assertEqual({}, self.committed("deleted-group"))

    def test_offset_delete(self):
        topic = self.create("deleted-offset")
        self.commit(topic, "deleted-offset", 4)
        _, node = self.connect().find_coordinator("deleted-offset")
        body = wire.string("deleted-offset") + wire.array([wire.string(topic) + wire.array([struct.pack(">i", 0)])])
        answer = self.connect(node - 1).request(OFFSET_DELETE, 0, body)
        self.assertEqual(0, answer.take("h"))
        self.assertEqual({}, {p: o for p, o in self.committed("deleted-offset").items() if o >= 0})

    def test_elect_leaders(self):
        """A broker that was away leads again what it is preferred for, as all brokers say."""
        topic = self.create("elected", 3)
        wait_for(lambda: all(self.led_by_first(topic, broker) for broker in range(self.BROKERS)), 20, "preferred leaders")
        self.cluster.kill(1)
        wait_for(lambda: 2 not in self.listed(0)[topic].values() and min(self.listed(0)[topic].values()) > 0, 20, "others lead")
        self.cluster.restart(1)
        wait_for(lambda: self.cluster.ready(1), 30, "it serves again")
        wait_for(lambda: all(len(self.connect(b).describe_cluster()[1]) == self.BROKERS for b in (0, 2)), 20, "it is named again")
        wait_for(lambda: self.in_sync(topic), 30, "all replicas are in sync")
        self.assertFalse(self.led_by_first(topic, 0))
        body = struct.pack(">b", 0) + wire.array([wire.string(topic) + wire.array([struct.pack(">i", p) for p in range(3)])])
        answer = self.connect(2).request(ELECT_LEADERS, 1, body + struct.pack(">i", 10_000))
        self.assertEqual((0, 0), answer.take("ih"))

        def elected(r):
            partition, error = r.take("ih")
            return partition, error, r.string()
        _, results_of = answer.array(lambda r: (r.string(), r.array(elected)))[0]
        self.assertEqual([0, ELECTION_NOT_NEEDED, ELECTION_NOT_NEEDED], sorted(error for _, error, _ in results_of))
        for broker in range(self.BROKERS):
            wait_for(lambda b=broker: self.led_by_first(topic, b), 2, f"broker {broker} names the preferred leaders")

    def placed(self, topic, broker):
        answer = clients.kcat_metadata(f"127.0.0.1:{self.cluster.port(broker)}", "-t", topic)
        return answer["topics"][0]["partitions"]

    def led_by_first(self, topic, broker):
        return all(p["leader"] == p["replicas"][0]["id"] for p in self.placed(topic, broker))

    def in_sync(self, topic):
        return all(len(p["isrs"]) == self.BROKERS for p in self.placed(topic, 0))

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
