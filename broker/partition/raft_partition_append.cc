// The leader's side of producing: check, stamp, propose, answer.
//
// Budget per batch: no copy (the batch is a slice of the frame it came in), one CRC, one pass over
// the records.
#include <utility>

#include "base/planted.h"
#include "broker/partition/raft_partition.h"

namespace kronika::broker {
namespace {

KafkaError ToKafka(wal::BatchVerdict verdict) {
  switch (verdict) {
    case wal::BatchVerdict::kOk:
      return KafkaError::kNone;
    case wal::BatchVerdict::kNotOneBatch:
    case wal::BatchVerdict::kMagic:
    case wal::BatchVerdict::kBaseOffset:
    case wal::BatchVerdict::kCount:
    case wal::BatchVerdict::kControl:
    case wal::BatchVerdict::kSequence:
    case wal::BatchVerdict::kRecords:
    case wal::BatchVerdict::kOffsetDeltas:
    case wal::BatchVerdict::kKeyMissing:
      return KafkaError::kInvalidRecord;
    case wal::BatchVerdict::kTooLarge:
      return KafkaError::kMessageTooLarge;
    case wal::BatchVerdict::kCrc:
      return KafkaError::kCorruptMessage;
    case wal::BatchVerdict::kCodec:
      return KafkaError::kUnsupportedCompressionType;
    case wal::BatchVerdict::kLargerThanSegment:
      return KafkaError::kRecordListTooLarge;
    case wal::BatchVerdict::kLogAppendTime:
    case wal::BatchVerdict::kTimestamp:
      return KafkaError::kInvalidTimestamp;
  }
  std::unreachable();
}

// Of a proposal.
KafkaError ToKafka(ErrorCode code) {
  if (code == ErrorCode::kNotLeader) return KafkaError::kNotLeaderOrFollower;
  if (code == ErrorCode::kInvalidArgument) return KafkaError::kMessageTooLarge;
  return KafkaError::kNotEnoughReplicas;
}

AppendResult Refused(KafkaError error, std::string_view text) {
  return {.error = error, .text = std::string(text)};
}

constexpr std::int16_t kFirstVersionWithZstd = 7;
constexpr Duration kHoldMax = std::chrono::seconds(1);
constexpr Duration kHoldLook = std::chrono::milliseconds(5);
constexpr std::size_t kHeldBytesMax = std::size_t{16} << 20;  // of one partition
constexpr std::string_view kNoRoom = "the leader's journal has no room for the batch";

}  // namespace

std::optional<AppendResult> RaftPartition::Refuse(Acks acks) const {
  if (lost_quorum() && acks == Acks::kAll) {
    return Refused(KafkaError::kNotEnoughReplicas, "no quorum of replicas answers");
  }
  if (!leads())
    return Refused(KafkaError::kNotLeaderOrFollower, "this broker does not lead the partition");
  if (environment_.disk && environment_.disk->low()) {
    return Refused(KafkaError::kKafkaStorageError,
                   "less is free on the leader's disk than disk_reserve_bytes");
  }
  if (acks == Acks::kAll &&
      InSyncCount() < static_cast<std::size_t>(settings_.min_insync_replicas)) {
    return Refused(KafkaError::kNotEnoughReplicas,
                   "fewer replicas are in sync than min.insync.replicas asks for");
  }
  return std::nullopt;
}

std::optional<AppendResult> RaftPartition::CheckContent(const Slice& batch,
                                                        const AppendRequest& request,
                                                        wal::BatchHeader& header) const {
  wal::BatchLimits limits{
      .message_bytes_max = static_cast<std::size_t>(settings_.message_bytes_max),
      .segment_bytes = static_cast<std::size_t>(settings_.segment_bytes)};
  auto verdict = wal::CheckBatch(batch.bytes(), limits);
  if (verdict != wal::BatchVerdict::kOk) return Refused(ToKafka(verdict), wal::Name(verdict));
  header = *wal::ParseBatchHeader(batch.bytes());
  if (header.transactional()) {
    return Refused(KafkaError::kInvalidRequest, "transactions are not supported by this version");
  }
  if (header.codec() == wal::Codec::kZstd && request.produce_version < kFirstVersionWithZstd) {
    return Refused(KafkaError::kUnsupportedCompressionType, "zstd needs Produce version 7");
  }
  auto records = wal::CheckRecords(batch.bytes(), header, {.key_required = settings_.compacts});
  if (records.verdict == wal::BatchVerdict::kOk) {
    // The records' own, whatever the producer's header claims: searches by time go by it.
    header.max_timestamp = records.max_timestamp;
    return std::nullopt;
  }
  AppendResult out = Refused(ToKafka(records.verdict), wal::Name(records.verdict));
  for (auto index : records.bad_records)
    out.records.push_back({index, std::string(wal::Name(records.verdict))});
  return out;
}

void RaftPartition::Append(AppendRequest request, AppendDone done) {
  if (auto refused = Refuse(request.acks)) return done(std::move(*refused));
  wal::BatchHeader header;
  if (auto refused = CheckContent(request.batch, request, header)) return done(std::move(*refused));
  Held append{std::move(request.batch),           header,   request.acks, std::move(done),
              environment_.loop.Now() + kHoldMax, led_term_};
  if (!held_.empty() || !TryAppend(append)) Hold(std::move(append));
}

void RaftPartition::Hold(Held held) {
  if (held_bytes_ + held.batch.size() > kHeldBytesMax || KRONIKA_PLANTED("no-room-refused-at-once"))
    return held.done(Refused(KafkaError::kNotEnoughReplicas, kNoRoom));
  held_bytes_ += held.batch.size();
  held_.push_back(std::move(held));
  if (held_.size() == 1)
    held_timer_ = environment_.loop.RunAfter(kHoldLook, [this] { PumpHeld(); });
}

void RaftPartition::PumpHeld() {
  environment_.loop.Cancel(held_timer_);
  while (!held_.empty()) {
    Held& first = held_.front();
    auto refused = Refuse(first.acks);
    if (!refused && first.term != led_term_)
      refused = Refused(KafkaError::kNotLeaderOrFollower, "this broker led another term");
    const std::size_t bytes = first.batch.size();
    if (!refused) {
      if (!TryAppend(first)) {
        if (environment_.loop.Now() < first.until) break;
        refused = Refused(KafkaError::kNotEnoughReplicas, kNoRoom);
      }
    }
    AppendDone done = std::move(first.done);
    held_.pop_front();
    held_bytes_ -= bytes;
    if (refused) done(std::move(*refused));
  }
  if (!held_.empty()) held_timer_ = environment_.loop.RunAfter(kHoldLook, [this] { PumpHeld(); });
}

bool RaftPartition::TryAppend(Held& held) {
  wal::BatchHeader& header = held.header;
  Slice batch = held.batch;
  auto verdict = producers_.Check(header, environment_.producer_expiration_ms);
  if (auto* duplicate = std::get_if<ProducerDuplicate>(&verdict)) {
    AnswerDuplicate(*duplicate, held.acks, std::move(held.done));
    return true;
  }
  if (std::holds_alternative<KafkaError>(verdict)) {
    ConfirmRefusal(std::move(held));
    return true;
  }
  AppendResult success{.base_offset = appended_end_, .log_start_offset = log_->log_start_offset()};
  if (settings_.log_append_time) {
    success.log_append_time_ms = environment_.loop.WallNowMs();
    wal::StampTimestamp(batch.mutable_bytes(), wal::TimestampType::kLogAppendTime,
                        success.log_append_time_ms);
  } else {
    wal::StampTimestamp(batch.mutable_bytes(), wal::TimestampType::kCreateTime,
                        header.max_timestamp);
  }
  wal::StampBatch(batch.mutable_bytes(), appended_end_, static_cast<std::int32_t>(led_term_.value));
  header = *wal::ParseBatchHeader(batch.bytes());
  if (KRONIKA_PLANTED("sequence-moved-by-a-refused-proposal")) producers_.Append(Index{}, header);
  auto index = group_->Propose(raft::EntryType::kData, std::move(batch));
  if (!index && index.error().code == ErrorCode::kBusy) return false;
  if (!index) {
    held.done(Refused(ToKafka(index.error().code), index.error().text));
    return true;
  }
  producers_.Append(*index, header);
  appended_end_ = header.next_offset();
  if (held.acks == Acks::kNone) {
    held.done(std::move(success));
  } else {
    pending_.Add({*index, held.acks, std::move(success), std::move(held.done)});
  }
  return true;
}

// Such a refusal ends an idempotent producer for good, and a leader that was deposed without
// knowing it lacks the batches that its successor took. So a quorum has to confirm this leader
// before it says so (safety rule C1).
void RaftPartition::ConfirmRefusal(Held held) {
  group_->ReadIndex([this, alive = std::weak_ptr(alive_),
                     held = std::move(held)](Result<Index> confirmed) mutable {
    if (!alive.lock() || !confirmed || !leads()) {
      return held.done(Refused(KafkaError::kNotLeaderOrFollower, "leadership was not confirmed"));
    }
    auto verdict = producers_.Check(held.header, environment_.producer_expiration_ms);
    if (auto* error = std::get_if<KafkaError>(&verdict)) {
      return held.done(
          Refused(*error, "the producer's epoch or sequence does not follow its last batch here"));
    }
    if (!held_.empty() || !TryAppend(held)) Hold(std::move(held));
  });
}

// The batch is in the log already. Applied: the first answer again, for acks=-1 when what is
// applied is on as many voters as a first answer waits for (SAFETY C9). Only appended: its fate is
// this retry's fate.
void RaftPartition::AnswerDuplicate(const ProducerDuplicate& duplicate, Acks acks,
                                    AppendDone done) {
  ++environment_.counters.duplicates;
  AppendResult success{.base_offset = duplicate.base_offset,
                       .log_append_time_ms = settings_.log_append_time ? duplicate.timestamp : -1,
                       .log_start_offset = log_->log_start_offset()};
  const raft::NodeStatus& status = group_->status();
  const bool applied = !duplicate.appended_at || *duplicate.appended_at <= status.applied;
  const bool answered = acks == Acks::kNone || (applied && acks == Acks::kLeader);
  if (answered || (applied && KRONIKA_PLANTED("duplicate-answered-when-applied")))
    return done(std::move(success));
  const Index at = applied ? status.applied : *duplicate.appended_at;
  pending_.AddRetry({at, acks, std::move(success), std::move(done)});
  AdvancePending(status);
}

}  // namespace kronika::broker
