// PartitionLog: appends and accessors; the operations are in files of their own. See
// partition_log.h.
#include "wal/log/partition_log.h"

#include <utility>

#include "base/check.h"
#include "wal/log/log_core.h"

namespace kronika::wal {

LogCore::LogCore(LogEnvironment e, LogOptions o, Manifest m)
    : environment(e),
      options(o),
      epochs(m.epochs),
      epochs_on_disk(m.epochs),
      log_start_offset(m.log_start_offset),
      end_offset(m.end_offset),
      written_offset(m.end_offset),
      last_index(m.applied),
      durable(m.applied),
      tail(e.tail_cache),
      directory_synced(!m.segments.empty()) {
  const Segment::Place place{m.directory, m.group, options.index_interval_bytes};
  for (const auto& segment : m.segments)
    segments.push_back(std::make_shared<Segment>(place, segment));
  identity = std::move(m);
}

PartitionLog::PartitionLog(LogEnvironment environment, LogOptions options, Manifest manifest)
    : core_(std::make_shared<LogCore>(environment, options, std::move(manifest))) {}

PartitionLog::~PartitionLog() {
  if (!core_->closed) core_->Shut();
}

Status PartitionLog::Append(Slice batch, Index index, std::int64_t append_time_ms) {
  LogCore& core = *core_;
  KRONIKA_CHECK(index > core.last_index, "entries are applied in order, once");
  const auto header = ParseBatchHeader(batch.bytes());
  if (!header) return std::unexpected(header.error());
  if (header->total_bytes != batch.size() || header->last_offset_delta < 0 || header->magic != 2) {
    return Fail(ErrorCode::kCorruption, "an entry is not one record batch",
                core.identity.directory);
  }
  if (header->base_offset != core.end_offset) {
    return Fail(ErrorCode::kCorruption,
                "a batch has offset " + std::to_string(header->base_offset) + " and not " +
                    std::to_string(core.end_offset),
                core.identity.directory);
  }
  core.last_index = index;
  core.end_offset = header->next_offset();
  core.tail.Append(batch, header->base_offset, core.end_offset);
  core.pending_bytes += batch.size();
  core.pending.push_back(
      {std::move(batch), *header, index, append_time_ms, core.environment.loop.Now()});
  core.Pump();
  return {};
}

void PartitionLog::SkipTo(std::int64_t offset) {
  LogCore& core = *core_;
  KRONIKA_CHECK(offset >= core.end_offset);
  core.end_offset = offset;
  core.sparse_appends = true;
  if (!core.segments.empty()) core.segments.back()->MarkSparse();
  if (core.pending.empty()) core.written_offset = offset;
}

void PartitionLog::BeginEpoch(std::int32_t epoch) {
  core_->epochs.Begin(epoch, core_->end_offset);
}

void PartitionLog::SetDurable(Index index) {
  if (index <= core_->durable) return;
  core_->durable = index;
  core_->Pump();
}

void PartitionLog::SetLogStart(std::int64_t offset) {
  if (offset <= core_->log_start_offset) return;
  KRONIKA_CHECK(offset <= core_->end_offset);
  core_->log_start_offset = offset;
  core_->epochs.CutFront(offset);
}

void PartitionLog::SetOptions(LogOptions options) {
  core_->options = options;
}

void PartitionLog::ExpectReads(bool expected) {
  core_->expects_reads = expected;
}

std::int64_t PartitionLog::log_start_offset() const {
  return core_->log_start_offset;
}
std::int64_t PartitionLog::end_offset() const {
  return core_->end_offset;
}
std::int64_t PartitionLog::written_offset() const {
  return core_->written_offset;
}
const LeaderEpochs& PartitionLog::epochs() const {
  return core_->epochs;
}
EpochEnd PartitionLog::EndOfEpoch(std::int32_t epoch) const {
  return core_->epochs.EndOf(epoch, core_->end_offset);
}
const std::optional<Error>& PartitionLog::failure() const {
  return core_->failure;
}
std::size_t PartitionLog::pending_bytes() const {
  return core_->pending_bytes;
}

bool PartitionLog::ReadFromMemory(const ReadLimits& limits, BatchRange& range) {
  return core_->tail.Read(limits, range);
}

void PartitionLog::WhenPendingBelow(std::size_t bytes, Done<void> done) {
  core_->drain_waiters.push_back({bytes, std::move(done)});
  core_->environment.loop.Post([core = core_] { core->WakeDrained(); });
}

void PartitionLog::WriteAged() {
  LogCore& core = *core_;
  if (core.pending.empty()) return;
  if (core.environment.loop.Now() - core.pending.front().since < core.options.chunk_age) return;
  core.flush_to = core.end_offset;
  core.Pump();
}

}  // namespace kronika::wal
