// Reading: fetches of any replica, offset queries of the leader.
#include <algorithm>
#include <utility>

#include "base/planted.h"
#include "broker/partition/raft_partition.h"

namespace kronika::broker {

void RaftPartition::Read(ReadRequest request, ReadDone done) {
  ReadResult out{.high_watermark = high_watermark(), .last_stable_offset = high_watermark()};
  if (!log_) {
    out.error = KafkaError::kNotLeaderOrFollower;
    return done(std::move(out));
  }
  out.log_start_offset = log_->log_start_offset();
  std::int64_t end = leads() ? std::max(appended_end_, out.high_watermark) : out.high_watermark;
  if (request.offset < out.log_start_offset || request.offset > end) {
    return RefuseOffset(request.offset > end, std::move(out), std::move(done));
  }
  if (request.offset >= out.high_watermark) return done(std::move(out));
  wal::ReadLimits limits{.bytes_max = request.bytes_max, .at_least_one = request.first_batch_whole};
  wal::BatchRange range{.next_offset = request.offset};
  log_->ReadFromMemory(limits, range);
  if (range.bytes > 0) {
    out.records = std::move(range.batches);
    return done(std::move(out));
  }
  log_->Read(request.offset, limits,
             [this, alive = std::weak_ptr(alive_), out = std::move(out),
              done = std::move(done)](Result<wal::BatchRange> read) mutable {
               // Without a log an install takes its place, and what is told of its end is older.
               const bool open = alive.lock() && (log_ || KRONIKA_PLANTED("reads-during-a-swap"));
               if (!open) {
                 out.error = KafkaError::kNotLeaderOrFollower;
               } else if (!read) {
                 LookAt(read.error());
                 out.error = read.error().code == ErrorCode::kInvalidArgument
                                 ? KafkaError::kOffsetOutOfRange
                                 : KafkaError::kKafkaStorageError;
               } else {
                 out.records = std::move(read->batches);
                 // It may have moved meanwhile, and nothing is shown beyond what is told.
                 out.high_watermark = out.last_stable_offset = high_watermark();
               }
               done(std::move(out));
             });
}

// A consumer that is told so goes back to the beginning or skips to the end. A leader that was
// deposed without knowing it lacks what its successor took, so a quorum has to confirm it before it
// says that an offset lies beyond the end (safety rule C1).
void RaftPartition::RefuseOffset(bool beyond_end, ReadResult out, ReadDone done) {
  out.error = KafkaError::kOffsetOutOfRange;
  if (!beyond_end || !leads() || KRONIKA_PLANTED("out-of-range-without-quorum"))
    return done(std::move(out));
  group_->ReadIndex([this, alive = std::weak_ptr(alive_), out = std::move(out),
                     done = std::move(done)](Result<Index> confirmed) mutable {
    if (!confirmed || !alive.lock() || !leads()) out.error = KafkaError::kNotLeaderOrFollower;
    done(std::move(out));
  });
}

void RaftPartition::FindOffset(OffsetQuery query, OffsetDone done) {
  OffsetAnswer answer;
  if (!leads()) {
    answer.error =
        lost_quorum() ? KafkaError::kOffsetNotAvailable : KafkaError::kNotLeaderOrFollower;
    return done(answer);
  }
  answer.leader_epoch = static_cast<std::int32_t>(led_term_.value);
  if (query.kind == OffsetQuery::Kind::kEarliest) {
    answer.offset = log_->log_start_offset();
    return done(answer);
  }
  if (query.kind != OffsetQuery::Kind::kLatest && KRONIKA_PLANTED("time-without-quorum"))
    return FindConfirmedOffset(query, answer, std::move(done));
  // All others promise the latest: the end, the largest time, or that nothing so late is there. So
  // a quorum has to confirm this leader first (SAFETY C1).
  group_->ReadIndex([this, alive = std::weak_ptr(alive_), query, answer,
                     done = std::move(done)](Result<Index> confirmed) mutable {
    if (confirmed && alive.lock() && leads())
      return FindConfirmedOffset(query, answer, std::move(done));
    answer.error = KafkaError::kOffsetNotAvailable;
    done(answer);
  });
}

void RaftPartition::FindConfirmedOffset(OffsetQuery query, OffsetAnswer answer, OffsetDone done) {
  const auto alive = std::weak_ptr(alive_);
  switch (query.kind) {
    case OffsetQuery::Kind::kEarliest:
    case OffsetQuery::Kind::kLatest:
      answer.offset = high_watermark();
      return done(answer);
    case OffsetQuery::Kind::kMaxTimestamp:
      return log_->FindLargestTimestamp([this, alive, answer, done = std::move(done)](
                                            Result<wal::OffsetAndTimestamp> found) mutable {
        if (!found && alive.lock()) LookAt(found.error());
        if (found) {
          answer.offset = found->offset;
          answer.timestamp_ms = found->timestamp;
        } else {
          answer.error = KafkaError::kKafkaStorageError;
        }
        done(answer);
      });
    case OffsetQuery::Kind::kTimestamp:
      return log_->FindTimestamp(query.timestamp_ms,
                                 [this, alive, answer, done = std::move(done)](
                                     Result<std::optional<wal::OffsetAndTimestamp>> found) mutable {
                                   if (!found && alive.lock()) LookAt(found.error());
                                   if (!found) {
                                     answer.error = KafkaError::kKafkaStorageError;
                                   } else if (*found) {
                                     answer.offset = (*found)->offset;
                                     answer.timestamp_ms = (*found)->timestamp;
                                   } else {
                                     answer.leader_epoch = -1;
                                   }
                                   done(answer);
                                 });
  }
  std::unreachable();
}

}  // namespace kronika::broker
