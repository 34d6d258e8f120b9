// Driver of kafkajs; see ../README.md.
const { Kafka, CompressionTypes, logLevel } = require('kafkajs')
const { tell, valuesOf, main } = require('./driver')

const connect = (bootstrap) => new Kafka({ clientId: 'kronika', brokers: bootstrap.split(','), logLevel: logLevel.ERROR })

const produce = async (bootstrap, topic, codec, count) => {
  const producer = connect(bootstrap).producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const compression = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP }[codec]
  await producer.send({ topic, messages: valuesOf(codec, count), compression, acks: -1 })
  await producer.disconnect()
  tell({ delivered: Number(count) })
}

const member = async (bootstrap, topic, group) => {
  const consumer = connect(bootstrap).consumer({ groupId: group, sessionTimeout: 10000, heartbeatInterval: 300, maxWaitTimeInMs: 200 })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => tell({ owned: payload.memberAssignment[topic] || [] }))
  consumer.on(consumer.events.REBALANCING, () => tell({ owned: [] }))
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  process.on('SIGTERM', async () => {
    await consumer.disconnect()
    process.exit(0)
  })
  await consumer.run({
    autoCommitInterval: 200,
    eachMessage: async ({ message }) => tell({ value: message.value.toString() }),
  })
}

const admin = async (bootstrap, topic, group) => {
  const client = connect(bootstrap).admin()
  await client.connect()
  const topics = await client.listTopics()
  const groups = (await client.listGroups()).groups.map(({ groupId }) => groupId)
  const [{ partitions }] = await client.fetchOffsets({ groupId: group, topics: [topic] })
  tell({ topics, groups, committed: Object.fromEntries(partitions.map((each) => [each.partition, Number(each.offset)])) })
  await client.disconnect()
}

const version = () => tell({ version: require('kafkajs/package.json').version })

main({ version, produce, member, admin })
