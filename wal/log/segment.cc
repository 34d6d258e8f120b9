// See segment.h.
#include "wal/log/segment.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "wal/log/in_order.h"

namespace kronika::wal {
namespace {

std::unexpected<Error> Damaged(std::string text, const std::string& path) {
  return Fail(ErrorCode::kCorruption, std::move(text), path);
}

constexpr SegmentFile kSideFiles[] = {SegmentFile::kSums, SegmentFile::kIndex,
                                      SegmentFile::kTimeIndex};

}  // namespace

Segment::Segment(Place place, const SegmentManifest& manifest)
    : place_(std::move(place)),
      base_offset_(manifest.base_offset),
      bytes_(manifest.bytes),
      first_append_time_ms_(manifest.first_append_time_ms),
      index_(manifest.base_offset, place_.index_interval_bytes,
             {manifest.max_timestamp, manifest.offset_of_max_timestamp, manifest.last_time_entry}),
      side_files_exist_(true),
      compaction_(manifest.compaction),
      sparse_(manifest.sparse),
      has_final_names_(manifest.compaction == 0) {
  sums_.written = manifest.sums;
  offset_index_.written = manifest.index;
  time_index_.written = manifest.time_index;
}

Segment::Segment(Place place, std::int64_t base_offset, std::int64_t first_append_time_ms,
                 std::uint32_t compaction)
    : place_(std::move(place)),
      base_offset_(base_offset),
      first_append_time_ms_(first_append_time_ms),
      chunks_loaded_(true),
      index_(base_offset, place_.index_interval_bytes, {}),
      compaction_(compaction),
      sparse_(compaction != 0),
      has_final_names_(compaction == 0) {}

std::string Segment::FinalPath(SegmentFile file) const {
  return place_.directory + "/" + SegmentFileName(base_offset_, file);
}

std::string Segment::Path(SegmentFile file) const {
  if (has_final_names_) return FinalPath(file);
  return place_.directory + "/" + CompactedFileName(base_offset_, file, compaction_);
}

// Invariant 4: whether it was renamed, and when, does not show.
void Segment::OpenFile(OpenFiles& files, SegmentFile file, Done<std::shared_ptr<File>> done) {
  if (has_final_names_) return files.Get(FinalPath(file), std::move(done));
  auto opened = [self = shared_from_this(), &files, file,
                 done = std::move(done)](Result<std::shared_ptr<File>> found) mutable {
    if (found || found.error().code != ErrorCode::kNotFound) return done(std::move(found));
    files.Get(self->FinalPath(file), std::move(done));
  };
  files.Get(Path(file), std::move(opened));
}

SideFile& Segment::side(SegmentFile file) {
  switch (file) {
    case SegmentFile::kLog:
      break;
    case SegmentFile::kSums:
      return sums_;
    case SegmentFile::kIndex:
      return offset_index_;
    case SegmentFile::kTimeIndex:
      return time_index_;
  }
  KRONIKA_CHECK(false, "the .log is no side file");
  std::unreachable();
}

bool Segment::side_files_due() const {
  return !side_files_exist_ || !sums_.pending.empty() || !offset_index_.pending.empty() ||
         !time_index_.pending.empty();
}

SegmentManifest Segment::Describe() const {
  const auto& position = index_.position();
  return {.base_offset = base_offset_,
          .bytes = bytes_,
          .sums = sums_.written,
          .index = offset_index_.written,
          .time_index = time_index_.written,
          .max_timestamp = position.max_timestamp,
          .offset_of_max_timestamp = position.offset_of_max_timestamp,
          .last_time_entry = position.last_time_entry,
          .first_append_time_ms = first_append_time_ms_,
          .compaction = compaction_,
          .sparse = sparse_};
}

Status VerifyChunk(const Chunk& chunk, std::int64_t next_offset, Density density, Bytes bytes) {
  auto corrupt = [](std::string text) { return Fail(ErrorCode::kCorruption, std::move(text)); };
  if (bytes.size() != chunk.length) return corrupt("the file is shorter than its manifest says");
  if (crc32c::Value(bytes) != chunk.data_crc && !KRONIKA_PLANTED("chunk-sum-unchecked")) {
    return corrupt("a chunk's sum does not match");
  }
  std::int64_t offset = chunk.base_offset;
  while (!bytes.empty()) {
    const auto header = ParseCheckedBatch(bytes);
    if (!header) return std::unexpected(header.error());
    const bool sparse = density == Density::kSparse && header->base_offset > offset;
    if (header->base_offset != offset && !sparse)
      return corrupt("a batch has another offset than expected");
    offset = header->next_offset();
    bytes = bytes.subspan(header->total_bytes);
  }
  if (density == Density::kSparse ? offset > next_offset : offset != next_offset)
    return corrupt("a chunk ends at another offset than expected");
  return {};
}

void Segment::LoadChunks(OpenFiles& files, Done<void> done) {
  KRONIKA_CHECK(!chunks_loaded_);
  const std::string path = Path(SegmentFile::kSums);
  auto decode = [self = shared_from_this(), path,
                 done = std::move(done)](Result<Slice> read) mutable {
    if (!read) return done(std::unexpected(std::move(read).error()));
    if (self->chunks_loaded_) return done({});
    if (read->size() != self->sums_.written.bytes ||
        crc32c::Value(read->bytes()) != self->sums_.written.crc) {
      return done(Damaged("chunk sums differ from the manifest", path));
    }
    auto chunks =
        DecodeChunks({self->place_.group, self->base_offset_}, read->bytes(), self->bytes_);
    if (!chunks) return done(Damaged(chunks.error().text, path));
    self->chunks_ = std::move(*chunks);
    self->chunks_loaded_ = true;
    done({});
  };
  auto read = [self = shared_from_this(), path, decode = std::move(decode)](auto file) mutable {
    if (!file) {
      return decode(file.error().code == ErrorCode::kNotFound
                        ? Result<Slice>(Damaged("the manifest names it, and it is missing", path))
                        : Result<Slice>(std::unexpected(file.error())));
    }
    auto held = *file;
    held->Read(0, self->sums_.written.bytes,
               [held, decode = std::move(decode)](Result<Slice> bytes) mutable {
                 decode(std::move(bytes));
               });
  };
  OpenFile(files, SegmentFile::kSums, std::move(read));
}

void Segment::ReadChunk(OpenFiles& files, std::size_t number, std::int64_t next_offset,
                        Done<Slice> done) {
  KRONIKA_CHECK(chunks_loaded_ && number < chunks_.size());
  const Chunk chunk = chunks_[number];
  const std::string path = Path(SegmentFile::kLog);
  auto verify = [self = shared_from_this(), chunk, next_offset, path,
                 done = std::move(done)](Result<Slice> read) mutable {
    if (!read) return done(std::move(read));
    const Density density = self->sparse_ ? Density::kSparse : Density::kDense;
    if (auto status = VerifyChunk(chunk, next_offset, density, read->bytes()); !status) {
      return done(
          Damaged(status.error().text + " at position " + std::to_string(chunk.position), path));
    }
    done(std::move(read));
  };
  auto read = [chunk, path, verify = std::move(verify)](auto file) mutable {
    if (!file) {
      return verify(file.error().code == ErrorCode::kNotFound
                        ? Result<Slice>(Damaged("the manifest names it, and it is missing", path))
                        : Result<Slice>(std::unexpected(file.error())));
    }
    auto held = *file;
    held->Read(chunk.position, chunk.length,
               [held, verify = std::move(verify)](Result<Slice> bytes) mutable {
                 verify(std::move(bytes));
               });
  };
  OpenFile(files, SegmentFile::kLog, std::move(read));
}

void Segment::Appended(const Slices& batches, std::shared_ptr<File> file) {
  KRONIKA_CHECK(chunks_loaded_ && !batches.empty());
  Chunk chunk{.position = bytes_, .data_crc = ChunkDataCrc(batches)};
  IndexBytes out;
  bool first = true;
  for (const Slice& batch : batches) {
    const auto header = ParseBatchHeader(batch.bytes());
    KRONIKA_CHECK(header.has_value());
    // A segment begins at its base, and so does its first chunk, whatever was taken there.
    if (std::exchange(first, false))
      chunk.base_offset = chunks_.empty() ? base_offset_ : header->base_offset;
    chunk.max_timestamp = std::max(chunk.max_timestamp, header->max_timestamp);
    index_.Add(*header, chunk.end_position(), out);
    chunk.length += static_cast<std::uint32_t>(batch.size());
  }
  bytes_ = chunk.end_position();
  chunks_.push_back(chunk);
  sums_.pending += EncodeChunk({place_.group, base_offset_}, chunk);
  offset_index_.pending += out.index;
  time_index_.pending += out.time_index;
  log_unsynced_ = std::move(file);
}

void Segment::FinishTimeIndex() {
  IndexBytes out;
  index_.Finish(out);
  time_index_.pending += out.time_index;
}

void Segment::ResetIndexes() {
  index_ = IndexBuilder(base_offset_, place_.index_interval_bytes, {});
  offset_index_ = {};
  time_index_ = {};
}

void Segment::IndexAgain(const Slice& chunk_bytes, std::uint32_t position) {
  IndexBytes out;
  for (std::size_t at = 0; at < chunk_bytes.size();) {
    const auto header = ParseBatchHeader(chunk_bytes.bytes().subspan(at));
    KRONIKA_CHECK(header.has_value(), "the chunk was verified");
    index_.Add(*header, position + static_cast<std::uint32_t>(at), out);
    at += header->total_bytes;
  }
  offset_index_.pending += out.index;
  time_index_.pending += out.time_index;
}

void Segment::WriteSideFile(OpenFiles& files, SegmentFile file, Done<void> done) {
  auto write = [self = shared_from_this(), file, done = std::move(done)](auto opened) mutable {
    if (!opened) return done(std::unexpected(std::move(opened).error()));
    const Slice bytes = Slice::CopyOf(std::exchange(self->side(file).pending, {}));
    const std::uint32_t position = self->side(file).written.bytes;
    auto written = [self, file, bytes, held = *opened,
                    done = std::move(done)](Status status) mutable {
      if (status) self->SideFileWritten(file, bytes, std::move(held));
      done(std::move(status));
    };
    (*opened)->Write(position, {bytes}, Durability::kBuffered, std::move(written));
  };
  if (side_files_exist_) {
    OpenFile(files, file, std::move(write));
  } else {
    files.Create(Path(file), std::move(write));
  }
}

void Segment::SideFileWritten(SegmentFile file, const Slice& bytes, std::shared_ptr<File> opened) {
  FilePrefix& prefix = side(file).written;
  prefix.bytes += static_cast<std::uint32_t>(bytes.size());
  prefix.crc = crc32c::Extend(prefix.crc, bytes.bytes());
  if (file == SegmentFile::kSums) {
    sums_unsynced_ = std::move(opened);
  } else {
    indexes_unsynced_ = true;
  }
}

void Segment::WriteSideFiles(OpenFiles& files, Done<void> done) {
  std::vector<Step> steps;
  for (SegmentFile file : kSideFiles) {
    if (side_files_exist_ && side(file).pending.empty()) continue;
    steps.push_back([self = shared_from_this(), &files, file](Done<void> next) {
      self->WriteSideFile(files, file, std::move(next));
    });
  }
  KRONIKA_CHECK(!steps.empty(), "only if side_files_due()");
  InOrder::Run(std::move(steps),
               [self = shared_from_this(), done = std::move(done)](Status status) mutable {
                 if (status) self->side_files_exist_ = true;
                 done(std::move(status));
               });
}

void Segment::Sync(OpenFiles& files, bool indexes, Done<void> done) {
  std::vector<Step> steps;
  auto self = shared_from_this();
  for (auto slot : {&Segment::log_unsynced_, &Segment::sums_unsynced_}) {
    if (!((*this).*slot)) continue;
    steps.push_back([self, slot](Done<void> next) {
      auto file = (*self).*slot;
      file->Sync([self, slot, file, next = std::move(next)](Status status) mutable {
        // A file is let go of only when its sync came back well.
        if (status) ((*self).*slot).reset();
        next(std::move(status));
      });
    });
  }
  for (SegmentFile index : {SegmentFile::kIndex, SegmentFile::kTimeIndex}) {
    if (!indexes || !indexes_unsynced_) continue;
    steps.push_back([self, &files, index](Done<void> next) {
      self->OpenFile(files, index, [next = std::move(next)](auto file) mutable {
        if (!file) return next(std::unexpected(std::move(file).error()));
        auto held = *file;
        held->Sync(
            [held, next = std::move(next)](Status status) mutable { next(std::move(status)); });
      });
    });
  }
  // Only indexes were made again, and those are not synced while the segment grows.
  if (steps.empty()) return done({});
  InOrder::Run(std::move(steps), [self, indexes, done = std::move(done)](Status status) mutable {
    if (status && indexes) self->indexes_unsynced_ = false;
    done(std::move(status));
  });
}

}  // namespace kronika::wal
