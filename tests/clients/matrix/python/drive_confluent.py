"""Driver of confluent-kafka-python, which brings its own librdkafka; see ../README.md."""

import confluent_kafka
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer
from confluent_kafka.admin import AdminClient

from driver import ended, main, tell, values_of


def version():
    tell(version=f"{confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}")


def produce(bootstrap, topic, codec, count):
    delivered = []

    def on_delivery(error, message):
        if error:
            raise confluent_kafka.KafkaException(error)
        delivered.append(message.offset())

    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": codec,
                         "linger.ms": 20, "on_delivery": on_delivery})
    for partition, value in values_of(codec, int(count)):
        producer.produce(topic, value, partition=partition)
    producer.flush(30)
    tell(delivered=len(delivered))


def member(bootstrap, topic, group, instance=None):
    settings = {"group.instance.id": instance} if instance else {}
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                         "auto.commit.interval.ms": 200, "heartbeat.interval.ms": 300, "session.timeout.ms": 10_000,
                         "partition.assignment.strategy": "range", **settings})
    consumer.subscribe([topic], on_revoke=lambda *_: tell(owned=[]),
                       on_assign=lambda _, where: tell(owned=sorted(each.partition for each in where)))
    while not ended.is_set():
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            raise confluent_kafka.KafkaException(message.error())
        tell(value=message.value().decode())
    consumer.close()


def admin(bootstrap, topic, group):
    client = AdminClient({"bootstrap.servers": bootstrap})
    topics = list(client.list_topics(timeout=20).topics)
    groups = [each.group_id for each in client.list_consumer_groups(request_timeout=20).result().valid]
    offsets = client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result().topic_partitions
    tell(topics=topics, groups=groups, committed={each.partition: each.offset for each in offsets if each.topic == topic})


if __name__ == "__main__":
    main({"version": version, "produce": produce, "member": member, "admin": admin})
