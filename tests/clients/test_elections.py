"""Preferred leaders are elected on request: Kafka's own tool, line by line beside what it prints against Apache Kafka, and
`kronika cluster elect-leaders`.

Seen to fail: with returns-at-once (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) leaders are back before the tool asks, and
it prints that nothing was elected.

    KRONIKA_TEST_PEER=kafka REWRITE=1 test_elections.py    records tool_output/elections.txt anew, from Apache Kafka
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import BINARY, PEER_IS_KAFKA, ClusterTest  # noqa: E402
from process import run, wait_for  # noqa: E402
from test_tool_output import Scene  # noqa: E402


@clients.needs("java")
@clients.needs("kcat")
@clients.needs_kafka_python()
class Elections(ClusterTest):
    PARTITIONS = 3

    def placed(self, topic):
        """{partition: (leader, first replica, replicas in sync)} as the last broker says."""
        answer = clients.kcat_metadata(f"127.0.0.1:{self.cluster.port(self.BROKERS - 1)}", "-t", topic)
        return {p["partition"]: (p["leader"], p["replicas"][0]["id"], len(p["isrs"])) for p in answer["topics"][0]["partitions"]}

    def unbalance(self, topic):
        """The first broker comes back, and leads nothing."""
        self.cluster.kill(0)
        wait_for(lambda: all(leader > 1 for leader, _, _ in self.placed(topic).values()), 60, "the others lead")
        self.restart_first()
        wait_for(lambda: all(in_sync == self.BROKERS for _, _, in_sync in self.placed(topic).values()), 60, "it is in sync again", 0.2)

    def restart_first(self):
        """It serves, and everybody knows: before, it may still be in sync and alive as the others heard last."""
        self.cluster.restart(0)
        wait_for(lambda: PEER_IS_KAFKA or self.cluster.ready(0), 30, "it serves again")
        others = [f"127.0.0.1:{self.cluster.port(broker)}" for broker in range(1, self.BROKERS)]
        wait_for(lambda: all(len(clients.kcat_metadata(at)["brokers"]) == self.BROKERS for at in others), 60, "all name it again")

    def test_tool(self):
        import kafka.admin
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        placed = {0: [1, 2, 3], 1: [2, 3, 1], 2: [3, 1, 2]}
        admin.create_topics([kafka.admin.NewTopic("elected", -1, -1, replica_assignments=placed)])
        admin.close()
        wait_for(lambda: all(leader == first for leader, first, _ in self.placed("elected").values()), 30, "preferred leaders")
        scene = Scene(self)

        def elect(*words):
            scene.tool("leader-election", "--election-type", *words)
        elect("preferred", "--topic", "elected", "--partition", "0")
        elect("preferred", "--all-topic-partitions")
        elect("preferred", "--topic", "nothing", "--partition", "0")
        elect("preferred", "--topic", "elected", "--partition", "9")
        elect("unclean", "--topic", "elected", "--partition", "0")
        elect("unclean", "--all-topic-partitions")
        self.unbalance("elected")
        plan = self.folder / "plan.json"
        plan.write_text(json.dumps({"partitions": [{"topic": "elected", "partition": number} for number in (0, 1)]}))
        elect("preferred", "--path-to-json-file", plan)
        self.assertEqual(1, self.placed("elected")[0][0], "it leads when the tool has ended")
        elect("preferred", "--topic", "elected", "--partition", "0")
        self.cluster.kill(0)
        wait_for(lambda: all(leader > 1 for leader, _, _ in self.placed("elected").values()), 60, "the others lead")
        elect("preferred", "--topic", "elected", "--partition", "0")
        self.restart_first()
        scene.compare("elections")

    def test_command_line(self):
        """All partitions of all topics; every broker names the preferred leaders once the command has ended."""
        members.create(self.cluster.bootstrap, "all", 6, self.BROKERS)
        wait_for(lambda: all(leader > 0 for leader, _, _ in self.placed("all").values()), 30, "leaders")
        self.unbalance("all")

        def elect(*words):
            done = run([BINARY, "cluster", "elect-leaders", "-b", self.cluster.bootstrap, *words], 60, False)
            return done.returncode, done.stdout + done.stderr
        back = [number for number, (_, first, _) in self.placed("all").items() if first == 1]
        self.assertEqual(2, len(back))
        code, text = elect()
        self.assertEqual(0, code, text)
        for number in back:
            self.assertRegex(text, rf"(?m)^all +{number} +elected$")
        self.assertTrue(all(leader == first for leader, first, _ in self.placed("all").values()), self.placed("all"))
        self.assertEqual((0, "every partition is led by its preferred replica\n"), elect())
        self.assertEqual((0, "every partition is led by its preferred replica\n"), elect("--topic", "all"))
        code, text = elect("--topic", "nothing")
        self.assertEqual(1, code)
        self.assertIn("there is no such topic", text)


if __name__ == "__main__":
    results.main()
