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
    const std::size_t segment = core->SegmentOf(range.next_offset);
    core->WithChunks(segment, [self = shared_from_this(), segment](Status status) {
      if (!status) return self->done(std::unexpected(std::move(status).error()));
      self->ReadChunkOf(segment);
    });
  }

  void ReadChunkOf(std::size_t number) {
    if (core->closed) return done(ShutDown());
    const auto segment = core->segments[number];
    const std::size_t chunk = FindChunk(segment->chunks(), range.next_offset);
    const std::int64_t base_offset = segment->chunks()[chunk].base_offset;
    const std::int64_t next_offset = core->EndOfChunk(number, chunk);
    auto read = [self = shared_from_this(), base_offset, next_offset](Result<Slice> bytes) {
      if (!bytes) return self->done(std::unexpected(std::move(bytes).error()));
      if (self->core->closed) return self->done(ShutDown());
      self->core->tail.Insert(*bytes, base_offset, next_offset);
      if (!TakeBatches(*bytes, self->limits, self->range)) return self->Finish();
      self->Next();
    };
    segment->ReadChunk(core->environment.open_files, chunk, next_offset, std::move(read));
  }
};

}  // namespace

std::size_t LogCore::SegmentOf(std::int64_t offset) const {
  auto after = std::ranges::upper_bound(segments, offset, {},
                                        [](const auto& s) { return s->base_offset(); });
  KRONIKA_CHECK(after != segments.begin(), "an offset below the first segment");
  return static_cast<std::size_t>(after - segments.begin()) - 1;
}

std::int64_t LogCore::EndOfSegment(std::size_t number) const {
  return number + 1 < segments.size() ? segments[number + 1]->base_offset() : written_offset;
}

std::int64_t LogCore::EndOfChunk(std::size_t segment, std::size_t chunk) const {
  const auto& chunks = segments[segment]->chunks();
  return chunk + 1 < chunks.size() ? chunks[chunk + 1].base_offset : EndOfSegment(segment);
}

void LogCore::WithChunks(std::size_t segment, Done<void> done) {
  if (closed) return done(ShutDown());
  if (segments[segment]->chunks_loaded()) return done({});
  segments[segment]->LoadChunks(environment.open_files, std::move(done));
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
  for (std::size_t i = 0; i < core_->segments.size(); ++i) {
    steps.push_back([core = core_, i](Done<void> next) { core->WithChunks(i, std::move(next)); });
    steps.push_back(
        [core = core_, i](Done<void> next) { core->VerifyChunksFrom(i, 0, std::move(next)); });
  }
  core_->environment.loop.Post([steps = std::move(steps), done = std::move(done)]() mutable {
    if (steps.empty()) return done({});
    InOrder::Run(std::move(steps), std::move(done));
  });
}

void LogCore::VerifyChunksFrom(std::size_t segment, std::size_t chunk, Done<void> done) {
  if (closed) return done(ShutDown());
  if (chunk >= segments[segment]->chunks().size()) return done({});
  auto checked = [self = shared_from_this(), segment, chunk,
                  done = std::move(done)](Result<Slice> bytes) mutable {
    if (!bytes) return done(std::unexpected(std::move(bytes).error()));
    self->VerifyChunksFrom(segment, chunk + 1, std::move(done));
  };
  segments[segment]->ReadChunk(environment.open_files, chunk, EndOfChunk(segment, chunk),
                               std::move(checked));
}

}  // namespace kronika::wal
