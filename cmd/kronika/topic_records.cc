// Lines to records and back; see topic_records.h.
//
// 1. produce ends with 0 only if every line was acknowledged. With a separator every line needs a
//    key: the first one without it ends the command.
// 2. Lines with the same key go to the same partition (CRC-32C of the key), lines without one to
//    the next in turn.
#include "cmd/kronika/topic_records.h"

#include <cstdio>
#include <deque>
#include <iostream>
#include <map>
#include <optional>

#include "base/crc32c.h"
#include "cmd/client/producer.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/health_view.h"
#include "cmd/kronika/wait_notice.h"

namespace kronika::cmd {
namespace {

using client::Cluster;

constexpr std::size_t kOutstandingMax = 200;  // batches
constexpr int kFailuresTold = 10;
constexpr std::size_t kBatchBytes = 16 << 10;

struct ProduceSetup {
  std::string topic;
  std::string key_separator;  // empty: no keys
  std::optional<std::int32_t> partition;
  std::vector<std::pair<std::string, std::string>> headers;
  client::ProducerOptions producer;
};

Result<ProduceSetup> ReadProduceSetup(const Arguments& arguments) {
  ProduceSetup out{.topic = arguments.Text("TOPIC"),
                   .key_separator = arguments.Text("--key-separator")};
  if (arguments.Has("--key-separator") && out.key_separator.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "an empty text separates nothing", "--key-separator");
  }
  auto codec = ReadCodec(arguments, "--compression");
  if (!codec) return std::unexpected(std::move(codec).error());
  out.producer.codec = *codec;
  auto acks = ReadNumber(arguments, "--acks", {.first = -1, .last = 1});
  if (!acks) return std::unexpected(std::move(acks).error());
  out.producer.acks = static_cast<std::int16_t>(*acks);
  out.producer.idempotent = *acks == -1;
  if (arguments.Has("--partition")) {
    auto partition = ReadNumber(arguments, "--partition", {.last = INT32_MAX});
    if (!partition) return std::unexpected(std::move(partition).error());
    out.partition = static_cast<std::int32_t>(*partition);
  }
  for (const auto& header : arguments.List("--header")) {
    auto pair = SplitPair(header, '=');
    if (!pair) return std::unexpected(std::move(pair).error());
    out.headers.push_back(std::move(*pair));
  }
  return out;
}

wal::NewRecord RecordOf(const ProduceSetup& setup, std::string_view line) {
  wal::NewRecord record{.timestamp = client::WallMilliseconds(), .value = line};
  if (!setup.key_separator.empty()) {
    const auto at = line.find(setup.key_separator);
    if (at != std::string_view::npos) {
      record.key = line.substr(0, at);
      record.value = line.substr(at + setup.key_separator.size());
    }
  }
  for (const auto& [key, value] : setup.headers) record.headers.emplace_back(key, value);
  return record;
}

// Lines of one partition that will be one batch.
struct Waiting {
  std::deque<std::string> lines;  // what the records view; a deque moves none of them
  std::vector<wal::NewRecord> records;
  std::size_t bytes = 0;
  std::uint64_t first_line = 0;
};

class LineSender {
 public:
  LineSender(client::Producer& producer, const ProduceSetup& setup)
      : producer_(producer), setup_(setup) {}

  // Lines that are there already share batches; a line that is typed goes out at once.
  Status SendAll() {
    std::string line;
    while (std::getline(std::cin, line)) {
      if (auto added = Add(std::move(line)); !added) {
        SendWaiting();
        KRONIKA_TRY(producer_.Flush());
        return added;
      }
      const bool more_waits = std::cin.rdbuf()->in_avail() > 0;
      if (!more_waits) SendWaiting();
      do {
        KRONIKA_TRY(producer_.Poll(client::Milliseconds(0)));
      } while (producer_.outstanding() >= kOutstandingMax);
      if (!more_waits) KRONIKA_TRY(producer_.Flush());
    }
    SendWaiting();
    return producer_.Flush();
  }

