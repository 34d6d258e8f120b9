// Finding records by time: segments, then chunks, then batches are ruled out by their largest
// timestamps; only what may hold the answer is read.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "wal/log/log_core.h"

namespace kronika::wal {
namespace {

using Found = std::optional<OffsetAndTimestamp>;

// Calls `visit` for each batch of a run of whole checked batches until it returns a value or an
// error.
template <class Visit>
Result<Found> EachBatch(Bytes run, Visit visit) {
  while (!run.empty()) {
    const auto header = ParseBatchHeader(run);
    KRONIKA_CHECK(header && header->total_bytes <= run.size(), "runs hold whole checked batches");
    Result<Found> found = visit(run.first(header->total_bytes), *header);
    if (!found || *found) return found;
    run = run.subspan(header->total_bytes);
  }
  return Found{};
}

// The largest timestamp of the records at or above `offset` in a run of whole checked batches.
Result<std::int64_t> LargestFrom(Bytes run, std::int64_t offset) {
  std::int64_t largest = kNoTimestamp;
  auto visited = EachBatch(run, [&](Bytes batch, const BatchHeader& header) -> Result<Found> {
    if (header.base_offset >= offset) {
      largest = std::max(largest, header.max_timestamp);
    } else if (header.next_offset() > offset) {
      const auto found = FindMaxTimestamp(batch, header, offset);
      if (!found) return std::unexpected(found.error());
      largest = std::max(largest, found->timestamp);
    }
    return Found{};
  });
  if (!visited) return std::unexpected(std::move(visited).error());
  return largest;
}

struct FindRun : std::enable_shared_from_this<FindRun> {
  std::shared_ptr<LogCore> core;
  std::int64_t at_least = 0;
  std::int64_t from;  // everything below was searched
  Done<Found> done;

  Result<Found> Search(Bytes run) const {
    return EachBatch(run, [this](Bytes batch, const BatchHeader& header) -> Result<Found> {
      if (header.max_timestamp < at_least || header.next_offset() <= core->log_start_offset)
        return Found{};
      return wal::FindTimestamp(batch, header, at_least, core->log_start_offset);
    });
  }

  void Next() {
    if (core->closed) return done(ShutDown());
    while (from < core->written_offset) {
      const auto segment = core->segments[core->SegmentOf(from)];
      const std::int64_t end = core->EndOfSegment(*segment);
      if (segment->max_timestamp() >= at_least && end > core->log_start_offset)
        return core->WithChunks(segment, [self = shared_from_this(), segment](Status status) {
          if (!status) return self->done(std::unexpected(std::move(status).error()));
          self->NextChunk(segment);
        });
      from = end;
    }
    SearchPending();
  }

  void NextChunk(const std::shared_ptr<Segment>& segment) {
    if (core->closed) return done(ShutDown());
    const auto& chunks = segment->chunks();
    for (std::size_t chunk = FindChunk(chunks, from); chunk < chunks.size(); ++chunk) {
      const std::int64_t end = core->EndOfChunk(*segment, chunk);
      const bool ruled_out =
          chunks[chunk].max_timestamp < at_least || end <= core->log_start_offset;
      if (!ruled_out) return SearchChunk(segment, chunk, end);
      from = end;
    }
    Next();
  }

  void SearchChunk(const std::shared_ptr<Segment>& segment, std::size_t chunk, std::int64_t end) {
    auto read = [self = shared_from_this(), segment, end](Result<Slice> bytes) {
      if (!bytes) return self->done(std::unexpected(std::move(bytes).error()));
      auto found = self->Search(bytes->bytes());
      if (!found || *found) return self->done(std::move(found));
      self->from = end;
      if (end >= self->core->EndOfSegment(*segment)) return self->Next();
      self->NextChunk(segment);
    };
    segment->ReadChunk(core->environment.open_files, chunk, end, std::move(read));
  }

  void SearchPending() {
    for (const auto& batch : core->pending) {
      auto found = Search(batch.bytes.bytes());
      if (!found || *found) return done(std::move(found));
    }
    done(Found{});
  }
};

}  // namespace

void PartitionLog::FindTimestamp(std::int64_t at_least,
                                 Done<std::optional<OffsetAndTimestamp>> done) {
  auto run = std::make_shared<FindRun>();
  run->core = core_;
  run->at_least = at_least;
  run->from = core_->log_start_offset;
  run->done = std::move(done);
  core_->environment.loop.Post([run] { run->Next(); });
}

void PartitionLog::FindLargestTimestamp(Done<OffsetAndTimestamp> done) {
  core_->environment.loop.Post([core = core_, done = std::move(done)]() mutable {
    core->ClaimBehindLogStart([core, done = std::move(done)](Result<std::int64_t> claim) mutable {
      if (!claim) return done(std::unexpected(std::move(claim).error()));
      core->FindLargest(*claim, std::move(done));
    });
  });
}

// The largest timestamp of what lies at or above the log start in the one chunk that also has
// something below it. All other segments, chunks and batches are wholly below or wholly above.
void LogCore::ClaimBehindLogStart(Done<std::int64_t> done) {
  if (closed) return done(ShutDown());
  std::size_t segment = 0;
  while (segment < segments.size() && EndOfSegment(*segments[segment]) <= log_start_offset)
    ++segment;
  if (segment == segments.size() || segments[segment]->base_offset() >= log_start_offset)
    return done(kNoTimestamp);
  const auto first = segments[segment];
  WithChunks(first,
             [self = shared_from_this(), first, done = std::move(done)](Status status) mutable {
               if (!status) return done(std::unexpected(std::move(status).error()));
               if (self->closed) return done(ShutDown());
               const std::size_t chunk = FindChunk(first->chunks(), self->log_start_offset);
               auto read = [offset = self->log_start_offset,
                            done = std::move(done)](Result<Slice> bytes) mutable {
                 if (!bytes) return done(std::unexpected(std::move(bytes).error()));
                 done(LargestFrom(bytes->bytes(), offset));
               };
               first->ReadChunk(self->environment.open_files, chunk,
                                self->EndOfChunk(*first, chunk), std::move(read));
             });
}

void LogCore::FindLargest(std::int64_t claim, Done<OffsetAndTimestamp> done) {
  if (closed) return done(ShutDown());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i]->base_offset() >= log_start_offset)
      claim = std::max(claim, segments[i]->max_timestamp());
    if (!segments[i]->chunks_loaded()) continue;
    for (const Chunk& chunk : segments[i]->chunks()) {
      if (chunk.base_offset >= log_start_offset) claim = std::max(claim, chunk.max_timestamp);
    }
  }
  for (const auto& batch : pending) {
    const auto largest = LargestFrom(batch.bytes.bytes(), log_start_offset);
    if (!largest) return done(std::unexpected(largest.error()));
    claim = std::max(claim, *largest);
  }
  auto run = std::make_shared<FindRun>();
  run->core = shared_from_this();
  run->at_least = claim;
  run->from = log_start_offset;
  run->done = [done = std::move(done)](Result<Found> found) mutable {
    if (!found) return done(std::unexpected(std::move(found).error()));
    done(found->value_or(OffsetAndTimestamp{}));
  };
  run->Next();
}

}  // namespace kronika::wal
