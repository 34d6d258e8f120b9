"""kafkajs' consumer groups: members share a topic, come and go, go on where they committed; its admin client's calls.

Seen to fail: with leave-without-rebalance (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) what a member had that left is nobody's.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import Process, run, wait_for  # noqa: E402

PROGRAM = clients.KAFKAJS / "group.js"


class Member:
    def __init__(self, test, topic, group):
        type(test)._names += 1
        self.process = Process(["node", PROGRAM, "member", test.cluster.bootstrap, topic, group],
                               test.folder / f"kafkajs-{test._names}.log")
        test.addCleanup(self.process.stop)

    def told(self):
        return [json.loads(line) for line in self.process.output().splitlines() if line.startswith("{")]

    def values(self):
        return [each["value"] for each in self.told() if "value" in each]

    @property
    def owned(self):
        moves = [set(each.get("assigned", ())) for each in self.told() if "value" not in each]
        return moves[-1] if moves else set()

    error = None


@clients.needs("node", "npm")
@clients.needs_kafka_python()
class KafkaJsGroups(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}
    PARTITIONS = 6

    @classmethod
    def setUpClass(cls):
        clients.needs_kafkajs()
        super().setUpClass()

    def create(self):
        topic = self.topic("js-groups")
        members.create(self.cluster.bootstrap, topic, self.PARTITIONS, self.BROKERS)
        return topic

    def test_members_come_and_go(self):
        topic = self.create()
        sent = []

        def more(word):
            values = [f"{word} {i}" for i in range(60)]
            members.fill(self.cluster.bootstrap, topic, self.PARTITIONS, values)
            sent.extend(values)

        present, gone = [Member(self, topic, "js")], []
        members.wait_shared_out(present, self.PARTITIONS)
        more("one")
        present.append(Member(self, topic, "js"))
        members.wait_shared_out(present, self.PARTITIONS)
        more("two")
        gone.append(present.pop(0))
        self.assertEqual(0, gone[0].process.stop(20))
        members.wait_shared_out(present, self.PARTITIONS)
        more("left")

        def read():
            return [value for member in present + gone for value in member.values()]
        wait_for(lambda: set(sent) <= set(read()), 30, "every record was read")
        wait_for(lambda: members.committed(self.cluster.bootstrap, "js") == {(topic, p): 30 for p in range(6)}, 20,
                 "all is committed")
        self.assertEqual(0, present[0].process.stop(20))
        # A new member has nothing to read again.
        more("later")
        late = Member(self, topic, "js")
        wait_for(lambda: len(late.values()) >= 60, 30, "what came later is read")
        self.assertEqual({f"later {i}" for i in range(60)}, set(late.values()))

    def test_admin(self):
        topic = self.create()
        members.fill(self.cluster.bootstrap, topic, self.PARTITIONS, [str(i) for i in range(60)])
        member = Member(self, topic, "js-admin")
        wait_for(lambda: members.committed(self.cluster.bootstrap, "js-admin") == {(topic, p): 10 for p in range(6)}, 30,
                 "all is committed")
        self.assertEqual(0, member.process.stop(20))
        out = run(["node", PROGRAM, "admin", self.cluster.bootstrap, topic, "js-admin"]).stdout
        listed, described, fetched, moved, reset, deleted, gone, again = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([("js-admin", "consumer")], [(g["groupId"], g["protocolType"]) for g in listed])
        self.assertEqual({"state": "Empty", "members": 0}, described)
        self.assertEqual([[p, "10"] for p in range(6)], fetched)
        self.assertEqual([[0, "2"]] + [[p, "10"] for p in range(1, 6)], moved)
        self.assertEqual([[p, "0"] for p in range(6)], reset)
        self.assertEqual([0], [each["errorCode"] for each in deleted])
        self.assertEqual([], gone)
        self.assertEqual("GROUP_ID_NOT_FOUND", again)


if __name__ == "__main__":
    results.main()
