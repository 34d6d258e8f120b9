"""What a group's coordinator answers to those who are fenced, malformed, too large or too late: a code, never silence, and
the group goes on. In frames of our own, since clients do not send most of it; the codes are Kafka's.

Seen to fail with member ids that were cut, names that are no text in metrics, a code of commits told to members, a code of the
coordinator's place where the group's name was empty, and another code where subscriptions cannot be read;
and with the planted bug text-unchecked.

    KRONIKA_TEST_PEER=kafka test_bad_groups.py    the same of Apache Kafka, but for what is not Kafka's
"""

import os
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import PEER_IS_KAFKA, ClusterTest  # noqa: E402
from process import wait_for  # noqa: E402
from speaker import (  # noqa: E402
    JOIN, LEAVE, DELETE_OFFSETS, OK, UNKNOWN_TOPIC, TOO_LARGE, NOT_AVAILABLE, NOT_COORDINATOR, ILLEGAL_GENERATION,
    INCONSISTENT_PROTOCOL, INVALID_GROUP, UNKNOWN_MEMBER, INVALID_SESSION, COMMIT_SIZE, INVALID_EPOCH, SUBSCRIBED,
    MEMBER_ID_REQUIRED, FENCED, SERVER_ERROR, Speaker)
from wire import array, blob, string  # noqa: E402

NOTHING = struct.pack(">hii", 0, 0, -1)  # a subscription, or an assignment, of no topics
LARGE = os.urandom(1_500_000)  # no codec makes it small enough for a record


