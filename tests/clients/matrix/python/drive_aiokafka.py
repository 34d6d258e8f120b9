"""Driver of aiokafka; see ../README.md."""

import asyncio

import aiokafka
import aiokafka.admin
from aiokafka.coordinator.assignors.range import RangePartitionAssignor

from driver import ended, main, tell, values_of


async def produce(bootstrap, topic, codec, count):
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=20,
                                         compression_type=None if codec == "none" else codec)
    await producer.start()
    sent = [await producer.send(topic, value, partition=partition) for partition, value in values_of(codec, int(count))]
    for each in sent:
        await each
    await producer.stop()
    tell(delivered=len(sent))


class Listener(aiokafka.ConsumerRebalanceListener):
    async def on_partitions_revoked(self, revoked):
        tell(owned=[])

    async def on_partitions_assigned(self, assigned):
        tell(owned=sorted(each.partition for each in assigned))


async def member(bootstrap, topic, group, instance=None):
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest",
                                         auto_commit_interval_ms=200, heartbeat_interval_ms=300, session_timeout_ms=10_000,
                                         group_instance_id=instance,
                                         partition_assignment_strategy=[RangePartitionAssignor])
    consumer.subscribe([topic], listener=Listener())
    await consumer.start()
    while not ended.is_set():
        for records in (await consumer.getmany(timeout_ms=100)).values():
            for record in records:
                tell(value=record.value.decode())
    await consumer.stop()


async def admin(bootstrap, topic, group):
    client = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    groups = [each[0] for each in await client.list_consumer_groups()]
    offsets = await client.list_consumer_group_offsets(group)
    tell(topics=list(await client.list_topics()), groups=groups,
         committed={where.partition: each.offset for where, each in offsets.items() if where.topic == topic})
    await client.close()


def running(act):
    return lambda *arguments: asyncio.run(act(*arguments))


if __name__ == "__main__":
    main({"version": lambda: tell(version=aiokafka.__version__), "produce": running(produce), "member": running(member),
          "admin": running(admin)})
