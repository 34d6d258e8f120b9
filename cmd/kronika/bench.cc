// `kronika bench`: how fast a cluster takes and gives records, measured by a client.
//
// Main thread; producers have their own (client::Crew). Latencies are from handing a batch to the
// producer to its acknowledgement, so a rate that the cluster cannot keep up with shows in them
// only as far as batches may wait (--outstanding). The result goes to the standard output, progress
// to the standard error stream.
#include <fmt/core.h>

#include <atomic>
#include <cstdio>

#include "base/rng.h"
#include "cmd/client/crew.h"
#include "cmd/client/fetcher.h"
#include "cmd/client/histogram.h"
#include "cmd/client/producer.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/progress.h"

namespace kronika::cmd {
namespace {

using client::Cluster;

struct ProduceSetup {
  client::ClientOptions client;
  client::ProducerOptions producer;
  std::string topic;
  std::size_t producers = 1;
  std::size_t value_bytes = 1024;
  std::size_t batch_records = 16;
  std::size_t outstanding_max = 64;  // batches of one producer
  double records_per_second = 0;     // of one producer
  client::Moment end{};
};

struct Counters {
  std::atomic<std::uint64_t> records{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> failed{0};
  std::atomic<std::size_t> left{0};
};

// Filled by one thread each, read when all have ended.
struct Share {
  client::Histogram latencies;
  std::optional<Error> error;
};

Result<ProduceSetup> ReadProduceSetup(const Arguments& arguments, const ClientSetup& client) {
  ProduceSetup out{.client = client.options, .topic = arguments.Text("--topic")};
  std::vector<std::int64_t> numbers;
  for (const std::string_view name :
       {"--producers", "--value-bytes", "--batch-records", "--outstanding", "--in-flight"}) {
    auto number = ReadNumber(arguments, name, {.first = 1, .last = 10'000'000});
    if (!number) return std::unexpected(std::move(number).error());
    numbers.push_back(*number);
  }
  out.producers = static_cast<std::size_t>(numbers[0]);
  out.value_bytes = static_cast<std::size_t>(numbers[1]);
  out.batch_records = static_cast<std::size_t>(numbers[2]);
  out.outstanding_max = static_cast<std::size_t>(numbers[3]);
  out.producer.in_flight_max = static_cast<std::size_t>(numbers[4]);
  auto rate = ReadNumber(arguments, "--rate", {});
  if (!rate) return std::unexpected(std::move(rate).error());
  out.records_per_second = static_cast<double>(*rate) / static_cast<double>(out.producers);
  auto acks = ReadNumber(arguments, "--acks", {.first = -1, .last = 1});
  if (!acks) return std::unexpected(std::move(acks).error());
  out.producer.acks = static_cast<std::int16_t>(*acks);
  out.producer.idempotent = *acks == -1 && !arguments.Has("--plain");
  auto codec = ReadCodec(arguments, "--compression");
  if (!codec) return std::unexpected(std::move(codec).error());
  out.producer.codec = *codec;
  return out;
}

// Text that no codec makes small, and that is the same for every record.
std::string Payload(std::size_t bytes) {
  SeededRng rng(1);
  std::string out;
  for (std::size_t i = 0; i < bytes; ++i) out += static_cast<char>(' ' + rng.Below(95));
  return out;
}

class BenchProducer {
 public:
  BenchProducer(const ProduceSetup& setup, Counters& counters, Share& share)
      : setup_(setup), counters_(counters), share_(share) {}

  void Run() {
    Cluster cluster(setup_.client);
    client::Producer producer(cluster, setup_.topic, setup_.producer,
                              [this](const client::Delivery& delivery) { Take(delivery); });
    Status status = producer.Start(client::Now() + setup_.client.request_timeout);
    if (status) status = Write(producer);
    if (!status) share_.error = status.error();
    --counters_.left;
  }

