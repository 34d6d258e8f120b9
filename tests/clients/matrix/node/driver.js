// What the drivers of clients for Node.js share: the command line, and what they tell; see ../README.md.
const PARTITIONS = 6

exports.tell = (what) => console.log(JSON.stringify(what))

// Of each record to produce.
exports.valuesOf = (codec, count) =>
  Array.from({ length: Number(count) }, (_, number) =>
    ({ partition: number % PARTITIONS, value: `${codec} ${number} ${'.'.repeat(200)}` }))

exports.main = (acts) => {
  const [, , act, ...words] = process.argv
  Promise.resolve(acts[act](...words)).catch((error) => { console.error(error); process.exit(1) })
}
