"""What Kafka's own tools print about consumer groups, line by line, beside what they print against Apache Kafka.

    KRONIKA_TEST_PEER=kafka REWRITE=1 test_tool_output.py    records tool_output/*.txt anew, from Apache Kafka
    test_tool_output.py                                      compares

A scene is a list of invocations; ids, hosts, times, sizes, rates and leader epochs are masked, and nothing else. Each
file has what was given to the tools, too, so that the difference can be read.
"""

import datetime
import difflib
import os
import re
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import PEER_IS_KAFKA, ClusterTest  # noqa: E402
from process import ROOT, Process, run, wait_for  # noqa: E402

RECORDED = Path(__file__).resolve().parent / "tool_output"
REWRITE = os.environ.get("REWRITE") == "1"
TOOL = ROOT / "bench" / "peer" / "kafka.sh"

MASKS = (
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"127\.0\.0\.1:\d+(,127\.0\.0\.1:\d+)*", "<broker>"),
    (r"<broker>\s+\(\d+\)", "<broker> (<id>)"),
    (r"/127\.0\.0\.1\b", "/<host>"),
    (r'"timestamp":\d+', '"timestamp":<time>'),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r" +", " "),  # columns are as wide as what was masked
)
# Where the tool names leader epochs, which begin elsewhere.
EPOCHS = ((r"^(\S+ \S+ \d+) \d+( \d+ \d+ \d+ - - -)$", r"\1 <epoch>\2"),)
# Of the tools that measure, every number.
MEASURES = ((r"\d+(\.\d+)?", "<n>"),)
# Lines of the logging library, and where in the tool's own program an error came up.
LOG_LINE = re.compile(r"^(WARN|INFO|ERROR|DEBUG) [\w.$]+: |^SLF4J|^Picked up |^\s+at |^\s+\.\.\. \d+ more")


def masked(text, more=()):
    for pattern, mask in MASKS + tuple(more):
        text = re.sub(pattern, mask, text, flags=re.M)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


class Scene:
    """The text of a scene, as it grows."""

    def __init__(self, test):
        self.test, self.lines = test, []

    def tool(self, name, *words, in_any_order=False, more=(), only=None):
        """`only`: of what is listed beside what other scenes left, the lines with this word."""
        done = run([TOOL, "tool", name, "--bootstrap-server", self.test.cluster.bootstrap, *words], 120, False)
        if done.returncode == 77:
            raise unittest.SkipTest(done.stderr.strip().splitlines()[-1])
        given = " ".join([name, *map(str, words)]).replace(str(self.test.folder), "<folder>")
        self.lines.append("$ " + " ".join(masked(given)))
        self.add("".join(line for line in done.stdout.splitlines(True) if not only or only in line), in_any_order, more)
        errors = [line for line in done.stderr.splitlines() if not LOG_LINE.match(line)]
        self.lines += ["! " + line for line in masked("\n".join(errors), more)]
        self.lines.append(f"= {done.returncode}")
        return done.stdout

    def add(self, text, in_any_order=False, more=()):
        found = masked(text, more)
        self.lines += ["  " + line for line in (sorted(found) if in_any_order else found)]

    def compare(self, name):
        file = RECORDED / f"{name}.txt"
        text = "\n".join(self.lines) + "\n"
        if REWRITE:
            self.test.assertTrue(PEER_IS_KAFKA, "only what Apache Kafka answers is recorded: KRONIKA_TEST_PEER=kafka")
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
            return
        difference = list(difflib.unified_diff(file.read_text().splitlines(), text.splitlines(), "recorded", "now", lineterm=""))
        self.test.assertEqual([], difference, "\n" + "\n".join(difference))