 private:
  // kInvalidArgument: no key where every line has one.
  Status Add(std::string line) {
    ++line_number_;
    if (line.find(setup_.key_separator) == std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument,
                  "line " + std::to_string(line_number_) + " has no '" + setup_.key_separator +
                      "' behind a key; what stands before it was written",
                  "--key-separator");
    }
    const auto partition = PartitionOf(RecordOf(setup_, line));
    Waiting& waiting = waiting_[partition];
    if (waiting.records.empty()) waiting.first_line = line_number_;
    waiting.bytes += line.size();
    waiting.lines.push_back(std::move(line));
    waiting.records.push_back(RecordOf(setup_, waiting.lines.back()));
    if (waiting.bytes >= kBatchBytes) SendWaiting(partition, waiting);
    return {};
  }

  std::int32_t PartitionOf(const wal::NewRecord& record) {
    const auto count = static_cast<std::uint32_t>(producer_.topic().partitions.size());
    if (setup_.partition) return *setup_.partition;
    const std::uint32_t chosen = record.key ? crc32c::Value(AsBytes(*record.key)) : turn_++;
    return static_cast<std::int32_t>(chosen % count);
  }

  void SendWaiting(std::int32_t partition, Waiting& waiting) {
    if (!waiting.records.empty()) producer_.Send(partition, waiting.records, waiting.first_line);
    waiting = {};
  }
  void SendWaiting() {
    for (auto& [partition, waiting] : waiting_) SendWaiting(partition, waiting);
  }

  client::Producer& producer_;
  const ProduceSetup& setup_;
  std::map<std::int32_t, Waiting> waiting_;
  std::uint64_t line_number_ = 0;
  std::uint32_t turn_ = 0;
};

}  // namespace

int RunTopicProduce(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto produce = ReadProduceSetup(arguments);
  if (!produce) return UsageError(produce.error());
  std::ios::sync_with_stdio(false);
  produce->producer.delivery_timeout = PatienceOf(setup->options);
  setup->options.waits = WaitNotice();
  Cluster cluster(setup->options);
  std::uint64_t acknowledged = 0;
  std::uint64_t failed = 0;
  int failures_told = 0;
  std::optional<Error> last_failure;
  auto on_delivery = [&](const client::Delivery& delivery) {
    (delivery.error ? failed : acknowledged) += delivery.records;
    if (delivery.error) last_failure = delivery.error;
    if (!delivery.error || ++failures_told > kFailuresTold) return;
    std::fprintf(stderr, "kronika: from line %llu on: %s\n",
                 static_cast<unsigned long long>(delivery.tag), delivery.error->Describe().c_str());
  };
  client::Producer producer(cluster, produce->topic, produce->producer, on_delivery);
  if (auto started = producer.Start(client::Now() + setup->options.request_timeout); !started) {
    return TopicError(setup->options, produce->topic, started.error());
  }
  if (produce->partition && producer.topic().Find(*produce->partition) == nullptr) {
    return UsageError(
        {ErrorCode::kInvalidArgument,
         "the topic has only " + std::to_string(producer.topic().partitions.size()) + " partitions",
         "--partition"});
  }
  const Status sent = LineSender(producer, *produce).SendAll();
  std::fprintf(stderr, "%llu records acknowledged, %llu not\n",
               static_cast<unsigned long long>(acknowledged),
               static_cast<unsigned long long>(failed));
  if (!sent) return TopicError(setup->options, produce->topic, sent.error());
  if (!last_failure) return kExitOk;
  last_failure->text = "not every record was acknowledged; last: " + last_failure->text;
  return TopicError(setup->options, produce->topic, *last_failure);
}

std::vector<Option> ProduceOptions(const Option& topic) {
  return {topic,
          {.name = "--partition", .value = "N", .help = "All records go to this partition"},
          {.name = "--key-separator",
           .short_name = "-K",
           .value = "TEXT",
           .help = "What stands in a line before it is the record's key"},
          {.name = "--header",
           .short_name = "-H",
           .value = "KEY=VALUE",
           .help = "A header of each record; may be given again",
           .repeated = true},
          {.name = "--compression",
           .short_name = "-z",
           .value = "CODEC",
           .help = "none, gzip, snappy, lz4 or zstd",
           .default_value = "none"},
          {.name = "--acks",
           .value = "N",
           .help = "-1: all in-sync replicas (and idempotent); 1: the leader; 0: none",
           .default_value = "-1"}};
}

}  // namespace kronika::cmd
