"""The coordinator of a group is killed or paused while its members work, and all brokers are restarted.

Six kafka-python consumers share twelve partitions while records are written. Each round the broker that coordinates the group is
killed: no commit goes back, every record is given to some member, and nobody has to rebalance. Questions that were written to
a paused coordinator's socket after its successor stored something newer get an error or the newer value when it goes on: seen to
fail with the planted bug `stale-coordinator-answers`. All brokers are paused for longer than a member's session: nobody could be
heard, so nobody is removed; seen to fail with `members-lost-by-a-standstill`.
"""

import struct
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import LONG_FORM  # noqa: E402
from process import wait_for  # noqa: E402
from speaker import OK, UNKNOWN_MEMBER, Speaker  # noqa: E402

OFFSET_COMMIT, OFFSET_FETCH, DESCRIBE_GROUPS = 8, 9, 15
STALE_QUESTIONS = 24


class Questions:
    """The group requests by hand, over one connection."""

    def __init__(self, port, topic):
        self.connection = wire.Connection(port, 30)
        self.topic = wire.string(topic)

    def answer(self):
        return wire.Reader(self.connection.receive()[1])

    def commit_body(self, group, offset):
        partition = struct.pack(">iq", 0, offset) + wire.string("")
        return (wire.string(group) + struct.pack(">i", -1) + wire.string("") + struct.pack(">q", -1)
                + wire.array([self.topic + wire.array([partition])]))

    def commit(self, group, offset):
        return self.told_commit(self.connection.request(OFFSET_COMMIT, 2, self.commit_body(group, offset)))

    @staticmethod
    def told_commit(reader):
        def topic(r):
            r.string()
            return r.array(lambda each: each.take("ih"))
        return reader.array(topic)[0][0][1]

    def fetch_body(self, group):
        return wire.string(group) + wire.array([self.topic + wire.array([struct.pack(">i", 0)])])

    def fetch(self, group):
        return self.told_fetch(self.connection.request(OFFSET_FETCH, 1, self.fetch_body(group)))

    @staticmethod
    def told_fetch(reader):
        """(error, offset)"""
        def partition(r):
            _, offset = r.take("iq")
            r.string()
            return r.take("h"), offset

        def topic(r):
            r.string()
            return r.array(partition)
        return reader.array(topic)[0][0]


