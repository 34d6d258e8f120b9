"""Topics come and go through any broker: created, listed, described, deleted, created again under traffic."""

import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from cluster import LONG_FORM, ClusterTest  # noqa: E402
from process import wait_for  # noqa: E402


class StayingClients:
    """A stock producer that sends its count every few milliseconds, and a stock consumer that reads on."""

    def __init__(self, bootstrap, topic):
        import kafka
        self.acknowledged = {}  # value: when
        self.read = set()
        self.gone = set()  # acknowledged in an earlier life
        self.refused = 0
        self._topic = topic
        self._stop = threading.Event()
        self._producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all", retries=1000, retry_backoff_ms=50)
        self._consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
        self._consumer.assign([kafka.TopicPartition(topic, 0)])
        self._threads = [threading.Thread(target=self._send), threading.Thread(target=self._read)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._producer.close(5)
        self._consumer.close()

    def acknowledged_since(self, begun):
        return [value for value, when in list(self.acknowledged.items()) if when >= begun]

    def _send(self):
        import kafka.errors
        value = 0
        while not self._stop.wait(0.005):
            try:
                sent = self._producer.send(self._topic, str(value).encode(), partition=0)
                sent.add_callback(lambda _, v=value: self.acknowledged.__setitem__(v, time.monotonic()))
                sent.add_errback(self._given_up)
                value += 1
            except kafka.errors.KafkaError:
                self.refused += 1

    def _given_up(self, _):
        self.refused += 1

    def _read(self):
        while not self._stop.is_set():
            for records in self._consumer.poll(100).values():
                self.read.update(int(record.value) for record in records)


@clients.needs("kcat")
@clients.needs_kafka_python()
class Topics(ClusterTest):
    def admin(self, broker=None):
        import kafka
        at = self.cluster.bootstrap if broker is None else f"127.0.0.1:{self.cluster.port(broker)}"
        client = kafka.KafkaAdminClient(bootstrap_servers=at)
        self.addCleanup(client.close)
        return client

    def create(self, name, partitions=1, broker=None, **more):
        from kafka.admin import NewTopic
        return self.admin(broker).create_topics([NewTopic(name, partitions, self.BROKERS, **more)])

    def listed(self, broker):
        """{topic: [(partition, leader, replicas, in-sync replicas)]} as one broker says."""
        answer = clients.kcat_metadata(f"127.0.0.1:{self.cluster.port(broker)}")
        return {topic["topic"]: [(p["partition"], p["leader"], [r["id"] for r in p["replicas"]],
                                  sorted(r["id"] for r in p["isrs"])) for p in topic["partitions"]]
                for topic in answer["topics"]}

    def test_created_and_deleted_through_any_broker(self):
        for broker in range(self.BROKERS):
            name = self.topic("any")
            self.create(name, 3, broker)
            everywhere = wait_for(lambda n=name: self.same_everywhere(n), 5, "all brokers list the topic alike")
            for _, leader, replicas, in_sync in everywhere:
                self.assertEqual([1, 2, 3], sorted(replicas))
                self.assertIn(leader, replicas)
                self.assertEqual([1, 2, 3], in_sync)
            self.admin((broker + 1) % self.BROKERS).delete_topics([name])
            wait_for(lambda n=name: all(n not in self.listed(i) for i in range(self.BROKERS)), 5, "the topic is gone")

    def same_everywhere(self, name):
        seen = [self.listed(i).get(name) for i in range(self.BROKERS)]
        return seen[0] if seen[0] and all(other == seen[0] for other in seen) and all(p[1] > 0 for p in seen[0]) else None

    def test_leaders_are_spread(self):
        name = self.topic("spread")
        self.create(name, 9)
        partitions = wait_for(lambda: self.same_everywhere(name), 5, "all brokers list the topic alike")
        count = [sum(1 for p in partitions if p[1] == node) for node in (1, 2, 3)]
        self.assertEqual([3, 3, 3], count)

    def test_errors(self):
        import kafka.errors
        name = self.topic("errors")
        self.create(name)
        with self.assertRaises(kafka.errors.TopicAlreadyExistsError):
            self.create(name)
        with self.assertRaises(kafka.errors.InvalidReplicationFactorError):
            from kafka.admin import NewTopic
            self.admin().create_topics([NewTopic(self.topic(), 1, 7)])
        with self.assertRaises(kafka.errors.InvalidTopicError):
            self.create("no/slash")
        for configs in ({"no.such.key": "1"}, {"segment.bytes": "many"}):
            with self.assertRaises(kafka.errors.InvalidConfigurationError):
                self.create(self.topic(), topic_configs=configs)
        with self.assertRaises(kafka.errors.UnknownTopicOrPartitionError):
            self.admin().delete_topics(["never-there"])

    def test_produce_creates_the_topic(self):
        for broker in range(self.BROKERS):
            name = self.topic("auto")
            at = f"127.0.0.1:{self.cluster.port(broker)}"
            clients.kcat(at, "-P", "-t", name, stdin="made\n")
            self.assertEqual("made\n", clients.kcat(at, "-C", "-t", name, "-o", "beginning", "-e", "-q"))

    def test_many_topics(self):
        from kafka.admin import NewTopic
        names = [self.topic("many") for _ in range(200)]
        self.admin().create_topics([NewTopic(name, 1, self.BROKERS) for name in names], timeout_ms=30_000)
        wait_for(lambda: set(names) <= set(self.listed(2)), 20, "200 topics are listed")
        import kafka
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all", retries=100)
        sent = [producer.send(name, name.encode(), partition=0) for name in names]
        self.assertEqual([0] * 200, [one.get(60).offset for one in sent])
        producer.close()
        self.admin().delete_topics(names)
        wait_for(lambda: not set(names) & set(self.listed(0)), 20, "200 topics are gone")

    def test_deleted_and_created_again_under_traffic(self):
        """Nobody stalls, and no old record or offset shows: each record names the life that it was sent in."""
        name = self.topic("again")
        rounds = 20 if LONG_FORM else 4
        stop, problems, read = threading.Event(), [], []
        life = [0]
        self.create(name)
        reader = threading.Thread(target=self.read_all, args=(name, stop, life, read, problems))
        reader.start()
        try:
            for life[0] in range(rounds):
                if life[0]:
                    self.admin().delete_topics([name])
                    wait_for(lambda: self.try_create(name), 10, "the name is free")
                offsets = self.send_some(name, life[0])
                self.assertEqual(list(range(len(offsets))), offsets, f"life {life[0]} starts at 0")
                wait_for(lambda: life[0] in read, 20, f"a record of life {life[0]} is read")
        finally:
            stop.set()
            reader.join()
        self.assertEqual([], problems)

    def test_clients_that_stay(self):
        """One producer and one consumer live through all lives of a topic: both go on in each, and what was acknowledged in
        an earlier life is not there any more."""
        name = self.topic("stay")
        self.create(name)
        wait_for(lambda: self.same_everywhere(name), 5, "all brokers list the topic alike")
        with StayingClients(self.cluster.bootstrap, name) as stay:
            for life in range(10 if LONG_FORM else 3):
                begun = time.monotonic()
                wait_for(lambda b=begun: stay.acknowledged_since(b), 20, f"the producer goes on in life {life}")
                first = min(stay.acknowledged_since(begun))
                wait_for(lambda f=first: max(stay.read, default=-1) >= f, 20, f"the consumer goes on in life {life}")
                # What is old would come first; there is no end to wait for, as the producer goes on.
                text = clients.kcat(self.cluster.bootstrap, "-C", "-t", name, "-p", "0", "-o", "beginning", "-c", "50", "-q",
                                    "-f", "%o %s\n")
                found = [tuple(map(int, line.split())) for line in clients.lines(text)]
                self.assertEqual(list(range(len(found))), [offset for offset, _ in found], f"offsets of life {life}")
                self.assertFalse({value for _, value in found} & stay.gone, f"records of before life {life}")
                stay.gone |= set(stay.acknowledged_since(0))
                self.admin().delete_topics([name])
                self.try_create(name)  # or the producer's next Metadata request did it
        print(f"{len(stay.acknowledged)} records acknowledged, {len(stay.read)} read, {stay.refused} given up")

    def try_create(self, name):
        import kafka.errors
        try:
            self.create(name)
            return True
        except kafka.errors.TopicAlreadyExistsError:
            return False

    def send_some(self, name, life):
        import kafka
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all", retries=100)
        sent = [producer.send(name, str(life).encode(), partition=0) for _ in range(50)]
        offsets = [one.get(20).offset for one in sent]
        producer.close()
        return offsets

    def read_all(self, name, stop, life, read, problems):
        """Reads each life from its beginning with a stock consumer, and again, until it is told to stop."""
        while not stop.is_set():
            begun = life[0]
            text = clients.kcat(self.cluster.bootstrap, "-C", "-t", name, "-p", "0", "-o", "beginning", "-e", "-q", "-f",
                                "%o %s\n", check=False, seconds=30)
            for line in clients.lines(text):
                _, value = line.split()
                if int(value) < begun - 1 or int(value) > life[0]:
                    problems.append(f"read '{line}' while life {begun} to {life[0]} was there")
                read.append(int(value))
            time.sleep(0.1)


if __name__ == "__main__":
    results.main()
