"""What `kronika` says on the command line of a cluster that is not well, and of wishes that cannot be met."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import results  # noqa: E402
from cluster import BINARY, SMALL_JOURNAL, ClusterTest  # noqa: E402
from process import run, wait_for  # noqa: E402

OK, ERROR, USAGE, UNHEALTHY = 0, 1, 2, 10


class CommandLine(ClusterTest):
    SETTINGS = SMALL_JOURNAL

    def kronika(self, *words, stdin=None):
        return run([BINARY, *words, "-b", self.cluster.bootstrap], check=False, stdin=stdin)

    def health(self):
        done = self.kronika("cluster", "health", "--format", "json")
        return done.returncode, json.loads(done.stdout or "{}")

    def create(self, word, *more):
        topic = self.topic(word)
        made = self.kronika("topic", "create", topic, "-p", "6", "-r", "3", *more)
        self.assertEqual(OK, made.returncode, made.stderr)
        return topic, made.stderr

    def follow(self, topic):
        """`topic consume --follow` until the test ends: the process, and the file of what it prints and says."""
        folder = tempfile.TemporaryDirectory(prefix="kronika-test-")
        self.addCleanup(folder.cleanup)
        told = Path(folder.name) / "told"
        with told.open("w") as out:
            process = subprocess.Popen([BINARY, "topic", "consume", topic, "--follow", "-b", self.cluster.bootstrap], stdout=out, stderr=out)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.terminate)
        return process, told

    def test_health_names_a_killed_broker_and_what_it_held_at_once(self):
        topic, _ = self.create("well", "-c", "min.insync.replicas=3")
        wait_for(lambda: self.health()[0] == OK, 20, "the cluster is healthy")
        self.cluster.kill(1)
        begin = time.monotonic()
        code, told = self.health()
        print(f"broker 2 killed: unhealthy after {time.monotonic() - begin:.2f} s: {told['unhealthy_reasons']}", flush=True)
        self.assertEqual(UNHEALTHY, code)
        self.assertEqual([2], told["brokers_missing"])
        problems = [one["problem"] for one in told["partitions"] if one["topic"] == topic]
        self.assertEqual(6, len(problems), problems)
        for problem in problems:
            self.assertIn("cannot be written", problem)
            self.assertIn("offline 2", problem)
        self.cluster.restart(1)
        wait_for(lambda: self.health() == (OK, {"is_healthy": True, "unhealthy_reasons": [], "brokers_missing": [], "partitions": [],
                                                "controller": self.cluster.status(0)["controller"]}), 30, "all is well again")

    def test_a_topic_that_is_not_there_is_told_at_once(self):
        for words in (["bench", "produce", "--topic", "nowhere", "--seconds", "1"],
                      ["bench", "consume", "--topic", "nowhere"],
                      ["topic", "produce", "nowhere"],
                      ["topic", "consume", "nowhere"],
                      ["topic", "consume", "nowhere", "--group", "g"],
                      ["group", "reset-offsets", "g", "--topic", "nowhere", "--to-earliest"]):
            begin = time.monotonic()
            done = self.kronika(*words)
            self.assertEqual(ERROR, done.returncode, words)
            self.assertIn("kronika topic create nowhere", done.stderr, words)
            self.assertLess(time.monotonic() - begin, 5, words)

    def led_by(self, broker):
        """A topic of one partition that this broker leads."""
        def made():
            topic = self.topic("led")
            self.kronika("topic", "create", topic, "-p", "1", "-r", "3")
            (partition,) = json.loads(self.kronika("topic", "describe", topic, "--format", "json").stdout)["partitions"]
            return topic if partition["leader"] == broker else None
        return wait_for(made, 30, f"broker {broker} leads a topic")

    # What still leads names itself and has producer ids left, so that nothing but the records' own answers tells.
    # Without the bound of three times --timeout-ms produce needs 120 s, and a member of a group never ends.
    def test_without_a_majority_a_leader_that_is_alone_is_told(self):
        topic = self.led_by(3)
        alone = f"127.0.0.1:{self.cluster.port(2)}"
        run([BINARY, "topic", "produce", topic, "-b", alone], stdin="first\n")
        follower, followed = self.follow(topic)
        wait_for(lambda: "first" in followed.read_text(), 10, "the follower has the first record")
        for broker in (0, 1):
            self.cluster.kill(broker)
        for words, cause in ((["topic", "produce", topic], "NOT_ENOUGH_REPLICAS"),
                             (["topic", "consume", topic], "broker 3|-0"),
                             (["topic", "consume", topic, "--group", "alone"], "consumer group alone|no connection")):
            begin = time.monotonic()
            done = self.kronika(*words, "--timeout-ms", "2000", stdin="record\n")
            print(f"{words[:2]}: {time.monotonic() - begin:.1f} s: {done.stderr}", flush=True)
            self.assertEqual(ERROR, done.returncode, words)
            self.assertRegex(done.stderr, cause, words)
            self.assertIn(f"{topic}-0: cannot be written: no majority of its replicas is there", done.stderr, words)
            self.assertIn("brokers 1,2 do not answer: start them again", done.stderr, words)
            self.assertLess(time.monotonic() - begin, 20, words)
        waited = self.kronika("topic", "produce", topic, "--timeout-ms", "2000", stdin="record\n").stderr
        self.assertRegex(waited, r"waiting for \d s: .*NOT_ENOUGH_REPLICAS", "it told what it waits for")
        self.cluster.kill(2)
        self.assertIn(f"no broker answers at 127.0.0.1:{self.cluster.port(0)}", self.kronika("topic", "consume", topic, "--timeout-ms",
                                                                                              "500").stderr)
        wait_for(lambda: "refused" in followed.read_text() or follower.poll() is not None, 20, "the follower has nobody to ask")
        self.assertIsNone(follower.poll(), followed.read_text())
        self.cluster.start()
        wait_for(lambda: self.health()[0] == OK, 30, "all is well again")
        self.kronika("topic", "produce", topic, stdin="after all were away\n")
        wait_for(lambda: "after all were away" in followed.read_text(), 30, "who follows a topic goes on")

    def test_without_a_majority_the_reason_is_told(self):
        topic, _ = self.create("minority")
        for broker in (0, 1):  # the one that stays was asked for no producer id yet, so it has none to give
            self.cluster.kill(broker)
        for words in (["topic", "create", "more"], ["topic", "produce", topic], ["topic", "consume", topic]):
            begin = time.monotonic()
            done = self.kronika(*words, stdin="record\n")
            print(f"{words[:2]}: {time.monotonic() - begin:.1f} s: {done.stderr}", flush=True)
            self.assertEqual(ERROR, done.returncode, words)
            self.assertRegex(done.stderr, "metadata group has no leader|not every partition has a leader|no majority of its replicas",
                             words)
            if "create" not in words:
                self.assertIn("brokers 1,2 do not answer: start them again", done.stderr, words)
            self.assertLess(time.monotonic() - begin, 25, words)
        self.cluster.start()
        wait_for(lambda: self.health()[0] == OK, 30, "all is well again")

    def test_configs_of_a_new_topic(self):
        twice = self.kronika("topic", "create", "twice", "-c", "segment.ms=1000", "-c", "segment.ms=2000")
        self.assertEqual(USAGE, twice.returncode)
        self.assertIn("'segment.ms' is given twice", twice.stderr)
        _, told = self.create("later", "-c", "retention.ms=1000", "-c", "segment.ms=1000")
        self.assertEqual(["kronika: stored, takes effect in a later release: retention.ms"], told.splitlines())
        _, told = self.create("now", "-c", "segment.ms=1000")
        self.assertEqual("", told)

    def test_a_line_without_the_separator_of_its_key(self):
        topic, _ = self.create("keys")
        done = self.kronika("topic", "produce", topic, "-K", ":", stdin="a:1\nno key\nb:2\n")
        self.assertEqual(ERROR, done.returncode)
        self.assertIn("line 2 has no ':'", done.stderr)
        read = self.kronika("topic", "consume", topic, "-K", ":")
        self.assertEqual("a:1\n", read.stdout)
        self.assertEqual(USAGE, self.kronika("topic", "produce", topic, "-K", "", stdin="x\n").returncode)

    def test_wrong_usage_names_the_command_and_the_word(self):
        uuid = "qZ3s8mTqQ1uV3bJ0wX2y5A"
        for words, told in ((["topic", "create"], "kronika: 'kronika topic create': TOPIC is required"),
                            (["bench", "consume"], "kronika: 'kronika bench consume': --topic is required"),
                            (["topic", "list", "--frob"], "kronika: 'kronika topic list': "),
                            (["topic", "create", "t", "-p", "0"], "kronika: invalid argument (--partitions): "),
                            (["topic", "create", "t", "-r", "0"], "kronika: invalid argument (--replication-factor): "),
                            (["topic", "create", "t", "-p", "abc"], "kronika: invalid argument (--partitions): "),
                            (["broker", "replace", "three", "--uuid", uuid], "kronika: invalid argument (BROKER): "),
                            (["broker", "replace", "3", "--uuid", "foo"], "kronika: invalid argument (--uuid): 'foo'"),
                            (["broker", "replace", "3", "--uuid", uuid, "--admin", "x"], "kronika: invalid argument (--admin): ")):
            done = run([BINARY, *words], check=False)
            self.assertEqual((USAGE, ""), (done.returncode, done.stdout), words)
            self.assertTrue(done.stderr.startswith(told), done.stderr)

    def test_internal_topics_are_counted_where_they_are_not_listed(self):
        topic, _ = self.create("listed")
        # The first question after a coordinator makes the topic of the offsets.
        self.kronika("topic", "consume", topic, "--group", "g")
        listed = self.kronika("topic", "list")
        self.assertNotIn("__consumer_offsets", listed.stdout)
        self.assertEqual("kronika: 1 internal topic is not listed; --internal lists all\n", listed.stderr)
        every = self.kronika("topic", "list", "--internal")
        self.assertIn("__consumer_offsets", every.stdout)
        self.assertEqual("", every.stderr)

    def test_a_history_that_is_there_is_told(self):
        topic, _ = self.create("history")
        words = ["verify", "write", "--topic", topic, "--seconds", "1", "--history", str(self.folder / "history")]
        self.assertNotIn("is written anew", self.kronika(*words).stderr)
        self.assertIn("is written anew", self.kronika(*words).stderr)

    def test_what_was_formatted_is_told_to_programs_too(self):
        node = self.folder / "node.yaml"
        node.write_text(f"node_id: 3\ndata_dir: {self.folder}/fresh\n")
        (self.folder / "fresh").mkdir()
        words = [BINARY, "format", "--config", node, "--from", self.cluster.dir / "founding", "--replace", "3"]
        (told,) = json.loads(run([*words, "--format", "json"]).stdout)
        self.assertEqual((f"{self.folder}/fresh", 3), (told["data_dir"], told["broker"]))
        self.assertIn(f"\ndirectory {told['directory']}\n", (self.folder / "fresh" / "identity").read_text())

    def test_a_node_file_is_checked(self):
        config = self.cluster.config(0)
        for words in ([config], ["--config", config]):
            self.assertEqual(OK, run([BINARY, "config", "check", *words], check=False).returncode)
        wrong = self.folder / "wrong.yaml"
        wrong.write_text(config.read_text() + "\njournal_flies: 4\n")
        done = run([BINARY, "config", "check", wrong], check=False)
        self.assertEqual(USAGE, done.returncode)
        self.assertIn("journal_files", done.stderr)
        self.assertEqual(USAGE, run([BINARY, "config", "check"], check=False).returncode)


if __name__ == "__main__":
    results.main()
