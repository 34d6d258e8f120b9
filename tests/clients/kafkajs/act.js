// One act of kafkajs, for the recording proxy and the clients' tests:
//   node act.js describe|produce|admin HOST:PORT TOPIC
// What it saw goes to standard output as one line of JSON each.
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')

const [, , act, bootstrap, topic] = process.argv
const kafka = new Kafka({ clientId: 'kronika', brokers: bootstrap.split(','), logLevel: logLevel.ERROR })
const tell = (value) => console.log(JSON.stringify(value))

const produce = async () => {
  for (const compression of [CompressionTypes.None, CompressionTypes.GZIP]) {
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    const messages = [
      { key: 'k', value: 'v', headers: { h: '1' }, timestamp: '1700000000000' },
      { key: null, value: 'value', timestamp: '1700000000000' },
      { key: 'key', value: null, timestamp: '1700000000000' },
    ].map((message) => ({ ...message, partition: 0 }))
    tell(await producer.send({ topic, messages, compression, acks: -1 }))
    await producer.disconnect()
  }
}

const admin = async () => {
  const client = kafka.admin()
  await client.connect()
  tell(await client.createTopics({
    topics: [{
      topic,
      numPartitions: 2,
      replicationFactor: 1,
      configEntries: [{ name: 'segment.bytes', value: '1048576' }],
    }],
  }))
  const cluster = await client.describeCluster()
  tell({ brokers: cluster.brokers.length, controller: cluster.controller })
  tell((await client.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length)
  const resources = [{ type: 2, name: topic, configNames: ['segment.bytes'] }]
  tell((await client.describeConfigs({ resources })).resources[0].configEntries[0].configValue)
  tell(await client.fetchTopicOffsets(topic))
  await client.deleteTopics({ topics: [topic] })
  // Each call may go to another broker, which learns of the deletion a moment after the one that answered.
  const deadline = Date.now() + 5000
  let listed = true
  while (listed && Date.now() < deadline) listed = (await client.listTopics()).includes(topic)
  tell(listed)
  await client.disconnect()
}

const describe = async () => {
  const client = kafka.admin()
  await client.connect()
  const cluster = await client.describeCluster()
  tell({ brokers: cluster.brokers.length, controller: cluster.controller })
  await client.disconnect()
}

const acts = { describe, produce, admin }
acts[act]().catch((error) => { console.error(error); process.exit(1) })
