"""Consumer groups for tests: members that run beside the test, each in a way that real applications use."""

import threading
import time

from process import wait_for


def fill(bootstrap, topic, partitions, values):
    """Writes `values` (texts) round the partitions of a topic with kafka-python; waits for the acknowledgements."""
    import kafka
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all", retries=20, max_in_flight_requests_per_connection=1)
    sent = [producer.send(topic, value.encode(), partition=number % partitions) for number, value in enumerate(values)]
    for each in sent:
        each.get(30)
    producer.close()


def create(bootstrap, topic, partitions, replicas=3):
    import kafka.admin
    admin = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([kafka.admin.NewTopic(topic, partitions, replicas)])
    admin.close()


class Member:
    """A kafka-python consumer on a thread of its own, which only polls; it commits what it was given every half second."""

    def __init__(self, bootstrap, topic, group, **settings):
        self.settings = dict(bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest", max_poll_records=50,
                             auto_commit_interval_ms=500, heartbeat_interval_ms=300, session_timeout_ms=10_000,
                             metadata_max_age_ms=2_000, **settings)
        self.topic = topic
        self.values = []  # what it was given, in its order
        self.owned = set()  # partitions
        self.rebalances = 0
        self.error = None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        import kafka
        member = self

        class Listener(kafka.ConsumerRebalanceListener):
            def on_partitions_revoked(self, revoked):
                member.owned = set()

            def on_partitions_assigned(self, assigned):
                member.rebalances += 1
                member.owned = {each.partition for each in assigned}

        try:
            consumer = kafka.KafkaConsumer(**self.settings)
            consumer.subscribe([self.topic], listener=Listener())
            while not self._end.is_set():
                for where, records in consumer.poll(timeout_ms=100).items():
                    self.take(where, records)
            consumer.close()
            self.owned = set()
        except Exception as error:  # pylint: disable=broad-except  # told by stop(), in the test's own thread
            self.error = error

    def take(self, _where, records):
        """What a poll gave of one partition."""
        self.values += [record.value.decode() for record in records]

    def end(self):
        self._end.set()

    def stop(self):
        """Leaves the group; what it was given is committed."""
        self.end()
        self._thread.join(60)
        if self._thread.is_alive():
            raise AssertionError("a member did not end within 60 s")
        if self.error:
            raise self.error


def stop_all(members):
    """All leave at once: each that left alone would set all others to rebalance."""
    for member in members:
        member.end()
    for member in members:
        member.stop()


def shared_out(members, partitions):
    """Whether the members own every partition between them, nobody another's, and loads are level."""
    owned = [member.owned for member in members]
    sizes = sorted(len(each) for each in owned)
    return sum(sizes) == partitions and set().union(*owned) == set(range(partitions)) and sizes[-1] - sizes[0] <= 1


def wait_shared_out(members, partitions, seconds=30):
    def looked():
        for member in members:
            if member.error:
                raise member.error
        return shared_out(members, partitions)
    try:
        wait_for(looked, seconds, "the members share the partitions out")
    except AssertionError as error:
        raise AssertionError(f"{error}: {[sorted(member.owned) for member in members]}") from None


def committed(bootstrap, group):
    """{(topic, partition): offset} as the coordinator says, once there is one that is ready."""
    import kafka
    from kafka.errors import (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, KafkaConnectionError,
                              NodeNotReadyError, NotCoordinatorForGroupError)

    def started():
        try:
            return kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
        # A broker on its way down, or one that names no controller for a moment (an assertion in there): it asks only once.
        except (AssertionError, KafkaConnectionError, NodeNotReadyError):
            return None
    admin = wait_for(started, 20, "an admin client starts", 0.2)

    def asked():
        try:
            return (admin.list_consumer_group_offsets(group),)
        except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, KafkaConnectionError, NotCoordinatorForGroupError):
            return None
    try:
        found, = wait_for(asked, 20, f"a coordinator of {group} answers", 0.2)
        return {(where.topic, where.partition): each.offset for where, each in found.items() if each.offset >= 0}
    finally:
        admin.close()


class CommitWatch:
    """Reads a group's committed offsets again and again, and remembers each that went back."""

    def __init__(self, bootstrap, group):
        self.bootstrap, self.group = bootstrap, group
        self.back, self.rounds, self._highest, self._error = [], 0, {}, None
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            self._watch()
        except Exception as error:
            self._error = error

    def _watch(self):
        while not self._end.is_set():
            for where, offset in committed(self.bootstrap, self.group).items():
                if offset < self._highest.get(where, -1):
                    self.back.append((where, self._highest[where], offset))
                self._highest[where] = max(offset, self._highest.get(where, -1))
            self.rounds += 1
            time.sleep(0.1)

    def stop(self):
        self._end.set()
        self._thread.join(30)
        if self._error:
            raise self._error
        return self.back