 private:
  void Take(const client::Delivery& delivery) {
    if (delivery.error) {
      counters_.failed += delivery.records;
      share_.error = delivery.error;
      return;
    }
    counters_.records += delivery.records;
    counters_.bytes += delivery.records * setup_.value_bytes;
    share_.latencies.Add(delivery.microseconds);
  }

  Status Write(client::Producer& producer) {
    const std::string payload = Payload(setup_.value_bytes);
    std::vector<wal::NewRecord> records(setup_.batch_records);
    const auto& partitions = producer.topic().partitions;
    const auto began = client::Now();
    double sent = 0;
    for (std::size_t turn = 0; client::Now() < setup_.end; ++turn) {
      for (auto& record : records) {
        record = {.timestamp = client::WallMilliseconds(), .value = payload};
      }
      producer.Send(partitions[turn % partitions.size()].index, records, turn);
      sent += static_cast<double>(records.size());
      do {
        const bool full = producer.outstanding() >= setup_.outstanding_max;
        KRONIKA_TRY(producer.Poll(client::Milliseconds(full ? 100 : 0)));
      } while (producer.outstanding() >= setup_.outstanding_max);
      if (setup_.records_per_second <= 0) continue;
      const std::chrono::duration<double> due(sent / setup_.records_per_second);
      const auto next = began + std::chrono::duration_cast<client::Moment::duration>(due);
      while (client::Now() < next) {
        const auto wait = std::min(client::Left(next), client::Milliseconds(20));
        if (producer.outstanding() == 0) {
          client::Pause(wait);
        } else {
          KRONIKA_TRY(producer.Poll(wait));
        }
      }
    }
    return producer.Flush();
  }