@clients.needs_kafka_python()
class BadGroups(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 100}"}

    def setUp(self):
        type(self)._names += 1
        self.group = f"group-{self._names}"

    def create(self, partitions=1):
        name = self.topic()
        members.create(self.cluster.bootstrap, name, partitions, self.BROKERS)
        return name

    def admin(self):
        import kafka
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        self.addCleanup(admin.close)
        return admin

    @staticmethod
    def producer_id(connection):
        error, producer, epoch = connection.init_producer_id()
        return (producer, epoch) if error == OK else None

    def assert_usable(self, member, topic):
        self.assertEqual((OK, [OK]), (member.heartbeat(), member.commit((topic, 0, 77, ""))))
        self.assertEqual(77, member.committed(topic))

    def test_a_fenced_member(self):
        topic = self.create()
        first = Speaker(self, self.group).settle(self, "one")
        second = Speaker(self, self.group).settle(self, "one")
        self.assertNotEqual(first.member, second.member)
        said = {"heartbeat": first.heartbeat(), "sync": first.sync()[0], "commit": first.commit((topic, 0, 1, ""))[0],
                "join": first.join(), "leave": first.leave()}
        self.assertEqual(dict.fromkeys(said, FENCED), said)
        self.assert_usable(second, topic)

    def test_a_member_of_another_time_or_place(self):
        topic = self.create()
        member = Speaker(self, self.group).settle(self)
        stranger, former = member.like(self), member.like(self)
        stranger.member, former.generation = "nobody", member.generation - 1
        for other, error in ((stranger, UNKNOWN_MEMBER), (former, ILLEGAL_GENERATION)):
            said = (other.heartbeat(), other.sync()[0], other.commit((topic, 0, 1, ""))[0])
            self.assertEqual((error,) * 3, said)
        self.assertEqual((UNKNOWN_MEMBER, UNKNOWN_MEMBER), (stranger.join(), stranger.leave()))
        outside = Speaker(self, self.group)
        self.assertEqual([UNKNOWN_MEMBER], outside.commit((topic, 0, 1, "")), "the group has members")
        self.assertEqual(-1, member.committed(topic))
        self.assert_usable(member, topic)

    def test_a_fenced_producer(self):
        topic = self.create()
        with wire.Connection(self.cluster.port(0)) as connection:
            leader = wait_for(lambda: max(0, connection.leader(topic)[1]), 20, "a leader")
            producer, epoch = wait_for(lambda: self.producer_id(connection), 20, "a producer id")
        with wire.Connection(self.cluster.port(leader - 1)) as connection:
            self.assertEqual((OK, 0), connection.produce(topic, wire.batch([b"new"], producer=(producer, epoch + 1, 0))))
            self.assertEqual(INVALID_EPOCH, connection.produce(topic, wire.batch([b"old"], producer=(producer, epoch, 0)))[0])
            self.assertEqual((OK, 1), connection.produce(topic, wire.batch([b"next"], producer=(producer, epoch + 1, 1))))

    def test_a_commit_that_is_too_large(self):
        topic = self.create(2)
        member = Speaker(self, self.group).settle(self)
        self.assertEqual([OK, TOO_LARGE, UNKNOWN_TOPIC, UNKNOWN_TOPIC], member.commit(
            (topic, 0, 1, "x" * 4096), (topic, 1, 2, "x" * 4097), (topic, 2, 3, ""), ("nowhere", 0, 4, "")))
        self.assertEqual([1, -1], [member.committed(topic, partition) for partition in (0, 1)])
        # Each is small enough, but they are stored together or not at all.
        said = member.commit(*[(topic, 0, 100 + i, os.urandom(2048).hex()) for i in range(900)])
        self.assertEqual({SERVER_ERROR if PEER_IS_KAFKA else COMMIT_SIZE}, set(said))
        self.assertEqual(1, member.committed(topic))
        self.assert_usable(member, topic)

    @unittest.skipIf(PEER_IS_KAFKA, "it answers nothing at all")
    def test_a_subscription_that_is_too_large(self):
        topic = self.create()
        member = Speaker(self, self.group)
        self.assertEqual(SERVER_ERROR, member.join((("range", LARGE),)))
        self.assertEqual((OK, OK), (member.join(), member.sync()[0]))
        self.assert_usable(member, topic)

    def test_an_assignment_that_is_too_large(self):
        topic = self.create()
        member = Speaker(self, self.group).settle(self)
        self.assertEqual((OK, SERVER_ERROR), (member.join(), member.sync(LARGE)[0]))
        self.assertEqual(OK, member.join())
        self.assertEqual((OK, b"all"), member.sync())
        self.assert_usable(member, topic)

    def test_a_subscription_and_an_assignment_that_nobody_can_read(self):
        topic = self.create()
        member = Speaker(self, self.group)
        garbage = b"\xff\xff\x00 nothing"
        # Apache Kafka leaves a member without any answer whose subscription begins like that.
        self.assertEqual(OK, member.join((("range", b"hello" if PEER_IS_KAFKA else garbage),)))
        self.assertEqual((OK, garbage), member.sync(garbage))
        self.assert_usable(member, topic)
        self.assertIn((self.group, "consumer"), self.admin().list_consumer_groups())
        # What it subscribes to cannot be known, so nothing of it is taken away.
        body = string(self.group) + array([string(topic) + array([struct.pack(">i", 0)])])
        reader = member.connection.request(DELETE_OFFSETS, 0, body)
        self.assertEqual((OK, 0), reader.take("hi"))
        self.assertEqual([(topic, [(0, SUBSCRIBED)])], reader.array(lambda r: (r.string(), r.array(lambda p: p.take("ih")))))

    def test_a_group_without_a_name(self):
        nameless = Speaker(self, self.group)
        nameless.group = ""
        said = {"join": nameless.join(), "sync": nameless.sync()[0], "heartbeat": nameless.heartbeat()}
        self.assertEqual(dict.fromkeys(said, INVALID_GROUP), said)
        self.assertEqual(INVALID_GROUP, nameless.ask(LEAVE, 3, string("") + array([])).take("h"))

    def test_a_session_that_is_too_short_or_too_long(self):
        member = Speaker(self, self.group)
        self.assertEqual([INVALID_SESSION] * 3, [member.join(session_ms=ms) for ms in (0, 5_999, 1_800_001)])
        self.assertEqual(OK, member.join(session_ms=6_000))

    def test_an_unknown_protocol(self):
        topic = self.create()
        member = Speaker(self, self.group).settle(self)
        offers = ((("other", b""),), "consumer"), ((("range", b""),), "connect"), ((), "consumer"), ((("range", b""),), "")
        for protocols, kind in offers:
            self.assertEqual(INCONSISTENT_PROTOCOL, Speaker(self, self.group).join(protocols, kind), (protocols, kind))
        self.assert_usable(member, topic)
        empty = Speaker(self, f"{self.group}-empty")
        self.assertEqual([INCONSISTENT_PROTOCOL] * 2, [empty.join(*offer) for offer in offers[2:]])

    def test_names_at_their_limits(self):
        """The longest group id that a record's key has room for, and the longest client id."""
        topic = self.create()
        group = self.group + "x" * (32_767 - len(self.group))
        outside = Speaker(self, group)
        self.assertEqual([OK], outside.commit((topic, 0, 5, "")))
        self.assertEqual(5, outside.committed(topic))
        self.assertIn(group, [name for name, _ in self.admin().list_consumer_groups()])
        if not PEER_IS_KAFKA:  # its member ids would be longer than a text can be, and it closes the connection
            members_of_one_client = [Speaker(self, self.group, "c" * 32_767) for _ in range(2)]
            for one in members_of_one_client:
                one.connection.send(JOIN, 5, string(self.group) + struct.pack(">ii", 10_000, 10_000) + string("") + string(None) +
                                    string("consumer") + array([string("range") + blob(b"")]))
            told = []
            for one in members_of_one_client:
                reader = wire.Reader(one.connection.receive()[1])
                error, _ = reader.take("ihi")[1:]
                reader.string(), reader.string()
                told.append((error, reader.string()))
            self.assertEqual({MEMBER_ID_REQUIRED}, {error for error, _ in told})
            self.assertEqual(2, len({name for _, name in told}), "each has an id of its own")

    @unittest.skipIf(PEER_IS_KAFKA, "it takes any bytes, and tells others of U+FFFD")
    def test_names_that_are_no_text(self):
        """Whoever lists, describes or measures would stumble over them."""
        topic = self.create()
        nameless = Speaker(self, self.group)
        nameless.group = b"\xff\xfe" + self.group.encode()
        self.assertEqual((INVALID_GROUP, [INVALID_GROUP]), (nameless.join(), nameless.commit((topic, 0, 1, ""))))
        member = Speaker(self, self.group, b"\xc3( client")
        self.assertEqual((OK, (OK, NOTHING)), (member.join((("range", NOTHING),)), member.sync(NOTHING)))
        self.assert_usable(member, topic)
        self.assertEqual("?( client", self.admin().describe_consumer_groups([self.group])[0].members[0].client_id)
        for broker in range(self.BROKERS):
            self.cluster.status(broker)
            self.cluster.get(broker, "/metrics")

    def test_a_topic_that_is_deleted_under_its_group(self):
        topic, other = self.create(), self.create()
        member = Speaker(self, self.group).settle(self)
        self.assertEqual([OK, OK], member.commit((topic, 0, 5, ""), (other, 0, 6, "")))
        admin = self.admin()
        admin.delete_topics([topic])
        wait_for(lambda: member.commit((topic, 0, 7, "")) == [UNKNOWN_TOPIC], 30, "its offsets are refused")
        self.assertEqual([UNKNOWN_TOPIC, OK], member.commit((topic, 0, 8, ""), (other, 0, 9, "")))
        wait_for(lambda: member.committed(topic) == -1, 30, "its offsets are gone")
        self.assert_usable(member, other)
        members.create(self.cluster.bootstrap, topic, 1, self.BROKERS)
        wait_for(lambda: member.commit((topic, 0, 1, "")) == [OK], 30, "its successor is known")
        self.assertEqual(1, member.committed(topic))
        self.assert_usable(member, topic)

    def test_a_topic_that_is_deleted_under_a_consumer(self):
        topic = self.create()
        members.fill(self.cluster.bootstrap, topic, 1, [f"old {i}" for i in range(30)])
        member = members.Member(self.cluster.bootstrap, topic, self.group)
        self.addCleanup(member._end.set)
        wait_for(lambda: members.committed(self.cluster.bootstrap, self.group) == {(topic, 0): 30}, 30, "all is committed")
        admin = self.admin()
        admin.delete_topics([topic])
        # The consumer asks for it, and so it is created anew.
        committed = lambda: members.committed(self.cluster.bootstrap, self.group)  # noqa: E731
        wait_for(lambda: committed().get((topic, 0), 0) == 0, 30, "its offsets are gone")
        members.fill(self.cluster.bootstrap, topic, 1, [f"new {i}" for i in range(10)])
        wait_for(lambda: [value for value in member.values if "new" in value] == [f"new {i}" for i in range(10)], 30,
                 "it reads the new one")
        self.assertIsNone(member.error)
        member.stop()

    @unittest.skipIf(PEER_IS_KAFKA, "there one replica in sync is enough")
    def test_without_a_majority(self):
        """A commit gets an error in time, and afterwards the group is as before."""
        topic = self.create()
        member = Speaker(self, self.group).settle(self)
        self.assertEqual([OK], member.commit((topic, 0, 5, "")))
        port = member.connection.socket.getpeername()[1]
        others = [broker for broker in range(self.BROKERS) if self.cluster.port(broker) != port]
        for broker in others:
            self.cluster.kill(broker)
        said = member.commit((topic, 0, 6, ""))
        self.assertIn(said, [[NOT_AVAILABLE], [NOT_COORDINATOR]])
        for broker in others:
            self.cluster.restart(broker)
        for broker in range(self.BROKERS):
            wait_for(lambda b=broker: self.cluster.ready(b), 60, "all are ready")
        again = wait_for(lambda: self.answered(member), 30, "a coordinator answers the member")
        self.assertIn(again.committed(topic), (5, 6))
        self.assert_usable(again, topic)

    def answered(self, member):
        again = member.like(self)
        return again if again.heartbeat() == OK else None


if __name__ == "__main__":
    results.main()