@clients.needs_kafka_python()
class Coordinator(ChaosTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200, offsets.topic.num.partitions: 4}"}
    ROUNDS = 60 if LONG_FORM else 2
    MEMBERS = 20 if LONG_FORM else 6
    SHARED = 60 if LONG_FORM else 12
    SESSION_MS, STILL_SECONDS = 6_000, 9

    def coordinator(self, group, ask):
        """The index of the broker that `ask` names; None while it names none."""
        try:
            with wire.Connection(self.cluster.port(ask)) as connection:
                error, node = connection.find_coordinator(group)
        except OSError:
            return None  # it starts
        return None if error else node - 1

    def write(self, topic, word):
        import kafka
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all", retries=100)
        values = {f"{word} {number}" for number in range(240)}
        for sent in [producer.send(topic, value.encode(), partition=n % self.SHARED) for n, value in enumerate(sorted(values))]:
            sent.get(60)
        producer.close()
        return values

    def wait_given(self, group, values, what):
        def looked():
            for member in group:
                if member.error:
                    raise member.error
            return values <= set().union(*(member.values for member in group))
        wait_for(looked, 60, f"every record {what} is given to a member")

    def committed(self, group):
        """{partition: offset}; nothing while no coordinator answers."""
        import kafka
        try:
            admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
            try:
                return {where.partition: each.offset for where, each in admin.list_consumer_group_offsets(group).items()}
            finally:
                admin.close()
        except kafka.errors.KafkaError:
            return {}

    def test_killed(self):
        group = "killed"
        topic = self.create(group, self.SHARED)
        joined = [members.Member(self.cluster.bootstrap, topic, group) for _ in range(self.MEMBERS)]
        for member in joined:
            self.addCleanup(member.stop)
        members.wait_shared_out(joined, self.SHARED, 60)
        highest = {}

        def look():
            for partition, offset in self.committed(group).items():
                self.assertGreaterEqual(offset, highest.get(partition, -1), f"the commit of partition {partition} went back")
                highest[partition] = offset
            return highest

        self.wait_given(joined, self.write(topic, "before"), "before the first kill")
        for number in range(self.ROUNDS):
            wait_for(look, 20, "commits")
            rebalances = [member.rebalances for member in joined]
            victim = wait_for(lambda: (self.coordinator(group, 0) is not None) and [self.coordinator(group, 0)], 20, "one")[0]
            self.cluster.kill(victim)
            began = time.monotonic()
            self.wait_given(joined, self.write(topic, f"round {number}"), f"of round {number}")
            print(f"round {number}: broker {victim} killed, 240 records given to members within {time.monotonic() - began:.1f} s")
            self.assertEqual(rebalances, [member.rebalances for member in joined], "somebody had to rebalance")
            wait_for(look, 20, "commits")
            self.cluster.restart(victim)
            self.wait_until_ready(victim)
            self.wait_in_sync("__consumer_offsets", 60)
        members.stop_all(joined)
        look()

    def test_paused(self):
        """Each round asks the paused coordinator what its successor has changed since."""
        group = "paused"
        topic = self.create(group, 1)
        offset, questions = 10, 0
        for _ in range(self.ROUNDS if not LONG_FORM else 5):
            victim = wait_for(lambda: (lambda found: found is not None and [found])(self.coordinator(group, 0)), 20, "one")[0]
            wait_for(lambda v=victim, o=offset: Questions(self.cluster.port(v), topic).commit(group, o) == 0, 20, "a commit")
            asked = [Questions(self.cluster.port(victim), topic) for _ in range(STALE_QUESTIONS)]
            self.assertEqual((0, offset), asked[0].fetch(group))
            self.cluster.pause(victim)
            other = (victim + 1) % self.BROKERS
            try:
                successor = wait_for(lambda v=victim, o=other: (lambda found: found not in (None, v) and [found])(
                    self.coordinator(group, o)), 20, "a successor")[0]
                offset += 10
                wait_for(lambda s=successor, o=offset: Questions(self.cluster.port(s), topic).commit(group, o) == 0, 20, "commit")
                for number, each in enumerate(asked):
                    if number % 2:
                        each.connection.send(OFFSET_COMMIT, 2, each.commit_body(group, 1))
                    else:
                        each.connection.send(OFFSET_FETCH, 1, each.fetch_body(group))
            finally:
                self.cluster.resume(victim)
            for number, each in enumerate(asked):
                if number % 2:
                    self.assertNotEqual(0, each.told_commit(each.answer()), "a deposed coordinator took a commit")
                else:
                    error, value = each.told_fetch(each.answer())
                    self.assertTrue(error != 0 or value == offset, f"offset {value} after {offset} was committed elsewhere")
                questions += 1
                each.connection.socket.close()
        print(f"{questions} questions to paused coordinators: none answered from old state")

    def test_all_paused(self):
        member = Speaker(self, "still")
        self.assertEqual((OK, OK), (member.join(session_ms=self.SESSION_MS), member.sync()[0]))
        for broker in range(self.BROKERS):
            self.cluster.pause(broker)
        try:
            time.sleep(self.STILL_SECONDS)  # the pause itself
        finally:
            for broker in range(self.BROKERS):
                self.cluster.resume(broker)

        def told():
            error = member.like(self).heartbeat()
            return error in (OK, UNKNOWN_MEMBER) and [error]
        self.assertEqual([OK], wait_for(told, 20, "a coordinator answers the member"), "it was removed while nobody could be heard")

    def test_all_restarted(self):
        group = "restarted"
        topic = self.create(group, 1)

        def ask(what):
            found = self.coordinator(group, 0)
            try:
                return found is not None and what(Questions(self.cluster.port(found), topic))
            except OSError:
                return False  # it starts

        wait_for(lambda: ask(lambda q: q.commit(group, 77) == 0), 20, "a commit")
        for broker in range(self.BROKERS):
            self.cluster.kill(broker)
        for broker in range(self.BROKERS):
            self.cluster.restart(broker)
        wait_for(lambda: ask(lambda q: q.fetch(group) == (0, 77)), 30, "the offset after the restart")


if __name__ == "__main__":
    results.main()