@clients.needs("java")
@clients.needs_kafka_python()
class ToolOutput(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}

    def create(self, topic, partitions, values):
        members.create(self.cluster.bootstrap, topic, partitions, self.BROKERS)
        members.fill(self.cluster.bootstrap, topic, partitions, values)

    def live_member(self, topic, group):
        """A Java consumer beside the test, settled."""
        member = Process([TOOL, "tool", "verifiable-consumer", "--bootstrap-server", self.cluster.bootstrap, "--topic", topic,
                          "--group-id", group, "--reset-policy", "earliest"], self.folder / f"{group}.log")
        self.addCleanup(member.stop)
        wait_for(lambda: '"name":"offsets_committed"' in member.output(), 60, f"a member of {group} has read and committed")
        return member

    def test_groups(self):
        self.create("orders", 3, [f"order {i}" for i in range(9)])
        self.create("more", 1, ["one", "two"])
        scene = Scene(self)

        def groups(*words, **options):
            scene.tool("consumer-groups", *words, **options)
        groups("--list")
        scene.tool("console-consumer", "--topic", "orders", "--group", "readers", "--from-beginning", "--max-messages", "9",
                   "--timeout-ms", "30000", in_any_order=True)
        scene.tool("console-consumer", "--topic", "more", "--group", "readers", "--from-beginning", "--max-messages", "1",
                   "--timeout-ms", "30000")
        scene.tool("console-consumer", "--topic", "more", "--group", "readers", "--max-messages", "1", "--timeout-ms", "30000",
                   "--formatter-property", "print.partition=true", "--formatter-property", "print.offset=true",
                   "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true")
        members.fill(self.cluster.bootstrap, "more", 1, ["three"])
        scene.tool("console-consumer", "--topic", "orders", "--group", "others", "--from-beginning", "--max-messages", "9",
                   "--timeout-ms", "30000", in_any_order=True)
        groups("--list", in_any_order=True)
        groups("--list", "--state", in_any_order=True)
        groups("--list", "--state", "Stable", in_any_order=True)
        groups("--list", "--type", in_any_order=True)
        groups("--list", "--type", "classic", "--state", "empty,dead", in_any_order=True)
        groups("--describe", "--group", "readers", in_any_order=True)
        groups("--describe", "--all-groups", "--offsets", "--verbose", in_any_order=True, more=EPOCHS)
        groups("--describe", "--group", "readers", "--state")
        groups("--describe", "--group", "readers", "--members")
        groups("--describe", "--group", "nobody")
        groups("--describe", "--group", "nobody", "--state")
        groups("--describe", "--all-groups", "--state", in_any_order=True)
        groups("--describe", "--group", "readers", "--group", "others", "--members", "--verbose", in_any_order=True)
        scene.compare("groups")

    def dated(self, topic):
        """A topic of one partition with a record of each of three years."""
        import kafka
        import kafka.admin
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.create_topics([kafka.admin.NewTopic(topic, 1, self.BROKERS, topic_configs={"retention.ms": "-1"})])
        admin.close()
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all")
        for year in (2022, 2023, 2024):
            when = datetime.datetime(year, 6, 1, tzinfo=datetime.timezone.utc)
            producer.send(topic, str(year).encode(), timestamp_ms=int(when.timestamp() * 1000)).get(30)
        producer.close()

    def commit(self, group, offsets):
        """`offsets`: {topic: [offset of each partition]}, as a consumer without subscription commits them."""
        import kafka
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, group_id=group, enable_auto_commit=False)
        where = {kafka.TopicPartition(topic, number): kafka.OffsetAndMetadata(offset, "")
                 for topic, each in offsets.items() for number, offset in enumerate(each)}
        consumer.assign(list(where))
        consumer.commit(where)
        consumer.close()

    def forget_groups(self):
        """Those of other cases: some forms take all groups."""
        import kafka
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.delete_consumer_groups([group for group, _ in admin.list_consumer_groups()])
        admin.close()

    def test_reset(self):
        self.forget_groups()
        self.create("shifted", 3, [f"order {i}" for i in range(9)])
        self.create("aside", 1, ["one", "two"])
        self.dated("dated")
        self.commit("moved", {"shifted": [3, 3, 3], "aside": [2]})
        self.commit("second", {"aside": [1], "dated": [0]})
        scene = Scene(self)

        def reset(*words, group="moved", **options):
            who = ["--group", group] if group else []
            return scene.tool("consumer-groups", "--reset-offsets", *who, *words, in_any_order=True, **options)
        reset("--topic", "shifted", "--to-earliest")  # neither --dry-run nor --execute
        reset("--topic", "shifted", "--to-earliest", "--dry-run")
        reset("--topic", "shifted", "--to-earliest", "--execute")
        reset("--topic", "shifted:1", "--to-latest", "--execute")
        reset("--topic", "shifted", "--to-offset", "1", "--execute")
        reset("--topic", "shifted", "--to-offset", "99", "--execute")
        reset("--topic", "shifted:0,2", "--topic", "aside:0", "--to-offset", "1", "--execute")
        reset("--topic", "shifted:0,2", "--shift-by", "2", "--execute")
        reset("--topic", "shifted", "--shift-by", "-1", "--execute")
        reset("--topic", "shifted", "--shift-by", "100", "--execute")
        reset("--topic", "shifted:0", "--shift-by", "-100", "--execute")
        reset("--topic", "shifted", "--to-datetime", "2020-01-01T00:00:00.000", "--execute")
        reset("--topic", "shifted", "--to-datetime", "2099-01-01T00:00:00.000", "--execute")
        reset("--topic", "dated", "--to-datetime", "2022-01-01T00:00:00.000", "--execute", group="second")
        reset("--topic", "dated", "--to-datetime", "2023-01-01T00:00:00.000", "--execute", group="second")
        reset("--topic", "dated", "--to-datetime", "2024-06-01T02:00:00.000+02:00", "--execute", group="second")
        reset("--topic", "shifted", "--by-duration", "PT24H", "--execute")
        reset("--topic", "dated", "--by-duration", "P1DT0H", "--execute", group="second")
        reset("--topic", "shifted", "--to-current", "--execute")
        plan = self.folder / "plan.csv"

        def exported(*words, columns, **options):
            told = reset(*words, "--export", "--dry-run", **options)
            plan.write_text("".join(line for line in told.splitlines(True) if line.count(",") == columns - 1))
        exported("--all-topics", "--to-latest", columns=3)
        reset("--from-file", plan, "--dry-run")
        reset("--from-file", plan, "--execute")
        exported("--group", "second", "--all-topics", "--to-earliest", columns=4)
        reset("--from-file", plan, "--group", "second", "--execute")
        reset("--from-file", plan, "--all-groups", "--dry-run", group=None)
        reset("--all-groups", "--topic", "aside", "--to-latest", "--execute", group=None)
        reset("--all-groups", "--all-topics", "--to-current", "--export", "--dry-run", group=None)
        reset("--topic", "aside", "--to-earliest", "--execute", group="new")
        reset("--topic", "nowhere", "--to-earliest", "--execute")
        scene.tool("consumer-groups", "--describe", "--all-groups", in_any_order=True)

        def drop(*words):
            scene.tool("consumer-groups", *words, in_any_order=True)
        drop("--delete-offsets", "--group", "moved", "--topic", "aside")
        drop("--delete-offsets", "--group", "moved", "--topic", "shifted:1")
        drop("--delete-offsets", "--group", "moved", "--topic", "nowhere")
        drop("--delete-offsets", "--group", "nobody", "--topic", "shifted")
        drop("--describe", "--group", "moved")
        drop("--delete", "--group", "nobody")
        drop("--delete", "--group", "moved")
        drop("--delete", "--group", "moved")
        drop("--delete", "--all-groups")
        drop("--list")
        scene.compare("reset")

    def test_live_group(self):
        self.create("lived", 3, [f"order {i}" for i in range(9)])
        member = self.live_member("lived", "live")
        scene = Scene(self)

        def groups(*words, **options):
            scene.tool("consumer-groups", *words, in_any_order=True, **options)
        groups("--describe", "--group", "live")
        groups("--describe", "--group", "live", "--verbose")
        groups("--describe", "--group", "live", "--members")
        groups("--describe", "--group", "live", "--members", "--verbose")
        groups("--describe", "--group", "live", "--state")
        groups("--list", "--state", only="live")
        groups("--reset-offsets", "--group", "live", "--topic", "lived", "--to-earliest", "--execute")
        groups("--delete-offsets", "--group", "live", "--topic", "lived")
        groups("--delete", "--group", "live")
        member.stop()
        groups("--describe", "--group", "live", "--members")
        groups("--describe", "--group", "live")
        groups("--delete", "--group", "live")
        scene.compare("live_group")

    def test_programs_that_check_and_measure(self):
        self.create("checked", 1, ["first"])
        scene = Scene(self)
        scene.tool("verifiable-producer", "--topic", "checked", "--max-messages", "5", "--acks", "-1",
                   more=((r'"avg_throughput":[\d.]+', '"avg_throughput":<n>'),))
        scene.tool("verifiable-consumer", "--topic", "checked", "--group-id", "checkers", "--max-messages", "6",
                   "--reset-policy", "earliest", "--verbose", in_any_order=True)
        scene.tool("producer-perf-test", "--topic", "checked", "--num-records", "500", "--record-size", "100", "--throughput",
                   "-1", more=MEASURES)
        scene.tool("consumer-perf-test", "--topic", "checked", "--group", "measurers", "--num-records", "400", more=MEASURES)
        scene.compare("programs")


if __name__ == "__main__":
    results.main()
