"""What Kafka's own tools print about consumer groups, line by line, beside what they print against Apache Kafka.

    KRONIKA_TEST_PEER=kafka REWRITE=1 test_tool_output.py    records tool_output/*.txt anew, from Apache Kafka
    test_tool_output.py                                      compares

A scene is a list of invocations on a cluster of its own; ids, hosts, times, sizes and rates are masked, and nothing
else. Each file has what was given to the tools, too, so that the difference can be read.
"""

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
# Of the tools that measure, every number.
MEASURES = ((r"\d+(\.\d+)?", "<n>"),)
# Lines of the logging library, and where in the tool's own program an error came up.
LOG_LINE = re.compile(r"^(WARN|INFO|ERROR|DEBUG) [\w.$]+: |^SLF4J|^Picked up |^\s+at |^\s+\.\.\. \d+ more")


def masked(text, more=()):
    for pattern, mask in MASKS + tuple(more):
        text = re.sub(pattern, mask, text)
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
        self.lines.append("$ " + " ".join(masked(" ".join([name, *map(str, words)]))))
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
        scene.tool("console-consumer", "--topic", "orders", "--group", "others", "--from-beginning", "--max-messages", "9",
                   "--timeout-ms", "30000", in_any_order=True)
        groups("--list", in_any_order=True)
        groups("--list", "--state", in_any_order=True)
        groups("--list", "--state", "Stable", in_any_order=True)
        groups("--list", "--type", in_any_order=True)
        groups("--describe", "--group", "readers", in_any_order=True)
        groups("--describe", "--group", "readers", "--state")
        groups("--describe", "--group", "readers", "--members")
        groups("--describe", "--group", "nobody")
        groups("--describe", "--group", "nobody", "--state")
        groups("--describe", "--all-groups", "--state", in_any_order=True)
        scene.compare("groups")

    def test_reset(self):
        self.create("shifted", 3, [f"order {i}" for i in range(9)])
        self.create("aside", 1, ["one", "two"])
        for topic in ("shifted", "aside"):
            clients.java("console-consumer", "--bootstrap-server", self.cluster.bootstrap, "--topic", topic, "--group", "moved",
                         "--from-beginning", "--max-messages", "9" if topic == "shifted" else "2", "--timeout-ms", "30000")
        scene = Scene(self)

        def reset(*words):
            return scene.tool("consumer-groups", "--reset-offsets", "--group", "moved", *words, in_any_order=True)
        reset("--topic", "shifted", "--to-earliest")  # neither --dry-run nor --execute
        reset("--topic", "shifted", "--to-earliest", "--dry-run")
        reset("--topic", "shifted", "--to-earliest", "--execute")
        reset("--topic", "shifted:1", "--to-latest", "--execute")
        reset("--topic", "shifted", "--to-offset", "1", "--execute")
        reset("--topic", "shifted:0,2", "--shift-by", "2", "--execute")
        reset("--topic", "shifted", "--shift-by", "-1", "--execute")
        reset("--topic", "shifted", "--shift-by", "100", "--execute")
        reset("--topic", "shifted", "--to-datetime", "2020-01-01T00:00:00.000", "--execute")
        reset("--topic", "shifted", "--to-datetime", "2099-01-01T00:00:00.000", "--execute")
        reset("--topic", "shifted", "--by-duration", "PT24H", "--execute")
        reset("--topic", "shifted", "--to-current", "--execute")
        exported = reset("--all-topics", "--to-earliest", "--export", "--dry-run")
        plan = self.folder / "plan.csv"
        plan.write_text("\n".join(line for line in exported.splitlines() if line.count(",") == 2) + "\n")
        done = run([TOOL, "tool", "consumer-groups", "--bootstrap-server", self.cluster.bootstrap, "--reset-offsets", "--group",
                    "moved", "--from-file", plan, "--execute"], 120, False)
        scene.add(done.stdout + done.stderr, True)
        reset("--topic", "nowhere", "--to-earliest", "--execute")
        scene.tool("consumer-groups", "--describe", "--group", "moved", in_any_order=True)

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
                   "--reset-policy", "earliest", in_any_order=True)
        scene.tool("producer-perf-test", "--topic", "checked", "--num-records", "500", "--record-size", "100", "--throughput",
                   "-1", more=MEASURES)
        scene.tool("consumer-perf-test", "--topic", "checked", "--group", "measurers", "--num-records", "400", more=MEASURES)
        scene.compare("programs")


if __name__ == "__main__":
    results.main()
