"""Kafka's own Java consumer in groups, through the verifiable consumer: members come and go, static ones return.

Seen to fail: with leave-without-rebalance (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) what a member had that left is nobody's.
"""

import json
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import LONG_FORM, ClusterTest  # noqa: E402
from process import ROOT, Process, wait_for  # noqa: E402

ASSIGNORS = {"range": "org.apache.kafka.clients.consumer.RangeAssignor",
             "cooperative-sticky": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}


class Member:
    def __init__(self, test, topic, group, assignor="range", instance=None):
        type(test)._names += 1
        words = ["--topic", topic, "--group-id", group, "--reset-policy", "earliest", "--session-timeout", "12000",
                 "--assignment-strategy", ASSIGNORS[assignor]]
        if instance:
            words += ["--group-instance-id", instance]
        self.process = Process([ROOT / "bench" / "peer" / "kafka.sh", "tool", "verifiable-consumer", "--bootstrap-server",
                                test.cluster.bootstrap, *words], test.folder / f"java-{test._names}.log")
        test.addCleanup(self.process.stop)

    def told(self, name=None):
        events = [json.loads(line) for line in self.process.output().splitlines() if line.startswith("{") and line.endswith("}")]
        return [event for event in events if name in (None, event["name"])]

    @property
    def owned(self):
        owned = set()
        for event in self.told():
            where = {each["partition"] for each in event.get("partitions", ())}
            if event["name"] == "partitions_assigned":
                owned |= where
            elif event["name"] == "partitions_revoked":
                owned -= where
        return owned

    def read(self):
        return sum(event["count"] for event in self.told("records_consumed"))

    error = None


@clients.needs("java")
@clients.needs_kafka_python()
class JavaGroups(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}
    PARTITIONS = 6

    def create(self):
        topic = self.topic("java-groups")
        members.create(self.cluster.bootstrap, topic, self.PARTITIONS, self.BROKERS)
        return topic

    def fill(self, topic, count):
        members.fill(self.cluster.bootstrap, topic, self.PARTITIONS, [str(i) for i in range(count)])

    def come_and_go(self, assignor):
        topic, group = self.create(), f"java-{assignor}"
        present = [Member(self, topic, group, assignor)]
        members.wait_shared_out(present, self.PARTITIONS, 60)
        self.fill(topic, 60)
        present.append(Member(self, topic, group, assignor))
        members.wait_shared_out(present, self.PARTITIONS, 60)
        self.fill(topic, 60)
        if assignor == "cooperative-sticky":
            revoked = [event for event in present[0].told("partitions_revoked") if event["partitions"]]
            self.assertEqual([3], [len(event["partitions"]) for event in revoked], "only what moves is taken")
        gone = present.pop(0)
        gone.process.stop(30)
        members.wait_shared_out(present, self.PARTITIONS, 60)
        self.fill(topic, 60)
        wait_for(lambda: members.committed(self.cluster.bootstrap, group) == {(topic, p): 30 for p in range(6)}, 60,
                 "everything is read and committed")
        self.assertGreaterEqual(gone.read() + present[0].read(), 180)
        for member in (gone, present[0]):
            failed = [event for event in member.told("offsets_committed") if not event["success"]]
            self.assertEqual([], failed)
        present[0].process.stop(30)

    def test_members_come_and_go(self):
        self.come_and_go("range")

    def test_members_come_and_go_incrementally(self):
        self.come_and_go("cooperative-sticky")

    def test_a_static_member_that_is_killed_and_returns(self):
        topic = self.create()
        stays = Member(self, topic, "java-static", instance="one")
        returns = Member(self, topic, "java-static", instance="two")
        members.wait_shared_out([stays, returns], self.PARTITIONS, 60)
        before, heard = returns.owned, len(stays.told("partitions_assigned"))
        for _ in range(2 if LONG_FORM else 1):
            returns.process.signal(signal.SIGKILL)
            returns.process.wait(10)
            returns = Member(self, topic, "java-static", instance="two")
            wait_for(lambda: returns.owned == before, 60, "it has its partitions again")  # pylint: disable=cell-var-from-loop
        self.assertEqual(heard, len(stays.told("partitions_assigned")), "the other member hears nothing of it")
        self.fill(topic, 60)
        wait_for(lambda: members.committed(self.cluster.bootstrap, "java-static") == {(topic, p): 10 for p in range(6)}, 60,
                 "everything is read and committed")
        # One that does not return is missed after its session.
        returns.process.signal(signal.SIGKILL)
        wait_for(lambda: stays.owned == set(range(6)), 40, "the other has its partitions")
        stays.process.stop(30)


if __name__ == "__main__":
    results.main()
