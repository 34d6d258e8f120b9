// Reading records; see fetcher.h.
#include "cmd/client/fetcher.h"

#include "proto/kafka/fetch.h"

namespace kronika::client {
namespace {

using kafka::KafkaError;

constexpr kafka::VersionRange kWithTopicNames{11, 12};
constexpr kafka::VersionRange kWithTopicIds{11, 17};

bool HealedByNewMetadata(KafkaError error) {
  switch (error) {
    case KafkaError::kNotLeaderOrFollower:
    case KafkaError::kLeaderNotAvailable:
    case KafkaError::kReplicaNotAvailable:
    case KafkaError::kFencedLeaderEpoch:
    case KafkaError::kUnknownLeaderEpoch:
    case KafkaError::kUnknownTopicId:
    case KafkaError::kUnknownTopicOrPartition:
    case KafkaError::kOffsetNotAvailable:
    case KafkaError::kKafkaStorageError:
      return true;
    default:
      return false;
  }
}

}  // namespace

Status SendFetch(Connection& connection, const FetchCall& call, Moment deadline) {
  const auto wanted = call.topic_id.IsZero() ? kWithTopicNames : kWithTopicIds;
  auto version = connection.VersionOf(kafka::ApiKey::kFetch, wanted);
  if (!version) return std::unexpected(std::move(version).error());
  kafka::FetchRequest request;
  request.max_wait_ms = static_cast<std::int32_t>(call.wait_max.count());
  request.min_bytes = call.bytes_min;
  request.max_bytes = call.bytes_max;
  auto& topic = request.topics.emplace_back();
  topic.topic = call.topic;
  topic.topic_id = call.topic_id;
  for (const auto& each : call.partitions) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition = each.partition;
    partition.fetch_offset = each.offset;
    partition.partition_max_bytes = call.partition_bytes_max;
  }
  return connection.Send(request, *version, deadline);
}

Result<std::vector<Fetched>> ReceiveFetch(Connection& connection, Moment deadline) {
  auto answer = connection.Receive<kafka::FetchResponse>(deadline);
  if (!answer) return std::unexpected(std::move(answer).error());
  if (answer->error_code != KafkaError::kNone) {
    return std::unexpected(FromKafka(answer->error_code, connection.address().Describe()));
  }
  std::vector<Fetched> out;
  for (const auto& topic : answer->responses) {
    for (const auto& each : topic.partitions) {
      out.push_back({.partition = each.partition_index,
                     .error = each.error_code,
                     .high_watermark = each.high_watermark,
                     .log_start_offset = each.log_start_offset,
                     .records = each.records ? Flatten(*each.records) : Slice()});
    }
  }
  return out;
}

Result<RecordsRead> ReadRecords(const Slice& records, std::int64_t from,
                                const OnRecord& on_record) {
  RecordsRead out{.next_offset = from};
  for (Bytes left = records.bytes(); left.size() >= wal::kBatchHeaderBytes;) {
    const auto size = wal::ParseBatchHeader(left);
    if (!size) return std::unexpected(size.error());
    if (size->total_bytes > left.size()) break;
    const std::string where = "batch at offset " + std::to_string(size->base_offset);
    const auto header = wal::ParseCheckedBatch(left);
    if (!header) return Fail(ErrorCode::kCorruption, header.error().text, where);
    const Bytes batch = left.first(header->total_bytes);
    wal::RecordReader reader(batch, *header);
    for (;;) {
      const auto record = reader.Next();
      if (!record) return Fail(ErrorCode::kCorruption, record.error().text, where);
      if (*record == nullptr) break;
      if ((*record)->offset < from) continue;
      ++out.records;
      on_record(*header, **record);
    }
    out.next_offset = std::max(out.next_offset, header->next_offset());
    left = left.subspan(header->total_bytes);
  }
  return out;
}

std::map<std::int32_t, FetchCall> TopicReader::ByLeader() const {
  std::map<std::int32_t, FetchCall> calls;
  for (const auto& [index, offset] : positions_) {
    const auto* partition = info_.Find(index);
    if (partition == nullptr || partition->leader < 0) continue;
    auto [call, is_new] = calls.try_emplace(partition->leader, limits);
    call->second.topic = topic_;
    call->second.topic_id = info_.id;
    call->second.partitions.push_back({.partition = index, .offset = offset});
  }
  return calls;
}

