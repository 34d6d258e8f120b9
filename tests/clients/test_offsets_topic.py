"""Kafka's own readers of __consumer_offsets: the console consumer's formatters on the topic, and the dump tool's
decoder on the segments of stopped brokers, see the groups and offsets that the coordinators answer with."""

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import ROOT, Process, wait_for  # noqa: E402

FORMATTERS = "org.apache.kafka.tools.consumer."
OFFSET, GROUP = 1, 2  # record types


def objects(text):
    """The JSON objects of a text that has them side by side, up to the first that is not whole."""
    decoder, position = json.JSONDecoder(), text.find("{")
    while position >= 0:
        try:
            value, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError:
            return
        yield value
        position = text.find("{", position)


@clients.needs("java")
@clients.needs_kafka_python()
class OffsetsTopic(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}

    def formatted(self, formatter, wanted):
        """{key of a record: its last value}, once `wanted` of that holds; a live group goes on writing meanwhile."""
        type(self)._names += 1
        words = ["--bootstrap-server", self.cluster.bootstrap, "--topic", "__consumer_offsets", "--from-beginning",
                 "--formatter", FORMATTERS + formatter]
        with Process([ROOT / "bench" / "peer" / "kafka.sh", "tool", "console-consumer", *words],
                     self.folder / f"formatted-{self._names}.log") as reader:
            def read():
                last = {}
                for record in objects(reader.output()):
                    last[tuple(sorted(record["key"]["data"].items()))] = record["value"]
                return last if wanted(last) else None
            try:
                return wait_for(read, 60, f"{formatter} shows what the coordinators say")
            except AssertionError:
                print(reader.output()[-3000:], flush=True)
                raise

    def test_formatters_and_dump_tool(self):
        import kafka
        topic = self.topic("read")
        members.create(self.cluster.bootstrap, topic, 3, self.BROKERS)
        members.fill(self.cluster.bootstrap, topic, 3, [str(i) for i in range(30)])
        live = members.Member(self.cluster.bootstrap, topic, "live", client_id="the-client")
        self.addCleanup(live._end.set)
        wait_for(lambda: members.committed(self.cluster.bootstrap, "live") == {(topic, p): 10 for p in range(3)}, 30,
                 "the member has committed everything")
        simple = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, group_id="simple", enable_auto_commit=False)
        where = kafka.TopicPartition(topic, 1)
        simple.assign([where])
        for offset in (3, 8, 5):
            simple.commit({where: kafka.OffsetAndMetadata(offset, f"note {offset}")})
        simple.close()
        self.with_formatters(topic)
        live.stop()
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.delete_consumer_groups(["simple"])
        admin.close()
        key = (("group", "simple"), ("partition", 1), ("topic", topic))
        self.formatted("OffsetsMessageFormatter", lambda last: last.get(key, "") is None)  # a tombstone
        self.cluster.stop()
        self.with_dump_tool(topic)

    def with_formatters(self, topic):
        def key(group, partition):
            return (("group", group), ("partition", partition), ("topic", topic))

        def said(last, group, partition):
            value = last.get(key(group, partition))
            return value and (value["data"]["offset"], value["data"]["metadata"])
        offsets = self.formatted("OffsetsMessageFormatter", lambda last: said(last, "simple", 1) == (5, "note 5") and all(
            said(last, "live", partition) == (10, "") for partition in range(3)))
        self.assertGreater(offsets[key("live", 0)]["data"]["commitTimestamp"], 1_700_000_000_000)
        groups = self.formatted("GroupMetadataMessageFormatter",
                                lambda last: (last.get((("group", "live"),)) or {"data": {"members": []}})["data"]["members"])
        group = groups[(("group", "live"),)]["data"]
        self.assertEqual(("consumer", "range"), (group["protocolType"], group["protocol"]))
        self.assertGreaterEqual(group["generation"], 1)
        member, = group["members"]
        self.assertEqual((group["leader"], "the-client", 10_000),
                         (member["memberId"], member["clientId"], member["sessionTimeout"]))
        self.assertIn("127.0.0.1", member["clientHost"])
        self.assertTrue(member["subscription"] and member["assignment"])

    def with_dump_tool(self, topic):
        """Every replica's segments are decoded without a complaint, and hold the records in the same order."""
        seen = []
        for broker in range(self.BROKERS):
            files = sorted(self.cluster.data(broker).glob("**/__consumer_offsets-*/**/*.log"))
            files = [file for file in files if file.stat().st_size > 0]
            told = clients.java("dump-log", "--offsets-decoder", "--files", ",".join(map(str, files)))
            for complaint in ("Found", "mismatch", "corrupt", "invalid", "Unknown", "unknown", "ERROR"):
                self.assertNotIn(complaint, told)
            records = re.findall(r"key: (\{.*?\}) payload: (\{.*\}|)", told)
            decoded = [(json.loads(key), json.loads(value) if value else None) for key, value in records]
            offsets = [value["data"]["offset"] for key, value in decoded
                       if key["type"] == str(OFFSET) or key["type"] == OFFSET
                       if key["data"] == {"group": "simple", "topic": topic, "partition": 1} and value]
            self.assertEqual([3, 8, 5], offsets)
            generations = [value["data"]["generation"] for key, value in decoded
                           if int(key["type"]) == GROUP and key["data"] == {"group": "live"} and value]
            self.assertTrue(generations and generations == sorted(generations), generations)
            self.assertEqual([], decoded and [key for key, _ in decoded if int(key["type"]) not in (OFFSET, GROUP)])
            seen.append([key for key, value in decoded])
        self.assertEqual(seen[0], seen[1])
        self.assertEqual(seen[0], seen[2])


if __name__ == "__main__":
    results.main()
