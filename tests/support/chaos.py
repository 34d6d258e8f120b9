"""What the chaos tests share: topics that are ready, loads, leaders, and reading everything back from every replica."""

import time

import clients
import history
from cluster import LONG_FORM, PEER_IS_KAFKA, ClusterTest
from process import wait_for


def now_ms():
    return int(time.monotonic() * 1000)


class ChaosTest(ClusterTest):
    ROUNDS = 20 if LONG_FORM else 3
    PARTITIONS = 20

    def setUp(self):
        self.cluster.start()  # what an earlier case that failed left dead

    def create(self, word, partitions=None, **configs):
        import kafka.admin
        topic = self.topic(word)
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.create_topics([kafka.admin.NewTopic(topic, partitions or self.PARTITIONS, self.BROKERS, topic_configs=configs)])
        admin.close()
        wait_for(lambda: self.all_led(topic), 20, f"every partition of {topic} has a leader")
        return topic

    def load(self, topic, partitions=None, name="load", settings=(), **options):
        load = history.Load(self.cluster.bootstrap, topic, partitions or self.PARTITIONS, self.folder, name, settings, **options)
        self.addCleanup(load.process.stop)
        return load

    def loaded(self, topic, name="load", acks=5000):
        """A load that ended well after so many acknowledgements."""
        load = self.load(topic, name=name, bytes_per_second=2_000_000)
        wait_for(lambda: len(load.read().acks) > acks, 30, f"the load '{name}' is acknowledged")
        load.finish()
        self.assert_load_is_well(load)
        return load

    def at(self, broker):
        return self.cluster.bootstrap if broker is None else f"127.0.0.1:{self.cluster.port(broker)}"

    def partitions(self, topic, broker=None):
        """[(partition, leader, in-sync replicas)] as one broker says; without a number, one that answers."""
        answer = clients.kcat_metadata(self.at(broker), "-t", topic)
        return [(p["partition"], p["leader"], sorted(r["id"] for r in p["isrs"])) for p in answer["topics"][0]["partitions"]]

    def all_led(self, topic, broker=None):
        found = self.partitions(topic, broker)
        return found and all(leader > 0 for _, leader, _ in found)

    def in_sync(self, topic, broker=None):
        return all(len(isr) == self.BROKERS for _, _, isr in self.partitions(topic, broker))

    def wait_in_sync(self, topic, seconds=30):
        wait_for(lambda: self.in_sync(topic), seconds, f"all replicas of {topic} are in sync")

    def wait_until_ready(self, broker):
        """Clients are served by it; right after a restart it only lives."""
        wait_for(lambda: PEER_IS_KAFKA or self.cluster.ready(broker), 30, f"broker {broker} is ready")

    def led_by(self, topic, node, broker=None):
        return [partition for partition, leader, _ in self.partitions(topic, broker) if leader == node]

    def controller(self, broker=None):
        return clients.kcat_metadata(self.at(broker))["controllerid"]

    def gained_by_election(self, broker):
        for line in self.cluster.get(broker, "/metrics").splitlines():
            if line.startswith('kronika_leaderships_gained_total{by="election"}'):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError("no metric of elections")

    def first_ack_after(self, load, begin_ms, partitions, seconds, sent_after_ms=None):
        """Milliseconds from `begin_ms` to the first acknowledgement of a record sent later on one of `partitions`.

        `sent_after_ms` is when the victim was seen to be gone, where that is later: nothing of it counts."""
        sent_after_ms = begin_ms if sent_after_ms is None else sent_after_ms

        def found():
            return next((ack.answered_ms - begin_ms for ack in load.read().acks
                         if ack.sent_ms > sent_after_ms and ack.partition in partitions), None)
        return wait_for(found, seconds, "an acknowledgement by a new leader")

    def assert_everything_is_there(self, load, acks, brokers, what):
        """Every acknowledged record is read back from each of `brokers`, once and in order."""
        ends = {}
        for ack in acks:
            ends[ack.partition] = max(ends.get(ack.partition, 0), ack.offset + 1)
        for broker in brokers:
            stored = {p: self.caught_up(broker, load.topic, p, end) for p, end in ends.items()}
            verdict = history.compare(load, acks, stored)
            print(f"{what}: broker {broker}: {verdict}", flush=True)
            self.assertTrue(verdict.clean(), f"{what}: broker {broker}: {verdict}")

    def caught_up(self, broker, topic, partition, end):
        """What a replica holds, once it has caught up with what was acknowledged; a follower may be a beat behind."""
        held, refusal = [], [""]

        def read():
            try:
                held[:] = history.read_partition(self.cluster.port(broker), topic, partition, end)
            except (AssertionError, OSError) as error:  # a replica that is about to get a leader may refuse
                refusal[0] = str(error)
                return False
            refusal[0] = ""
            return held and held[-1][0] + 1 >= end
        try:
            wait_for(read, 10, f"{topic}-{partition} reaches offset {end} on broker {broker}", 0.2)
        except AssertionError as error:
            print(f"{error} {refusal[0]}", flush=True)  # what is missing is named by the verdict
        return held

    def assert_replicas_equal(self, topic, brokers=None):
        """Every partition's stored bytes are the same on each of `brokers`; a follower may be a beat behind."""
        ports = [self.cluster.port(broker) for broker in (range(self.BROKERS) if brokers is None else brokers)]
        for partition, _, _ in self.partitions(topic):
            def same():
                digests = {history.digest_partition(port, topic, partition) for port in ports}
                return len(digests) == 1 and None not in digests
            wait_for(same, 20, f"the replicas of {topic}-{partition} are equal", 0.2)

    def assert_load_is_well(self, load):
        self.assertEqual([], load.fatal)
        self.assertEqual([], load.failed[:3])


