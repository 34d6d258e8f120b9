"""What every client of the matrix is driven through, once: feature by feature, judged by what the brokers stored and by
what the client itself told."""

import sys
from pathlib import Path

import kafka

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "support"))
import members  # noqa: E402
import wire  # noqa: E402
from drivers import ABSENT  # noqa: E402
from process import wait_for  # noqa: E402

CODECS = ("gzip", "snappy", "lz4", "zstd")
FEATURES = ("subscribe", "rebalance", "static membership", "commit and resume", "idempotent production",
            *(f"compression {codec}" for codec in CODECS), "admin listing")
PARTITIONS, COUNT, SECONDS = 6, 12, 40
WORKS = "yes"


class Scenario:
    def __init__(self, driver, cluster, folder, number):
        self.driver, self.cluster, self.bootstrap = driver, cluster, cluster.bootstrap
        self.folder, self.number = Path(folder), number
        self.topic, self.group = f"matrix-{number}", f"matrix-{number}"
        self.results = {feature: ABSENT for feature in driver.absent}
        self.present = []
        self.started = 0
        self.written = {}  # what was produced → values
        self.first = None  # the member that reads
        self.details = []  # of what failed

    def member(self, group, *instance, topic=None):
        self.started += 1
        log = self.folder / f"client-{self.number}-{self.started}.log"
        member = self.driver.member(log, self.bootstrap, topic or self.topic, group, *instance)
        self.present.append(member)
        return member

    def leave(self, member):
        code = member.process.stop(20)
        # Java ends with the code of the signal.
        assert code in (0, 143), f"a member that was asked to leave ended with {code}: {member.process.output()[-500:]}"

    def feature(self, name, act):
        if name in self.results:
            return
        try:
            act()
            self.results[name] = WORKS
        except Exception as error:  # pylint: disable=broad-except  # a client that fails is a row of the table
            text = [line.strip() for line in str(error).splitlines() if line.strip()]
            self.results[name] = f"failed: {(text or [type(error).__name__])[-1][:200]}"
            self.details.append(f"{self.driver.name}, {name}: {error}")

    def run(self):
        """{feature: result}"""
        members.create(self.bootstrap, self.topic, PARTITIONS)
        try:
            self.feature("idempotent production", self.idempotent)
            if "none" not in self.written:
                self.written["none"] = self.driver.produce(self.bootstrap, self.topic, "none", COUNT)
            self.feature("subscribe", self.subscribe)
            for codec in CODECS:
                self.feature(f"compression {codec}", lambda codec=codec: self.compressed(codec))
            self.feature("rebalance", self.rebalance)
            self.feature("commit and resume", self.resume)
            self.feature("admin listing", self.admin)
            self.feature("static membership", self.static)
        finally:
            for member in self.present:
                member.process.stop()
        return self.results

    def stored(self):
        """The batches of all partitions."""
        return [batch for partition in range(PARTITIONS) for batch in wire.stored_batches(self.cluster, self.topic, partition)]

    def idempotent(self):
        self.written["none"] = self.driver.produce(self.bootstrap, self.topic, "none", COUNT)
        for partition in range(PARTITIONS):
            following = {}
            for batch in wire.stored_batches(self.cluster, self.topic, partition):
                assert batch["producer"] >= 0, f"a batch without a producer id: {batch}"
                assert batch["sequence"] == following.get(batch["producer"], 0), f"a sequence that does not follow: {batch}"
                following[batch["producer"]] = batch["sequence"] + batch["count"]

    def subscribe(self):
        self.first = self.member(self.group)
        wait_for(lambda: self.first.owned == set(range(PARTITIONS)), SECONDS, "the only member has every partition")
        wait_for(lambda: set(self.written["none"]) <= set(self.first.values()), SECONDS, "it reads what was written")

    def compressed(self, codec):
        self.written[codec] = self.driver.produce(self.bootstrap, self.topic, codec, COUNT)
        count = sum(batch["count"] for batch in self.stored() if batch["codec"] == codec)
        assert count == COUNT, f"{count} records are stored with {codec}"
        wait_for(lambda: set(self.written[codec]) <= set(self.first.values()), SECONDS, f"it reads what was written with {codec}")

    def rebalance(self):
        second = self.member(self.group)
        members.wait_shared_out([self.first, second], PARTITIONS, SECONDS)
        self.leave(second)
        wait_for(lambda: self.first.owned == set(range(PARTITIONS)), SECONDS, "who stays has every partition again")

    def resume(self):
        everything = sum(len(values) for values in self.written.values())
        wait_for(lambda: len(self.first.values()) >= everything, SECONDS, "all is read")
        self.leave(self.first)
        committed = members.committed(self.bootstrap, self.group)
        assert sum(committed.values()) == everything, f"{committed} is committed of {everything} records"
        later = self.driver.produce(self.bootstrap, self.topic, "none", COUNT)
        self.first = self.member(self.group)
        wait_for(lambda: len(self.first.values()) >= len(later), SECONDS, "what came later is read")
        wait_for(lambda: sum(members.committed(self.bootstrap, self.group).values()) == everything + COUNT, SECONDS,
                 "what came later is committed")
        assert sorted(self.first.values()) == sorted(later), "something was read again"

    def admin(self):
        told = self.driver.admin(self.bootstrap, self.topic, self.group)
        assert self.topic in told["topics"], f"its topic is not listed: {told['topics']}"
        assert self.group in told["groups"], f"its group is not listed: {told['groups']}"
        listed = {int(partition): offset for partition, offset in told["committed"].items()}
        committed = {where[1]: offset for where, offset in members.committed(self.bootstrap, self.group).items()}
        assert {partition: offset for partition, offset in listed.items() if offset >= 0} == committed, f"{listed} for {committed}"

    def static(self):
        topic, group = f"{self.topic}-static", f"{self.group}-static"
        members.create(self.bootstrap, topic, PARTITIONS)
        stays = self.member(group, "one", topic=topic)
        returns = self.member(group, "two", topic=topic)
        members.wait_shared_out([stays, returns], PARTITIONS, SECONDS)
        before, heard = returns.owned, len(stays.assignments())
        returns.process.signal(9)
        returns.process.wait(10)
        again = self.member(group, "two", topic=topic)
        wait_for(lambda: again.owned == before, SECONDS, "who returns has its partitions again")
        assert len(stays.assignments()) == heard, "the other one heard of it"
        # It was not missed, and is no third member.
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.bootstrap)
        described, = admin.describe_consumer_groups([group])
        admin.close()
        assert len(described.members) == 2, f"{len(described.members)} members"
