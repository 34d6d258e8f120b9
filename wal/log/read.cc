// Reading batches by offset, from memory or from checked chunks, and verifying all of them.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wal/log/log_core.h"

namespace kronika::wal {
namespace {

// One Read under way.
struct ReadRun : std::enable_shared_from_this<ReadRun> {
  std::shared_ptr<LogCore> core;
  ReadLimits limits;
  BatchRange range;
  Done<BatchRange> done;

  void Finish() { done(std::move(range)); }

  void Next() {
    if (core->closed) return done(ShutDown());
    if (!core->tail.Read(limits, range)) return Finish();
    const std::int64_t end = std::min(core->written_offset, limits.offset_max);
    // What memory gave is an answer; a segment is read only where nothing was found yet or more is
    // cheap.
    if (range.next_offset >= end || (range.bytes > 0 && range.bytes >= limits.bytes_max / 2))
      return Finish();
    const auto segment = core->segments[core->SegmentOf(range.next_offset)];
    core->WithChunks(segment, [self = shared_from_this(), segment](Status status) {
      if (!status) return self->done(std::unexpected(std::move(status).error()));
      self->ReadChunkOf(segment);
    });
  }

  void ReadChunkOf(const std::shared_ptr<Segment>& segment) {
    if (core->closed) return done(ShutDown());
    const std::size_t chunk = FindChunk(segment->chunks(), range.next_offset);
    const std::int64_t base_offset = segment->chunks()[chunk].base_offset;
    const std::int64_t next_offset = core->EndOfChunk(*segment, chunk);
    auto read = [self = shared_from_this(), segment, base_offset,
                 next_offset](Result<Slice> bytes) {
      if (!bytes) return self->done(std::unexpected(std::move(bytes).error()));
      if (self->core->closed) return self->done(ShutDown());
      // What a compaction replaced meanwhile is for this reader alone.
      if (!segment->replaced_end()) self->core->tail.Insert(*bytes, base_offset, next_offset);
      if (!TakeBatches(*bytes, self->limits, self->range)) return self->Finish();
      self->range.next_offset = std::max(self->range.next_offset, next_offset);
      self->Next();
    };
    segment->ReadChunk(core->environment.open_files, chunk, next_offset, std::move(read));
  }
};

}  // namespace

std::size_t LogCore::SegmentOf(std::int64_t offset) const {
  KRONIKA_CHECK(!segments.empty());
  auto after = std::ranges::upper_bound(segments, offset, {},
                                        [](const auto& s) { return s->base_offset(); });
  return after == segments.begin() ? 0 : static_cast<std::size_t>(after - segments.begin()) - 1;
}

std::int64_t LogCore::EndOfSegment(const Segment& segment) const {
  if (segment.replaced_end()) return *segment.replaced_end();
  const std::size_t next = SegmentOf(segment.base_offset()) + 1;
  return next < segments.size() ? segments[next]->base_offset() : written_offset;
}

std::int64_t LogCore::EndOfChunk(const Segment& segment, std::size_t chunk) const {
  const auto& chunks = segment.chunks();
  return chunk + 1 < chunks.size() ? chunks[chunk + 1].base_offset : EndOfSegment(segment);
}

void LogCore::WithChunks(const std::shared_ptr<Segment>& segment, Done<void> done) {
  if (closed) return done(ShutDown());
  if (segment->chunks_loaded()) return done({});
  segment->LoadChunks(environment.open_files, std::move(done));
}

void PartitionLog::Read(std::int64_t offset, ReadLimits limits, Done<BatchRange> done) {
  auto run = std::make_shared<ReadRun>();
  run->core = core_;
  run->limits = limits;
  run->range.next_offset = offset;
  run->done = std::move(done);
  const bool inside = offset >= core_->log_start_offset && offset <= core_->end_offset;
  core_->environment.loop.Post([run, inside] {
    if (inside) return run->Next();
    run->done(kronika::Fail(ErrorCode::kInvalidArgument, "offset is outside of the log"));
  });
}

void PartitionLog::Verify(Done<void> done) {
  std::vector<Step> steps;
  for (const auto& segment : core_->segments) {
    steps.push_back(
        [core = core_, segment](Done<void> next) { core->WithChunks(segment, std::move(next)); });
    steps.push_back([core = core_, segment](Done<void> next) {
      core->VerifyChunksFrom(segment, 0, std::move(next));
    });
  }
  core_->environment.loop.Post([steps = std::move(steps), done = std::move(done)]() mutable {
    if (steps.empty()) return done({});
    InOrder::Run(std::move(steps), std::move(done));
  });
}

void LogCore::VerifyChunksFrom(std::shared_ptr<Segment> segment, std::size_t chunk,
                               Done<void> done) {
  if (closed) return done(ShutDown());
  if (chunk >= segment->chunks().size()) return done({});
  auto checked = [self = shared_from_this(), segment, chunk,
                  done = std::move(done)](Result<Slice> bytes) mutable {
    if (!bytes) return done(std::unexpected(std::move(bytes).error()));
    self->VerifyChunksFrom(segment, chunk + 1, std::move(done));
  };
  segment->ReadChunk(environment.open_files, chunk, EndOfChunk(*segment, chunk),
                     std::move(checked));
}

}  // namespace kronika::wal