  const ProduceSetup& setup_;
  Counters& counters_;
  Share& share_;
};

std::vector<Fact> Rates(std::uint64_t records, std::uint64_t bytes, double seconds) {
  return {{"records", std::to_string(records)},
          {"records_per_second", Decimal(static_cast<double>(records) / seconds)},
          {"mb_per_second", Decimal(static_cast<double>(bytes) / 1e6 / seconds)}};
}

void PrintResult(Format format, const std::vector<Fact>& facts) {
  std::string line;
  for (const auto& [name, value] : facts) {
    if (format == Format::kJson) {
      line += fmt::format("{}\"{}\":{}", line.empty() ? "{" : ",", name, value);
    } else {
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", name, value);
    }
  }
  PrintLine(format == Format::kJson ? line + "}" : line);
}

// Shows progress until all producers have ended.
void Watch(const Counters& counters) {
  Progress progress;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  auto since = client::Now();
  while (counters.left > 0) {
    client::Pause(client::Milliseconds(20));
    if (!progress.due()) continue;
    const std::chrono::duration<double> spent = client::Now() - since;
    since = client::Now();
    const std::uint64_t records_now = counters.records;
    const std::uint64_t bytes_now = counters.bytes;
    progress.Show(Rates(records_now - records, bytes_now - bytes, spent.count()));
    records = records_now;
    bytes = bytes_now;
  }
  progress.Finish();
}

int BenchProduce(const Arguments& arguments) {
  auto client = ReadClientSetup(arguments);
  if (!client) return UsageError(client.error());
  auto setup = ReadProduceSetup(arguments, *client);
  if (!setup) return UsageError(setup.error());
  auto seconds = ReadNumber(arguments, "--seconds", {.first = 1, .last = 1'000'000});
  if (!seconds) return UsageError(seconds.error());
  // What is missing now would only be waited for by every producer.
  Cluster cluster(setup->client);
  if (auto topic = cluster.DescribeTopic(setup->topic); !topic)
    return OperationError(topic.error());
  Counters counters;
  counters.left = setup->producers;
  std::vector<Share> shares(setup->producers);
  const auto began = client::Now();
  setup->end = began + std::chrono::seconds(*seconds);
  {
    const client::Crew crew(
        setup->producers, [&](std::size_t i) { BenchProducer(*setup, counters, shares[i]).Run(); });
    Watch(counters);
  }
  const std::chrono::duration<double> spent = client::Now() - began;
  client::Histogram all;
  for (const auto& share : shares) all.Merge(share.latencies);
  auto facts = Rates(counters.records, counters.bytes, spent.count());
  facts.emplace_back("failed", std::to_string(counters.failed));
  for (const auto& [name, fraction] :
       {std::pair{"p50_ms", 0.5}, {"p99_ms", 0.99}, {"p999_ms", 0.999}, {"max_ms", 1.0}}) {
    facts.emplace_back(name,
                       fmt::format("{:.3f}", static_cast<double>(all.Percentile(fraction)) / 1e3));
  }
  PrintResult(client->format, facts);
  for (const auto& share : shares) {
    if (share.error) return OperationError(*share.error);
  }
  return kExitOk;
}

int BenchConsume(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  Cluster cluster(setup->options);
  const std::string& topic = arguments.Text("--topic");
  const auto deadline = client::Now() + setup->options.request_timeout;
  auto starts = client::ListOffsets(cluster, topic, client::kStartOfLog, deadline);
  if (!starts) return OperationError(starts.error());
  const auto ends = client::ListOffsets(cluster, topic, client::kEndOfLog, deadline);
  if (!ends) return OperationError(ends.error());
  client::TopicReader reader(cluster, topic, std::move(*starts));
  reader.limits.bytes_max = 32 << 20;
  reader.limits.partition_bytes_max = 4 << 20;
  std::uint64_t records = 0;
  const auto began = client::Now();
  Progress progress;
  auto spent = [&] { return std::chrono::duration<double>(client::Now() - began).count(); };
  auto ended = [&] {
    for (const auto& [partition, position] : reader.positions()) {
      if (position < ends->at(partition)) return false;
    }
    return true;
  };
  while (!ended()) {
    auto round = reader.Round([&](std::int32_t, const auto&, const auto&) { ++records; });
    if (!round) return OperationError(round.error());
    if (progress.due()) progress.Show(Rates(records, reader.bytes(), spent()));
  }
  progress.Finish();
  PrintResult(setup->format, Rates(records, reader.bytes(), spent()));
  return kExitOk;
}

constexpr Option kTopic{
    .name = "--topic", .value = "TOPIC", .help = "An existing topic", .required = true};

}  // namespace

CommandList BenchCommands() {
  return {
      {.noun = "bench",
       .verb = "produce",
       .help = "Write records for a time; print the rate and the latencies of batches",
       .options = WithClientOptions(
           {kTopic,
            {.name = "--seconds", .value = "N", .help = "How long", .default_value = "10"},
            {.name = "--producers", .value = "N", .help = "A thread each", .default_value = "1"},
            {.name = "--rate",
             .value = "N",
             .help = "Records a second of all together; 0: as fast as it goes",
             .default_value = "0"},
            {.name = "--value-bytes",
             .value = "N",
             .help = "Of each record",
             .default_value = "1024"},
            {.name = "--batch-records",
             .value = "N",
             .help = "In each batch",
             .default_value = "16"},
            {.name = "--outstanding",
             .value = "N",
             .help = "Batches of one producer that are not acknowledged",
             .default_value = "64"},
            {.name = "--in-flight",
             .value = "N",
             .help = "Requests of one producer to one broker without an answer",
             .default_value = "5"},
            {.name = "--acks", .value = "N", .help = "-1, 0 or 1", .default_value = "-1"},
            {.name = "--plain", .help = "Without idempotence, also with acks -1"},
            {.name = "--compression",
             .short_name = "-z",
             .value = "CODEC",
             .help = "none, gzip, snappy, lz4 or zstd",
             .default_value = "none"}}),
       .run = &BenchProduce},
      {.noun = "bench",
       .verb = "consume",
       .help = "Read a topic from its start to its end once; print the rate",
       .options = WithClientOptions({kTopic}),
       .run = &BenchConsume}};
}

}  // namespace kronika::cmd
