// Write-behind: committed and durable batches go to the last segment in chunks, one at a time.
//
// A chunk is one write of whole batches. It ends at chunk_bytes_max, at the end of a segment, at
// what is durable in the journal, and at the offset of a checkpoint, so that a manifest never cuts
// a chunk.
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "wal/log/log_core.h"

namespace kronika::wal {
namespace {

// Kafka's segment.index.bytes of 10 MiB in entries of 12 bytes; a fuller index rolls the segment.
constexpr std::size_t kTimeIndexBytesMax = 10 << 20;

}  // namespace

void LogCore::Fail(Error error) {
  failure = std::move(error);
  if (checkpoint) FinishCheckpoint(std::unexpected(*failure));
  WakeDrained();
  Idle();
}

void LogCore::Idle() {
  busy = false;
  if (close && !compacting && !settling) return StartClose();
  Pump();
}

void LogCore::WakeDrained() {
  std::vector<DrainWaiter> over;
  for (auto& waiter : std::exchange(drain_waiters, {})) {
    const bool waits = !closed && !failure && pending_bytes > waiter.bytes;
    (waits ? drain_waiters : over).push_back(std::move(waiter));
  }
  Status status;
  if (failure) status = std::unexpected(*failure);
  if (closed) status = ShutDown();
  for (auto& waiter : over) waiter.done(status);
}

std::size_t LogCore::DurablePending() const {
  if (!pending.empty() && pending.back().index <= durable) return pending_bytes;
  std::size_t out = 0;
  for (const auto& batch : pending) {
    if (batch.index > durable && !KRONIKA_PLANTED("segment-before-journal")) break;
    out += batch.bytes.size();
    if (out >= options.chunk_bytes_min) break;
  }
  return out;
}

bool LogCore::ChunkDue() const {
  if (pending.empty()) return false;
  if (pending.front().index > durable && !KRONIKA_PLANTED("segment-before-journal")) return false;
  return flush_to > written_offset || DurablePending() >= options.chunk_bytes_min;
}

void LogCore::Pump() {
  if (busy || closed || failure || close) return;
  if (checkpoint && written_offset >= checkpoint->end_offset) {
    busy = true;
    return SyncCheckpoint();
  }
  if (!ChunkDue()) return;
  busy = true;
  if (prepared) return WriteChunk();
  PrepareNow([self = shared_from_this()](Status status) {
    if (status) self->WriteChunk();
  });
}

void LogCore::PrepareNow(Done<void> done) {
  Prepare([self = shared_from_this(), done = std::move(done)](Status status) mutable {
    if (self->closed) return done(ShutDown());
    self->prepared = status.has_value();
    if (!status) self->Fail(status.error());
    done(std::move(status));
  });
}

bool LogCore::MustRoll(const PendingBatch& next) const {
  if (segments.empty()) return true;
  Segment& last = *segments.back();
  if (last.bytes() == 0) return false;
  const std::int64_t relative = next.header.last_offset() - last.base_offset();
  const std::size_t index_bytes = last.side(SegmentFile::kTimeIndex).written.bytes +
                                  last.side(SegmentFile::kTimeIndex).pending.size();
  return last.bytes() + next.bytes.size() > options.segment_bytes ||
         next.append_time_ms - last.first_append_time_ms() > options.segment_ms ||
         relative > std::numeric_limits<std::int32_t>::max() || index_bytes >= kTimeIndexBytesMax;
}

void LogCore::WriteChunk() {
  auto opened = [self = shared_from_this()](std::shared_ptr<Segment> segment, auto file) {
    if (self->closed) return;
    if (!file) return self->Fail(std::move(file).error());
    self->WriteTo(std::move(segment), std::move(*file));
  };
  const PendingBatch& next = pending.front();
  if (!MustRoll(next)) {
    auto segment = segments.back();
    return environment.open_files.Get(
        segment->Path(SegmentFile::kLog),
        [segment, opened](auto file) { opened(segment, std::move(file)); });
  }
  if (!segments.empty()) segments.back()->FinishTimeIndex();
  auto segment = std::make_shared<Segment>(
      Segment::Place{identity.directory, identity.group, options.index_interval_bytes},
      next.header.base_offset, next.append_time_ms);
  if (sparse_appends) segment->MarkSparse();
  environment.open_files.Create(segment->Path(SegmentFile::kLog),
                                [this, self = shared_from_this(), segment, opened](auto file) {
                                  if (file && !closed) {
                                    segments.push_back(segment);
                                    names_changed = true;
                                  }
                                  opened(segment, std::move(file));
                                });
}

void LogCore::WriteTo(std::shared_ptr<Segment> segment, std::shared_ptr<File> file) {
  Slices batches;
  std::size_t bytes = 0;
  for (const auto& batch : pending) {
    if (batch.index > durable && !KRONIKA_PLANTED("segment-before-journal")) break;
    const bool full = bytes + batch.bytes.size() > options.chunk_bytes_max ||
                      segment->bytes() + bytes + batch.bytes.size() > options.segment_bytes;
    if (bytes > 0 && full) break;
    if (checkpoint && batch.header.base_offset >= checkpoint->end_offset) break;
    batches.push_back(batch.bytes);
    bytes += batch.bytes.size();
  }
  KRONIKA_CHECK(!batches.empty());
  auto written = [self = shared_from_this(), segment, batches, file](Status status) {
    if (self->closed) return;
    if (!status) return self->Fail(std::move(status).error());
    self->ChunkWritten(segment, batches, file);
  };
  file->ExpectReads(expects_reads);
  file->Write(segment->bytes(), std::move(batches), Durability::kBuffered, std::move(written));
}

void LogCore::ChunkWritten(const std::shared_ptr<Segment>& segment, const Slices& batches,
                           const std::shared_ptr<File>& file) {
  segment->Appended(batches, file);
  for (const Slice& batch : batches) {
    pending_bytes -= batch.size();
    written_offset = pending.front().header.next_offset();
    pending.pop_front();
  }
  // Offsets may have been skipped behind the last batch.
  if (pending.empty()) written_offset = end_offset;
  tail.Unpin(written_offset);
  WakeDrained();
  Idle();
}

}  // namespace kronika::wal
