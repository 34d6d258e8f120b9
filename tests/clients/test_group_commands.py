"""`kronika group` and `kronika topic consume --group`, in a group of their own and in one with another client."""

import json
import signal
import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import BINARY, PEER_IS_KAFKA, ClusterTest  # noqa: E402
from process import Process, run, wait_for  # noqa: E402


@clients.needs_kafka_python()
class GroupCommands(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}
    PARTITIONS = 6

    def create(self, values=(), partitions=PARTITIONS):
        topic = self.topic("commands")
        members.create(self.cluster.bootstrap, topic, partitions, self.BROKERS)
        if values:
            members.fill(self.cluster.bootstrap, topic, partitions, values)
        return topic

    def kronika(self, *words, code=0, seconds=60):
        done = run([BINARY, *words, "--brokers", self.cluster.bootstrap], seconds, check=False)
        self.assertEqual(code, done.returncode, f"{words}: {done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stdout + done.stderr

    def json(self, *words, **options):
        return json.loads(self.kronika(*words, "--format", "json", **options))

    def describe(self, group):
        return self.json("group", "describe", group)

    def consumer(self, topic, group, *words):
        """`kronika topic consume -f --group` beside the test; its output has a line for each record."""
        type(self)._names += 1
        process = Process([BINARY, "topic", "consume", topic, "-f", "--group", group, "--brokers", self.cluster.bootstrap,
                           *words], self.folder / f"consumer-{self._names}.log")
        self.addCleanup(process.stop)
        return process

    def test_consume_resumes(self):
        topic = self.create([f"a {i}" for i in range(60)])
        out = self.kronika("topic", "consume", topic, "--group", "resumes")
        self.assertEqual(sorted(f"a {i}" for i in range(60)), sorted(clients.lines(out)))
        self.assertEqual("", self.kronika("topic", "consume", topic, "--group", "resumes"))
        members.fill(self.cluster.bootstrap, topic, self.PARTITIONS, [f"b {i}" for i in range(12)])
        part = clients.lines(self.kronika("topic", "consume", topic, "--group", "resumes", "--num", "5"))
        self.assertEqual(5, len(part))
        rest = clients.lines(self.kronika("topic", "consume", topic, "--group", "resumes"))
        self.assertEqual(sorted(f"b {i}" for i in range(12)), sorted(part + rest), "nothing twice, nothing lost")
        described = self.describe("resumes")
        self.assertEqual(("Empty", 0, []), (described["state"], described["lag"], described["members"]))
        self.assertEqual("", self.kronika("topic", "consume", topic, "--group", "resumes-end", "--offset", "end"))

    def test_members_of_two_kinds(self):
        topic = self.create()
        ours = self.consumer(topic, "mixed")
        wait_for(lambda: len(self.members("mixed")) == 1, 30, "the first member is there")
        theirs = members.Member(self.cluster.bootstrap, topic, "mixed")
        self.addCleanup(theirs._end.set)
        wait_for(lambda: len(theirs.owned) == 3, 30, "the members share the partitions")
        also = self.consumer(topic, "mixed")
        wait_for(lambda: sorted(m["partitions"] for m in self.members("mixed")) == [2, 2, 2], 30, "three members share")
        sent = [f"v {i}" for i in range(60)]
        members.fill(self.cluster.bootstrap, topic, self.PARTITIONS, sent)

        def read():
            return clients.lines(ours.output()) + clients.lines(also.output()) + theirs.values
        wait_for(lambda: len(read()) >= 60, 30, "all was read")
        self.assertEqual(sorted(sent), sorted(read()))
        wait_for(lambda: self.describe("mixed")["lag"] == 0, 30, "all is committed")
        self.assertEqual(0, ours.stop())  # a member that is asked to end leaves
        wait_for(lambda: sorted(m["partitions"] for m in self.members("mixed")) == [3, 3], 30, "the others have its share")
        theirs.stop()
        wait_for(lambda: [m["partitions"] for m in self.members("mixed")] == [6], 30, "one has it all")
        self.assertEqual({"kronika-cli"}, {m["client"] for m in self.members("mixed")})
        self.assertEqual(0, also.stop())
        self.assertEqual(sorted(sent), sorted(read()), "nothing was read twice on the way")

    def members(self, group):
        done = run([BINARY, "group", "describe", group, "--format", "json", "--brokers", self.cluster.bootstrap], 60, False)
        return json.loads(done.stdout)["members"] if done.returncode == 0 else []

    def test_sticky_members_keep_what_they_have(self):
        topic = self.create()
        first = self.consumer(topic, "sticky", "--assignor", "sticky", "--assignor", "range")
        wait_for(lambda: [m["partitions"] for m in self.members("sticky")] == [6], 30, "one member")
        self.consumer(topic, "sticky", "--assignor", "sticky")
        wait_for(lambda: sorted(m["partitions"] for m in self.members("sticky")) == [3, 3], 30, "two members")
        before = {m["member"]: set(m["assigned"].split(",")) for m in self.members("sticky")}
        self.consumer(topic, "sticky", "--assignor", "sticky")
        wait_for(lambda: sorted(m["partitions"] for m in self.members("sticky")) == [2, 2, 2], 30, "three members")
        for member in self.members("sticky"):
            if member["member"] in before:
                self.assertLess(set(member["assigned"].split(",")), before[member["member"]])
        self.assertEqual("sticky", self.describe("sticky")["protocol"])
        first.stop()

    def test_static_member(self):
        topic = self.create()
        self.consumer(topic, "static", "--instance-id", "one")
        second = self.consumer(topic, "static", "--instance-id", "two")
        wait_for(lambda: sorted(m["partitions"] for m in self.members("static")) == [3, 3], 30, "two members")
        before = {m["instance"]: m["assigned"] for m in self.members("static")}
        second.stop()
        self.assertEqual(before, {m["instance"]: m["assigned"] for m in self.members("static")}, "it does not leave")
        self.consumer(topic, "static", "--instance-id", "two")
        ids = {m["instance"]: m["member"] for m in self.members("static")}
        third = self.consumer(topic, "static", "--instance-id", "two")
        wait_for(lambda: {m["instance"]: m["member"] for m in self.members("static")} != ids, 30, "it was replaced")
        self.assertEqual(before, {m["instance"]: m["assigned"] for m in self.members("static")})
        third.stop()

    def test_a_member_that_is_interrupted_while_it_joins_ends(self):
        topic = self.create()
        member = self.consumer(topic, "interrupted")
        member.signal(signal.SIGINT)
        self.assertIn(member.wait(20), (0, -signal.SIGINT))

    def test_list_and_describe(self):
        topic = self.create([str(i) for i in range(12)])
        self.kronika("topic", "consume", topic, "--group", "listed", "--num", "4")
        live = self.consumer(topic, "listed-live")
        wait_for(lambda: [m["partitions"] for m in self.members("listed-live")] == [6], 30, "a member is there")
        listed = {g["group"]: g for g in self.json("group", "list")}
        self.assertEqual(("Empty", "consumer"), (listed["listed"]["state"], listed["listed"]["protocol_type"]))
        self.assertEqual("Stable", listed["listed-live"]["state"])
        only = [g["group"] for g in self.json("group", "list", "--state", "Empty")]
        self.assertIn("listed", only)
        self.assertNotIn("listed-live", only)
        described = self.describe("listed")
        behind = sum(2 - p["committed_offset"] for p in described["partitions"])
        self.assertEqual(behind, described["lag"], "partitions that it has not read from have no lag")
        self.assertEqual(listed["listed"]["coordinator"], described["coordinator"])
        read = sum(p["committed_offset"] or 0 for p in described["partitions"])
        self.assertEqual(4, read)
        self.assertTrue(all(p["end_offset"] == 2 and p["log_start_offset"] == 0 for p in described["partitions"]))
        text = self.kronika("group", "describe", "listed-live")
        self.assertIn("consumer group listed-live is Stable, protocol consumer/range", text)
        self.assertIn("there is no such group", self.kronika("group", "describe", "nobody", code=1))
        live.stop()

    def test_watch(self):
        topic = self.create(["a"], 1)
        self.kronika("topic", "consume", topic, "--group", "watched")
        watch = Process([BINARY, "group", "describe", "watched", "--watch", "--format", "json", "--brokers",
                         self.cluster.bootstrap], self.folder / "watch.log")
        self.addCleanup(watch.stop)

        def lags():
            return [json.loads(line)["lag"] for line in watch.output().splitlines() if line.endswith("}")]
        wait_for(lambda: lags() and lags()[-1] == 0, 20, "no lag is shown")
        members.fill(self.cluster.bootstrap, topic, 1, ["b", "c"])
        wait_for(lambda: lags()[-1] == 2, 20, "the lag is shown")

    @unittest.skipIf(PEER_IS_KAFKA, "the admin port is Kronika's own")
    def test_brokers_tell_the_lag(self):
        topic = self.create([str(i) for i in range(12)])
        live = self.consumer(topic, "told")
        wait_for(lambda: members.committed(self.cluster.bootstrap, "told") == {(topic, p): 2 for p in range(6)}, 30,
                 "all is committed")
        live.stop()
        members.fill(self.cluster.bootstrap, topic, self.PARTITIONS, [str(i) for i in range(18)])
        broker = self.describe("told")["coordinator"] - 1

        def told():
            return next(g for g in self.cluster.status(broker)["consumer_groups"] if g["id"] == "told")
        wait_for(lambda: told()["lag"] == 18, 25, "the coordinator's broker knows the leaders' high watermarks")
        group = told()
        self.assertEqual(("Empty", 0, 6, 6, 3), (group["state"], group["members"], group["partitions"],
                                                 group["partitions_known"], group["lag_max"]))
        self.assertIn(group["lag_age_ms"] // 1000, range(16))
        text = self.cluster.get(broker, "/metrics")
        self.assertIn('kronika_consumer_group_lag{group="told"} 18\n', text)
        self.assertIn('kronika_consumer_group_lag_max{group="told"} 3\n', text)
        self.assertIn('kronika_consumer_group_members{group="told"} 0\n', text)
        self.assertGreaterEqual(self.cluster.metric(broker, "kronika_consumer_group_commits_total"), 1)
        self.assertGreaterEqual(self.cluster.metric(broker, "kronika_consumer_groups"), 1)
        # The others do not coordinate it.
        for other in {0, 1, 2} - {broker}:
            self.assertNotIn("told", [g["id"] for g in self.cluster.status(other)["consumer_groups"]])

    def test_reset(self):
        topic = self.create([str(i) for i in range(30)], 3)
        other = self.create(["x"], 1)
        for name in (topic, other):
            self.kronika("topic", "consume", name, "--group", "reset")
        before = {0: 10, 1: 10, 2: 10}

        def reset(*words, code=0):
            return self.kronika("group", "reset-offsets", "reset", *words, code=code)

        def offsets():
            return {p["partition"]: p["committed_offset"] for p in self.describe("reset")["partitions"]
                    if p["topic"] == topic}
        self.assertIn(topic, reset("--topic", topic, "--to-earliest", "--dry-run"))
        self.assertEqual(before, offsets())
        reset("--topic", topic, "--to-earliest")
        self.assertEqual({0: 0, 1: 0, 2: 0}, offsets())
        reset("--topic", f"{topic}:0,2", "--to-latest")
        self.assertEqual({0: 10, 1: 0, 2: 10}, offsets())
        reset("--topic", f"{topic}:1", "--to-offset", "7")
        reset("--topic", topic, "--shift-by=-3")
        self.assertEqual({0: 7, 1: 4, 2: 7}, offsets())
        reset("--topic", topic, "--shift-by", "100")
        self.assertEqual(before, offsets(), "never beyond the end")
        reset("--topic", topic, "--to-offset", "3")
        reset("--topic", topic, "--to-current")
        self.assertEqual({0: 3, 1: 3, 2: 3}, offsets())
        reset("--topic", topic, "--by-duration", "1h")
        self.assertEqual({0: 0, 1: 0, 2: 0}, offsets())
        reset("--topic", topic, "--to-datetime", "2099-01-01")
        self.assertEqual(before, offsets(), "no record is that young")
        reset("--all-topics", "--to-earliest")
        self.assertEqual({(topic, 0): 0, (topic, 1): 0, (topic, 2): 0, (other, 0): 0},
                         members.committed(self.cluster.bootstrap, "reset"))
        again = clients.lines(self.kronika("topic", "consume", topic, "--group", "reset"))
        self.assertEqual(30, len(again))
        for words in (["--topic", topic], ["--to-earliest"], ["--topic", topic, "--to-earliest", "--to-latest"],
                      ["--topic", topic, "--all-topics", "--to-latest"], ["--topic", f"{topic}:x", "--to-latest"],
                      ["--topic", topic, "--to-datetime", "yesterday"]):
            reset(*words, code=2)
        self.assertIn("has only 3 partitions", reset("--topic", f"{topic}:3", "--to-latest", code=1))

    def test_a_group_with_members_is_not_reset(self):
        topic = self.create(["a"], 1)
        live = self.consumer(topic, "live")
        wait_for(lambda: self.members("live"), 30, "a member is there")
        refused = self.kronika("group", "reset-offsets", "live", "--topic", topic, "--to-earliest", code=1)
        self.assertIn("its 1 members have to stop first", refused)
        self.assertIn("NON_EMPTY_GROUP", self.kronika("group", "delete", "live", code=1))
        self.assertIn("NON_EMPTY_GROUP", self.kronika("group", "delete", "live", "--dry-run", code=1))
        wait_for(lambda: members.committed(self.cluster.bootstrap, "live") == {(topic, 0): 1}, 30, "all is committed")
        refused = self.kronika("group", "delete-offsets", "live", "--topic", topic, code=1)
        self.assertIn("GROUP_SUBSCRIBED_TO_TOPIC", refused)
        live.stop()

    def test_delete(self):
        topic = self.create(["a", "b"], 2)
        other = self.create(["x"], 1)
        for name in (topic, other):
            self.kronika("topic", "consume", name, "--group", "deleted")
        self.assertIn(topic, self.kronika("group", "delete-offsets", "deleted", "--topic", f"{topic}:1", "--dry-run"))
        self.kronika("group", "delete-offsets", "deleted", "--topic", f"{topic}:1")
        self.assertEqual({(topic, 0): 1, (other, 0): 1}, members.committed(self.cluster.bootstrap, "deleted"))
        self.assertIn("no committed offset", self.kronika("group", "delete-offsets", "deleted", "--topic", "none", code=1))
        self.assertIn("would be deleted", self.kronika("group", "delete", "deleted", "--dry-run"))
        self.assertEqual("Empty", self.describe("deleted")["state"])
        out = self.kronika("group", "delete", "deleted", "never-was", code=1)
        self.assertIn("GROUP_ID_NOT_FOUND", out)
        self.kronika("group", "describe", "deleted", code=1)

    def test_bad_usage(self):
        topic = self.create([], 1)
        for words in (["--partition", "0"], ["--offset", "7"], ["--assignor", "best"], ["--session-timeout-ms", "0"]):
            self.kronika("topic", "consume", topic, "--group", "g", *words, code=2)
        refused = self.kronika("topic", "consume", topic, "--group", "g", "--session-timeout-ms", "10", code=1)
        self.assertIn("INVALID_SESSION_TIMEOUT", refused)
        begin = time.monotonic()
        self.assertIn("there is no such topic", self.kronika("topic", "consume", "none", "--group", "g", code=1))
        self.assertLess(time.monotonic() - begin, 10)


if __name__ == "__main__":
    results.main()
