"""One act of kafka-python, for the recording proxy and the clients' tests: kafka_python.py probe|produce|consume|admin
HOST:PORT TOPIC. What it saw goes to standard output, one line each."""

import sys

import kafka
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic


def probe(bootstrap, _topic):
    consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap)
    print("version", ".".join(map(str, consumer.config["api_version"])))
    print("topics", sorted(consumer.topics()))
    consumer.close()


def produce(bootstrap, topic):
    for compression in (None, "gzip"):
        producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all", compression_type=compression, retries=5)
        for key, value in ((b"k", b"v"), (None, b"value"), (b"key", None)):
            sent = producer.send(topic, value, key, headers=[("h", b"1")], partition=0, timestamp_ms=1700000000000)
            print("offset", sent.get(30).offset)
        producer.close()


def consume(bootstrap, topic):
    consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest", consumer_timeout_ms=3000)
    partition = kafka.TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    for record in consumer:
        print(record.offset, record.key, record.value, record.headers, record.timestamp)
        if record.offset + 1 == consumer.end_offsets([partition])[partition]:
            break
    print("by time", consumer.offsets_for_times({partition: 1700000000000})[partition])
    consumer.close()


def admin(bootstrap, topic):
    client = kafka.KafkaAdminClient(bootstrap_servers=bootstrap)
    print(client.create_topics([NewTopic(topic, 2, 1, topic_configs={"segment.bytes": "1048576"})]))
    print(client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)]))
    print(sorted(client.list_topics()))
    print(client.delete_topics([topic]))
    client.close()


if __name__ == "__main__":
    {"probe": probe, "produce": produce, "consume": consume, "admin": admin}[sys.argv[1]](*sys.argv[2:4])
