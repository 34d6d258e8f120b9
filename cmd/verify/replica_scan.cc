// Reading replicas; see replica_scan.h.
#include "cmd/verify/replica_scan.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "cmd/client/admin.h"
#include "cmd/client/fetcher.h"

namespace kronika::verify {
namespace {

using kafka::KafkaError;

std::uint32_t AddNumber(std::uint32_t crc, std::int64_t number) {
  std::byte raw[8];
  StoreBe(raw, number);
  return crc32c::Extend(crc, raw);
}

std::uint32_t AddText(std::uint32_t crc, const std::optional<Bytes>& text) {
  crc = AddNumber(crc, text ? static_cast<std::int64_t>(text->size()) : -1);
  return text ? crc32c::Extend(crc, *text) : crc;
}

// Of all that replicas must agree on at an offset.
std::uint32_t DigestOf(const wal::BatchHeader& batch, const wal::RecordView& record) {
  std::uint32_t crc = AddNumber(0, record.timestamp);
  crc = AddNumber(crc, batch.leader_epoch);
  crc = AddNumber(crc, batch.producer_id);
  crc = AddText(crc, record.key);
  crc = AddText(crc, record.value);
  return crc32c::Extend(crc, record.header_bytes);
}

struct Replica {
  std::int32_t partition = 0;
  std::int32_t broker = 0;
  std::int64_t from = 0;
  std::int64_t to = 0;  // the leader's end
};

class ReplicaScan {
 public:
  ReplicaScan(client::Cluster& cluster, const client::TopicInfo& topic, const Replica& replica,
              Checker& checker)
      : cluster_(cluster), topic_(topic), replica_(replica), checker_(checker) {}

  void Run(client::Milliseconds settle, const OnProgress& on_progress) {
    checker_.BeginReplica(replica_.partition, replica_.broker);
    position_ = replica_.from;
    client::Moment deadline = client::Now() + settle;
    while (position_ < replica_.to && !damaged_) {
      const auto before = position_;
      ReadSome();
      if (position_ > before) {
        deadline = client::Now() + settle;
        on_progress({replica_.partition, replica_.broker, checker_.records_read()});
      } else if (!damaged_) {
        if (client::Left(deadline) == client::Milliseconds(0)) {
          ReportStuck();
          break;
        }
        client::Pause(client::Milliseconds(50));
      }
    }
    checker_.EndReplica(position_);
  }

 private:
  void ReadSome() {
    const auto deadline = client::Now() + cluster_.options().request_timeout;
    auto connection = cluster_.To(replica_.broker);
    if (!connection) {
      NotRead(std::move(connection).error(), false);
      // A broker that comes back is named again, perhaps at another address.
      return IgnoreError(cluster_.DescribeTopic(topic_.name), "asked again in the next round");
    }
    client::FetchCall call{.topic = topic_.name, .topic_id = topic_.id};
    call.partitions = {{.partition = replica_.partition, .offset = position_}};
    call.partition_bytes_max = call.bytes_max;
    if (auto sent = client::SendFetch(**connection, call, deadline); !sent) {
      return NotRead(std::move(sent).error(), true);
    }
    auto answer = client::ReceiveFetch(**connection, deadline);
    if (!answer) return NotRead(std::move(answer).error(), true);
    for (const auto& fetched : *answer) Take(fetched);
  }

  void NotRead(Error error, bool connected) {
    if (connected) cluster_.Drop(replica_.broker);
    last_error_ = error.Describe();
  }

  void Take(const client::Fetched& fetched) {
    last_error_.clear();
    if (fetched.error != KafkaError::kNone) {
      // A follower whose log ends before this offset says so; it may come.
      if (fetched.error != KafkaError::kOffsetOutOfRange) {
        last_error_ = client::FromKafka(fetched.error, "").text;
      }
      return;
    }
    high_watermark_ = fetched.high_watermark;
    auto read = client::ReadRecords(
        fetched.records, position_, [this](const auto& batch, const auto& record) {
          position_ = record.offset + 1;
          checker_.Add({.offset = record.offset,
                        .value = record.value ? AsText(*record.value) : std::string_view(),
                        .digest = DigestOf(batch, record),
                        .control = batch.control()});
        });
    if (read) {
      position_ = read->next_offset;
      return;
    }
    damaged_ = true;
    Report(FindingKind::kDamaged, read.error().where + ": " + read.error().text);
  }

  void ReportStuck() {
    if (!last_error_.empty()) return Report(FindingKind::kUnreadable, last_error_);
    Report(FindingKind::kBehind, "it has records below offset " + std::to_string(position_) +
                                     " of " + std::to_string(replica_.to) + ", high watermark " +
                                     std::to_string(high_watermark_));
  }

  void Report(FindingKind kind, std::string text) {
    checker_.Report({.kind = kind,
                     .broker = replica_.broker,
                     .partition = replica_.partition,
                     .offset = position_,
                     .text = std::move(text)});
  }

  client::Cluster& cluster_;
  const client::TopicInfo& topic_;
  const Replica replica_;
  Checker& checker_;
  std::int64_t position_ = 0;
  std::int64_t high_watermark_ = -1;
  std::string last_error_;
  bool damaged_ = false;
};

// Up to where a partition without a leader must reach at the least.
std::int64_t AcknowledgedEnd(const History& history, std::int32_t partition) {
  std::int64_t end = 0;
  for (const auto& event : history.events) {
    if (event.partition != partition || event.offset < 0) continue;
    end = std::max(end, event.offset + event.last - event.first + 1);
  }
  return end;
}

}  // namespace

Status ScanReplicas(client::Cluster& cluster, const History& history, const ScanOptions& options,
                    Checker& checker, const OnProgress& on_progress) {
  const auto known = client::ListKnownOffsets(cluster, history.topic, client::kEndOfLog,
                                              client::Now() + options.settle);
  // With or without a leader: a partition's replicas are read all the same.
  auto topic = cluster.DescribeTopic(history.topic);
  if (!topic) return std::unexpected(std::move(topic).error());
  for (const auto& partition : topic->partitions) {
    const auto start = history.starts.find(partition.index);
    if (start == history.starts.end()) continue;
    const auto end = known.offsets.find(partition.index);
    const bool has_end = end != known.offsets.end();
    if (!has_end) {
      checker.Report({.kind = FindingKind::kUnreadable,
                      .broker = partition.leader,
                      .partition = partition.index,
                      .text = "no leader tells its end: " + known.error->Describe()});
    }
    for (const auto broker : partition.replicas) {
      if (options.leaders_only && broker != partition.leader) continue;
      const Replica replica{
          .partition = partition.index,
          .broker = broker,
          .from = start->second,
          .to = has_end ? end->second : AcknowledgedEnd(history, partition.index)};
      ReplicaScan(cluster, *topic, replica, checker).Run(options.settle, on_progress);
    }
  }
  return {};
}

}  // namespace kronika::verify
