// Driver of @platformatic/kafka; see ../README.md.
const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const { tell, valuesOf, main } = require('./driver')

const name = '@platformatic/kafka'

const settings = (bootstrap) => ({ clientId: 'kronika', bootstrapBrokers: bootstrap.split(','), retries: 20, retryDelay: 100 })

const produce = async (bootstrap, topic, codec, count) => {
  const { Producer, stringSerializers } = await import(name)
  const producer = new Producer({ ...settings(bootstrap), serializers: stringSerializers })
  const messages = valuesOf(codec, count).map((each) => ({ topic, ...each }))
  await producer.send({ messages, idempotent: true, acks: -1, compression: codec })
  await producer.close()
  tell({ delivered: messages.length })
}

const member = async (bootstrap, topic, group, instance) => {
  const { Consumer, stringDeserializers } = await import(name)
  const consumer = new Consumer({
    ...settings(bootstrap),
    groupId: group,
    groupInstanceId: instance,
    sessionTimeout: 10000,
    heartbeatInterval: 300,
    rebalanceTimeout: 20000,
    maxWaitTime: 100,
    autocommit: 200,
    deserializers: stringDeserializers,
  })
  let told = ''
  const tellOwned = (owned) => {
    told = String(owned)
    tell({ owned })
  }
  const owned = () => (consumer.assignments || []).flatMap((each) => each.partitions).sort((a, b) => a - b)
  consumer.on('consumer:group:join', () => tellOwned(owned()))
  consumer.on('consumer:group:rebalance', () => tellOwned([]))
  process.on('SIGTERM', async () => {
    await consumer.close(true)
    process.exit(0)
  })
  const stream = await consumer.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest' })
  // Its first join may have been told before it had an assignment; what was told is not told twice.
  if (String(owned()) !== told) tellOwned(owned())
  for await (const message of stream) tell({ value: message.value })
}

const admin = async (bootstrap, topic, group) => {
  const { Admin } = await import(name)
  const client = new Admin(settings(bootstrap))
  const topics = await client.listTopics()
  const groups = [...(await client.listGroups()).keys()]
  const [{ topics: offsets }] = await client.listConsumerGroupOffsets({ groups: [group] })
  const { partitions } = offsets.find((each) => each.name === topic)
  const committed = Object.fromEntries(partitions.map((each) => [each.partitionIndex, Number(each.committedOffset)]))
  tell({ topics, groups, committed })
  await client.close()
}

const version = () => {
  const file = join(__dirname, 'node_modules', name, 'package.json')
  tell({ version: JSON.parse(readFileSync(file, 'utf8')).version })
}

main({ version, produce, member, admin })
