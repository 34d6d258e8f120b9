"""What kcat (librdkafka) and kafka-python write, the other reads: codecs, headers, nulls, sizes, times, offsets."""

import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from process import wait_for  # noqa: E402

DAY_MS = 86_400_000


@clients.needs("kcat")
@clients.needs_kafka_python()
class Records(ClusterTest):
    def create(self, partitions=1, word="records", configs=None):
        import kafka.admin
        topic = self.topic(word)
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.create_topics([kafka.admin.NewTopic(topic, partitions, self.BROKERS, topic_configs=configs or {})])
        admin.close()
        return topic

    def produce(self, topic, text, *words):
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, "-p", "0", *words, stdin=text)

    def consume(self, topic, *words, partition=0):
        """Everything in a partition, as kcat's JSON objects."""
        text = clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-p", str(partition), "-o", "beginning", "-e", "-q",
                            "-J", *words)
        return [json.loads(line) for line in clients.lines(text)]

    def python_consume(self, topic, count):
        import kafka
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, consumer_timeout_ms=10_000)
        partition = kafka.TopicPartition(topic, 0)
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        found = []
        for record in consumer:
            found.append(record)
            if len(found) == count:
                break
        consumer.close()
        return found

    def test_codecs_are_stored_as_sent(self):
        text = "".join(f"line {i} of a text that compresses well\n" for i in range(200))
        for codec in ("gzip", "snappy", "lz4", "zstd"):
            with self.subTest(codec):
                topic = self.create(word=codec)
                self.produce(topic, text, "-z", codec)
                self.assertEqual(text.splitlines(), [r["payload"] for r in self.consume(topic)])
                self.assertEqual({codec}, set(wire.stored_codecs(self.cluster, topic)))
                if codec == "gzip":  # the only codec that kafka-python has without more packages
                    self.assertEqual(text.splitlines(), [r.value.decode() for r in self.python_consume(topic, 200)])

    def test_offsets_are_dense_and_start_at_0(self):
        topic = self.create()
        for _ in range(3):
            self.produce(topic, "a\nb\nc\n")
        self.assertEqual(list(range(9)), [r["offset"] for r in self.consume(topic)])
        with wire.Connection(self.cluster.port(0)) as connection:
            _, leader = connection.leader(topic)
        with wire.Connection(self.cluster.port(leader - 1)) as connection:
            self.assertEqual(9, connection.fetch(topic)[1])

    def test_headers_null_keys_and_null_values(self):
        import kafka
        topic = self.create()
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all")
        sent = ((b"k", b"v", [("a", b"1"), ("a", b"2"), ("empty", b"")]), (None, b"v", []), (b"k", None, []), (b"", b"", []))
        for key, value, headers in sent:
            producer.send(topic, value, key, headers=headers, partition=0).get(30)
        producer.close()
        self.assertEqual(list(sent), [(r.key, r.value, r.headers) for r in self.python_consume(topic, len(sent))])
        by_kcat = self.consume(topic)
        self.assertEqual(["k", None, "k"], [r["key"] for r in by_kcat[:3]])
        self.assertEqual(["a", "1", "a", "2", "empty", ""], by_kcat[0]["headers"])
        self.assertIsNone(by_kcat[2]["payload"])

    def test_a_megabyte(self):
        import kafka
        topic = self.create()
        value = bytes(range(256)) * 3906  # just below 1,000,000
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all", max_request_size=2_000_000)
        self.assertEqual(0, producer.send(topic, value, partition=0).get(30).offset)
        too_large = bytes(1_100_000)
        with self.assertRaises(kafka.errors.MessageSizeTooLargeError):
            producer.send(topic, too_large, partition=0).get(30)
        producer.close()
        self.assertEqual(value, self.python_consume(topic, 1)[0].value)

    def test_timestamps_of_the_producer(self):
        import kafka
        topic = self.create()
        now = int(time.time() * 1000)
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all")
        times = [now - DAY_MS, now - 1000, now]
        for stamp in times:
            producer.send(topic, b"v", partition=0, timestamp_ms=stamp).get(30)
        producer.close()
        self.assertEqual(times, [r["ts"] for r in self.consume(topic)])
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap)
        partition = kafka.TopicPartition(topic, 0)
        for stamp, offset in ((0, 0), (now - 1000, 1), (now - 999, 2)):
            found = consumer.offsets_for_times({partition: stamp})[partition]
            self.assertEqual((offset, times[offset]), (found.offset, found.timestamp))
        self.assertIsNone(consumer.offsets_for_times({partition: now + DAY_MS})[partition])
        self.assertEqual({partition: 0}, consumer.beginning_offsets([partition]))
        self.assertEqual({partition: 3}, consumer.end_offsets([partition]))
        consumer.close()

    def test_timestamps_of_the_append(self):
        topic = self.create(configs={"message.timestamp.type": "LogAppendTime"})
        before = int(time.time() * 1000)
        self.produce(topic, "a\nb\n")
        found = self.consume(topic)
        for record in found:
            self.assertLessEqual(before, record["ts"])
            self.assertLessEqual(record["ts"], int(time.time() * 1000))
            self.assertEqual("logappend", record["tstype"])
        self.assertTrue(all(batch["log_append_time"] for batch in wire.stored_batches(self.cluster, topic)))

    def test_acks(self):
        topic = self.create()
        for acks in ("0", "1", "all"):
            self.produce(topic, f"acks {acks}\n", "-X", f"acks={acks}")
        wait_for(lambda: len(self.consume(topic)) == 3, 10, "three records")
        self.assertEqual({"acks 0", "acks 1", "acks all"}, {r["payload"] for r in self.consume(topic)})

    def test_idempotent_producer(self):
        topic = self.create()
        text = "".join(f"{i}\n" for i in range(5000))
        self.produce(topic, text, "-X", "enable.idempotence=true", "-X", "batch.num.messages=100")
        self.assertEqual(text.split(), [r["payload"] for r in self.consume(topic)])

    def test_a_consumer_waits_for_new_records(self):
        import kafka
        topic = self.create()
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, fetch_max_wait_ms=5000)
        consumer.assign([kafka.TopicPartition(topic, 0)])
        consumer.seek_to_beginning()
        self.assertEqual({}, consumer.poll(100))
        producer = kafka.KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all")
        producer.send(topic, b"first", partition=0).get(30)
        begin = time.monotonic()
        records = wait_for(lambda: consumer.poll(1000), 10, "the record")
        # Woken by the record, not by the end of the five seconds.
        self.assertLess(time.monotonic() - begin, 3)
        self.assertEqual([b"first"], [r.value for batch in records.values() for r in batch])
        producer.close()
        consumer.close()


if __name__ == "__main__":
    results.main()