Status TopicReader::Round(const OnPartitionRecord& on_record) {
  if (stale_) {
    auto info = cluster_.DescribeTopic(topic_);
    if (!info) return NobodyTells(std::move(info).error());
    info_ = std::move(*info);
    stale_ = false;
  }
  trouble_.reset();
  const auto calls = ByLeader();
  std::vector<std::int32_t> asked;
  for (const auto& [leader, call] : calls) {
    auto connection = cluster_.To(leader);
    if (!connection && connection.error().code == ErrorCode::kUnsupported) {
      return std::unexpected(std::move(connection).error());
    }
    Status sent = connection
                      ? SendFetch(**connection, call, Now() + cluster_.options().request_timeout)
                      : std::unexpected(connection.error());
    if (sent) {
      asked.push_back(leader);
    } else {
      LoseLeader(leader, sent.error());
    }
  }
  for (const auto leader : asked) {
    auto connection = cluster_.To(leader);
    if (!connection) continue;
    auto answer = ReceiveFetch(**connection, Now() + cluster_.options().request_timeout);
    if (!answer) {
      LoseLeader(leader, answer.error());
      continue;
    }
    for (const auto& fetched : *answer) KRONIKA_TRY(Take(fetched, on_record));
  }
  if (asked.empty()) stale_ = true;
  EndRound();
  return {};
}

// Brokers that are away for a moment are trouble of this round; an answer is final.
Status TopicReader::NobodyTells(Error why) {
  switch (why.code) {
    case ErrorCode::kIo:
    case ErrorCode::kTimedOut:
    case ErrorCode::kUnavailable:
      trouble_ = std::move(why);
      AskAgainLater();
      return {};
    default:
      return std::unexpected(std::move(why));
  }
}

void TopicReader::LoseLeader(std::int32_t leader, const Error& why) {
  cluster_.Drop(leader);
  stale_ = true;
  Trouble({why.code,
           "its leader, broker " + std::to_string(leader) + ", does not answer: " + why.Describe(),
           "topic " + topic_});
}

void TopicReader::Trouble(Error why) {
  if (!trouble_) trouble_ = std::move(why);
}

void TopicReader::EndRound() {
  for (const auto& [index, offset] : positions_) {
    const auto* partition = info_.Find(index);
    if (partition != nullptr && partition->leader >= 0) continue;
    stale_ = true;
    Trouble({ErrorCode::kUnavailable, "the partition has no leader",
             topic_ + "-" + std::to_string(index)});
  }
  if (!trouble_) {
    stuck_since_.reset();
    if (stale_) Pause(cluster_.options().retry_pause);
    return;
  }
  AskAgainLater();
}

void TopicReader::AskAgainLater() {
  if (!stuck_since_) stuck_since_ = Now();
  cluster_.PauseAfter(*trouble_);
}

std::optional<Error> TopicReader::StuckFor(Milliseconds patience) const {
  if (!stuck_since_ || Now() - *stuck_since_ < patience) return std::nullopt;
  return trouble_;
}

Status TopicReader::Take(const Fetched& fetched, const OnPartitionRecord& on_record) {
  const std::string where = topic_ + "-" + std::to_string(fetched.partition);
  if (HealedByNewMetadata(fetched.error)) {
    stale_ = true;
    Trouble(FromKafka(fetched.error, where));
    return {};
  }
  if (fetched.error == KafkaError::kOffsetOutOfRange) {
    return Fail(ErrorCode::kNotFound,
                "the partition has no record at offset " +
                    std::to_string(positions_[fetched.partition]) +
                    " any more, or not yet; `kronika topic describe` shows its offsets",
                where);
  }
  if (fetched.error != KafkaError::kNone) return std::unexpected(FromKafka(fetched.error, where));
  high_watermarks_[fetched.partition] = fetched.high_watermark;
  bytes_ += fetched.records.size();
  std::int64_t& position = positions_[fetched.partition];
  auto read = ReadRecords(fetched.records, position, [&](const auto& header, const auto& record) {
    if (!header.control()) on_record(fetched.partition, header, record);
  });
  if (!read) {
    Error error = std::move(read).error();
    error.where = where + " " + error.where;
    return std::unexpected(std::move(error));
  }
  position = read->next_offset;
  return {};
}

}  // namespace kronika::client
