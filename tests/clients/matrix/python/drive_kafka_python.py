"""Driver of kafka-python, Debian's and the newest; see ../README.md."""

import kafka

from driver import ended, main, tell, values_of

OLD = kafka.__version__.startswith("2.0")


def version():
    tell(version=kafka.__version__)


def produce(bootstrap, topic, codec, count):
    settings = {} if OLD else {"enable_idempotence": True}
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all", retries=20, linger_ms=20,
                                   compression_type=None if codec == "none" else codec,
                                   max_in_flight_requests_per_connection=1, **settings)
    sent = [producer.send(topic, value, partition=partition) for partition, value in values_of(codec, int(count))]
    for each in sent:
        each.get(30)
    producer.close()
    tell(delivered=len(sent))


def member(bootstrap, topic, group, instance=None):
    class Listener(kafka.ConsumerRebalanceListener):
        def on_partitions_revoked(self, revoked):
            tell(owned=[])

        def on_partitions_assigned(self, assigned):
            tell(owned=sorted(each.partition for each in assigned))

    settings = {"group_instance_id": instance} if instance else {}
    consumer = kafka.KafkaConsumer(bootstrap_servers=bootstrap.split(","), group_id=group, auto_offset_reset="earliest",
                                   auto_commit_interval_ms=200, heartbeat_interval_ms=300, session_timeout_ms=10_000,
                                   partition_assignment_strategy=[assignor()], **settings)
    consumer.subscribe([topic], listener=Listener())
    while not ended.is_set():
        for records in consumer.poll(timeout_ms=100).values():
            for record in records:
                tell(value=record.value.decode())
    consumer.close()


def assignor():
    from kafka.coordinator.assignors.range import RangePartitionAssignor
    return RangePartitionAssignor


def admin(bootstrap, topic, group):
    client = kafka.KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    if OLD:
        groups = [name for name, _ in client.list_consumer_groups()]
        offsets = client.list_consumer_group_offsets(group)
    else:
        groups = [each["group_id"] for each in client.list_groups()]
        offsets = client.list_group_offsets([group])[group]
    committed = {where.partition: each.offset for where, each in offsets.items() if where.topic == topic}
    topics = client.list_topics()
    tell(topics=[each if isinstance(each, str) else each["name"] for each in topics], groups=groups, committed=committed)
    client.close()


if __name__ == "__main__":
    main({"version": version, "produce": produce, "member": member, "admin": admin})
