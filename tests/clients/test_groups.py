"""kafka-python's consumer groups: members come and go, commits are where reading goes on, the admin client's calls.

Seen to fail (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...): with leave-without-rebalance what a member had that left is
nobody's; with offsets-kept-by-name a topic that comes again is read from where the one before it was committed.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import wait_for  # noqa: E402


@clients.needs_kafka_python()
class Groups(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}
    PARTITIONS = 6

    def create(self, word="groups", partitions=PARTITIONS):
        topic = self.topic(word)
        members.create(self.cluster.bootstrap, topic, partitions, self.BROKERS)
        return topic

    def fill(self, topic, values, partitions=PARTITIONS):
        members.fill(self.cluster.bootstrap, topic, partitions, values)

    def member(self, topic, group, **settings):
        member = members.Member(self.cluster.bootstrap, topic, group, **settings)
        self.addCleanup(member._end.set)
        return member

    def admin(self):
        import kafka
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        self.addCleanup(admin.close)
        return admin

    def committed(self, group):
        return members.committed(self.cluster.bootstrap, group)

    def test_reading_goes_on_where_it_was_committed(self):
        topic = self.create()
        first = [f"first {i}" for i in range(300)]
        self.fill(topic, first)
        member = self.member(topic, "resume")
        wait_for(lambda: len(member.values) >= 300, 30, "everything was read")
        member.stop()
        self.assertEqual(sorted(first), sorted(member.values))
        self.assertEqual({(topic, p): 50 for p in range(6)}, self.committed("resume"))
        second = [f"second {i}" for i in range(60)]
        self.fill(topic, second)
        member = self.member(topic, "resume")
        wait_for(lambda: len(member.values) >= 60, 30, "what came later was read")
        member.stop()
        self.assertEqual(sorted(second), sorted(member.values))
        self.assertEqual({(topic, p): 60 for p in range(6)}, self.committed("resume"))
        # Another group reads all of it.
        other = self.member(topic, "resume-other")
        wait_for(lambda: len(other.values) >= 360, 30, "another group reads everything")
        other.stop()
        self.assertEqual(sorted(first + second), sorted(other.values))

    def test_members_come_and_go(self):
        topic = self.create()
        watch = members.CommitWatch(self.cluster.bootstrap, "come-and-go")
        self.addCleanup(watch._end.set)
        present = [self.member(topic, "come-and-go")]
        gone, sent = [], []

        def more(word):
            values = [f"{word} {i}" for i in range(120)]
            self.fill(topic, values)
            sent.extend(values)

        members.wait_shared_out(present, self.PARTITIONS)
        more("one member")
        for count in (2, 3):
            present.append(self.member(topic, "come-and-go"))
            members.wait_shared_out(present, self.PARTITIONS)
            more(f"{count} members")
        while len(present) > 1:
            leaver = present.pop(0)
            leaver.stop()
            gone.append(leaver)
            members.wait_shared_out(present, self.PARTITIONS)
            more(f"{len(present)} left")

        def read():
            return [value for member in present + gone for value in member.values]
        wait_for(lambda: set(sent) <= set(read()), 30, "every record was read by a member")
        present[0].stop()
        self.assertEqual([], watch.stop())
        self.assertGreater(watch.rounds, 5)
        self.assertEqual({(topic, p): len(sent) // 6 for p in range(6)}, self.committed("come-and-go"))
        # Members leave in order here, each after its commit, so nothing was read twice.
        self.assertEqual(len(sent), len(read()))

    def test_a_member_that_dies_is_replaced_after_its_session(self):
        topic = self.create()
        survivor = self.member(topic, "dies")
        members.wait_shared_out([survivor], self.PARTITIONS)
        text = ("import sys, time, kafka\n"
                "c = kafka.KafkaConsumer(sys.argv[2], bootstrap_servers=sys.argv[1], group_id='dies', session_timeout_ms=6000,\n"
                "                        heartbeat_interval_ms=300)\n"
                "while True:\n"
                "    c.poll(100)\n"
                "    print(len(c.assignment()), flush=True)\n")
        from process import Process
        import signal
        victim = Process(["/usr/bin/python3", "-c", text, self.cluster.bootstrap, topic], self.folder / "victim.log")
        self.addCleanup(victim.stop)
        wait_for(lambda: len(survivor.owned) == 3 and victim.output().endswith("3\n"), 30, "two members share")
        victim.signal(signal.SIGKILL)
        wait_for(lambda: len(survivor.owned) == 6, 30, "the survivor has everything")
        survivor.stop()

    def test_what_a_member_commits_by_itself(self):
        import kafka
        topic = self.create(partitions=2)
        self.fill(topic, [str(i) for i in range(20)], 2)
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, group_id="by-hand", enable_auto_commit=False)
        where = [kafka.TopicPartition(topic, p) for p in range(2)]
        consumer.assign(where)  # from outside of any generation
        self.assertIsNone(consumer.committed(where[0]))
        consumer.commit({where[0]: kafka.OffsetAndMetadata(7, "seven"), where[1]: kafka.OffsetAndMetadata(3, "")})
        self.assertEqual(7, consumer.committed(where[0]))
        consumer.commit({where[0]: kafka.OffsetAndMetadata(5, "")})  # back, on purpose
        self.assertEqual(5, consumer.committed(where[0]))
        self.assertEqual({(topic, 0): 5, (topic, 1): 3}, self.committed("by-hand"))
        with self.assertRaises(kafka.errors.OffsetMetadataTooLargeError):
            consumer.commit({where[0]: kafka.OffsetAndMetadata(9, "x" * 5000)})
        self.assertEqual(5, consumer.committed(where[0]))
        consumer.close()

    def test_admin(self):
        import kafka
        topic = self.create(partitions=2)
        self.fill(topic, ["a", "b"], 2)
        member = self.member(topic, "admin", client_id="the-client")
        members.wait_shared_out([member], 2)
        wait_for(lambda: len(self.committed("admin")) == 2, 30, "both partitions are committed")
        admin = self.admin()
        self.assertIn(("admin", "consumer"), admin.list_consumer_groups())
        described, = admin.describe_consumer_groups(["admin"])
        self.assertEqual(("Stable", "consumer", "range"), (described.state, described.protocol_type, described.protocol))
        self.assertEqual(1, len(described.members))
        self.assertEqual("the-client", described.members[0].client_id)
        self.assertIn("127.0.0.1", described.members[0].client_host)
        self.assertEqual([(topic, [0, 1])], described.members[0].member_assignment.assignment)
        self.assertEqual([("admin", kafka.errors.NonEmptyGroupError)], admin.delete_consumer_groups(["admin"]))
        member.stop()
        described, = admin.describe_consumer_groups(["admin"])
        self.assertEqual(("Empty", []), (described.state, described.members))
        self.assertEqual([("admin", kafka.errors.NoError)], admin.delete_consumer_groups(["admin"]))
        self.assertNotIn("admin", [name for name, _ in admin.list_consumer_groups()])
        self.assertEqual({}, self.committed("admin"))
        self.assertEqual([("admin", kafka.errors.GroupIdNotFoundError)], admin.delete_consumer_groups(["admin"]))
        described, = admin.describe_consumer_groups(["never-was"])
        self.assertEqual("Dead", described.state)

    def test_groups_of_every_coordinator(self):
        topic = self.create(partitions=1)
        self.fill(topic, ["x"], 1)
        names = [f"coordinated-{i}" for i in range(12)]
        for name in names:
            import kafka
            consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, group_id=name, enable_auto_commit=False)
            where = kafka.TopicPartition(topic, 0)
            consumer.assign([where])
            consumer.commit({where: kafka.OffsetAndMetadata(1, "")})
            consumer.close()
        admin = self.admin()
        coordinators = {admin._find_coordinator_ids([name])[name] for name in names}
        self.assertEqual({1, 2, 3}, coordinators)
        listed = [name for name, _ in admin.list_consumer_groups()]
        self.assertEqual(sorted(names), sorted(name for name in listed if name.startswith("coordinated-")))
        for name in names:
            self.assertEqual({(topic, 0): 1}, self.committed(name))

    def test_a_topic_that_is_deleted_and_comes_again(self):
        topic = self.create(partitions=1)
        self.fill(topic, [f"old {i}" for i in range(30)], 1)
        member = self.member(topic, "comes-again")
        wait_for(lambda: self.committed("comes-again") == {(topic, 0): 30}, 30, "everything is committed")
        member.stop()
        admin = self.admin()
        admin.delete_topics([topic])
        wait_for(lambda: topic not in admin.list_topics(), 20, "the topic is gone")
        wait_for(lambda: self.committed("comes-again") == {}, 20, "its offsets are gone")
        members.create(self.cluster.bootstrap, topic, 1, self.BROKERS)
        new = [f"new {i}" for i in range(40)]  # beyond what was committed, where a member that believed it would begin
        self.fill(topic, new, 1)
        member = self.member(topic, "comes-again")
        wait_for(lambda: new[-1] in member.values, 30, "the new records are read")
        member.stop()
        self.assertEqual(new, member.values)


if __name__ == "__main__":
    results.main()
