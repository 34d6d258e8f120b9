// One act of kafkajs about a consumer group, for the clients' tests:
//   node group.js member HOST:PORT,... TOPIC GROUP    a member until SIGTERM, which lets it leave
//   node group.js admin HOST:PORT,... TOPIC GROUP     the admin client's calls, on a group without members
// What it saw goes to standard output as one line of JSON each.
const { Kafka, logLevel } = require('kafkajs')

const [, , act, bootstrap, topic, group] = process.argv
const kafka = new Kafka({ clientId: 'kronika', brokers: bootstrap.split(','), logLevel: logLevel.NOTHING })
const tell = (value) => console.log(JSON.stringify(value))

const member = async () => {
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10000, heartbeatInterval: 300, maxWaitTimeInMs: 200 })
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => tell({ assigned: payload.memberAssignment[topic] || [] }))
  consumer.on(consumer.events.REBALANCING, () => tell({ rebalancing: true }))
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

const sorted = (offsets) =>
  offsets[0].partitions.map(({ partition, offset }) => [partition, offset]).sort((a, b) => a[0] - b[0])

const admin = async () => {
  const client = kafka.admin()
  await client.connect()
  tell((await client.listGroups()).groups.filter(({ groupId }) => groupId === group))
  const { groups } = await client.describeGroups([group])
  tell({ state: groups[0].state, members: groups[0].members.length })
  tell(sorted(await client.fetchOffsets({ groupId: group, topics: [topic] })))
  await client.setOffsets({ groupId: group, topic, partitions: [{ partition: 0, offset: '2' }] })
  tell(sorted(await client.fetchOffsets({ groupId: group, topics: [topic] })))
  await client.resetOffsets({ groupId: group, topic, earliest: true })
  tell(sorted(await client.fetchOffsets({ groupId: group, topics: [topic], resolveOffsets: true })))
  tell(await client.deleteGroups([group]))
  tell((await client.listGroups()).groups.filter(({ groupId }) => groupId === group))
  const again = await client.deleteGroups([group]).catch((error) => error.groups)
  tell(again[0].error ? again[0].error.type : null)
  await client.disconnect()
}

const acts = { member, admin }
acts[act]().catch((error) => { console.error(error); process.exit(1) })
