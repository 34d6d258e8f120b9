// Recovery of a partition's folder, before the first write of this run: what the manifest names
// stays, cut to its lengths; everything else goes (SAFETY A9). It comes again from the journal.
//
//   file                            what is done
//   base unknown to the manifest    removed
//   of a compaction whose segment   Kafka's name, in place of what that held (the segment that was
//   the manifest names              replaced); of any other compaction: removed
//   last .log and .sums longer      cut
//   last .log or .sums shorter      kCorruption: the owner fences the replica
//   last indexes as the manifest    cut
//   last indexes otherwise          made again from the segment (they are not synced while a
//   segment grows) earlier segments                not touched: they were complete and synced when
//   the manifest was written
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "wal/log/log_core.h"

namespace kronika::wal {

void LogCore::Prepare(Done<void> done) {
  // Descriptors of a former life of this log may be of files that are about to be replaced, or
  // condemned.
  environment.open_files.ForgetFolder(identity.directory);
  std::vector<Step> steps;
  auto self = shared_from_this();
  steps.push_back([self](Done<void> next) { self->RemoveUnknownFiles(std::move(next)); });
  if (!segments.empty()) {
    steps.push_back([self](Done<void> next) { self->CutLastSegment(std::move(next)); });
  }
  InOrder::Run(std::move(steps), std::move(done));
}

void LogCore::RemoveUnknownFiles(Done<void> done) {
  auto listed = [self = shared_from_this(),
                 done = std::move(done)](Result<std::vector<DirEntry>> entries) mutable {
    if (self->closed) return done(ShutDown());
    if (!entries && entries.error().code == ErrorCode::kNotFound) return done({});
    if (!entries) return done(std::unexpected(std::move(entries).error()));
    std::vector<Step> steps;
    for (const auto& entry : *entries) {
      if (entry.is_directory || self->Names(entry.name)) continue;
      if (KRONIKA_PLANTED("unknown-segments-kept")) continue;
      steps.push_back([self, path = self->identity.directory + "/" + entry.name](Done<void> next) {
        if (self->closed) return next(ShutDown());
        self->environment.files.Remove(path, std::move(next));
      });
    }
    for (const auto& segment : self->segments) {
      if (segment->has_final_names()) continue;
      steps.push_back(
          [self, segment](Done<void> next) { self->FinalNames(segment, std::move(next)); });
    }
    if (steps.empty()) return done({});
    InOrder::Run(std::move(steps), std::move(done));
  };
  environment.files.List(identity.directory, std::move(listed));
}

// Whether a file belongs to a segment of the manifest, or is no segment's at all.
bool LogCore::Names(std::string_view file) const {
  const auto compacted = ParseCompactedFileName(file);
  const auto plain = ParseSegmentFileName(file);
  if (!compacted && !plain) return true;
  return std::ranges::any_of(segments, [&](const auto& segment) {
    if (plain) return segment->base_offset() == *plain;
    return segment->base_offset() == compacted->base_offset &&
           segment->compaction() == compacted->number;
  });
}

void LogCore::CutLastSegment(Done<void> done) {
  auto self = shared_from_this();
  auto rebuild = std::make_shared<bool>(false);
  std::vector<Step> steps;
  steps.push_back(
      [self](Done<void> next) { self->WithChunks(self->segments.back(), std::move(next)); });
  steps.push_back([self](Done<void> next) {
    self->CutFile(SegmentFile::kLog, self->segments.back()->bytes(), std::move(next));
  });
  steps.push_back([self](Done<void> next) {
    auto& sums = self->segments.back()->side(SegmentFile::kSums);
    self->CutFile(SegmentFile::kSums, sums.written.bytes, std::move(next));
  });
  for (SegmentFile file : {SegmentFile::kIndex, SegmentFile::kTimeIndex}) {
    steps.push_back([self, file, rebuild](Done<void> next) {
      self->CheckIndex(file, rebuild, std::move(next));
    });
  }
  steps.push_back([self, rebuild](Done<void> next) {
    if (!*rebuild) return next({});
    self->segments.back()->ResetIndexes();
    self->RebuildIndexes(0, std::move(next));
  });
  for (SegmentFile file : {SegmentFile::kIndex, SegmentFile::kTimeIndex}) {
    steps.push_back([self, file](Done<void> next) {
      self->CutFile(file, self->segments.back()->side(file).written.bytes, std::move(next));
    });
  }
  InOrder::Run(std::move(steps), std::move(done));
}

void LogCore::CutFile(SegmentFile file, std::uint64_t size, Done<void> done) {
  if (closed) return done(ShutDown());
  const std::string path = segments.back()->Path(file);
  auto cut = [path, size, done = std::move(done)](auto opened) mutable {
    if (!opened && opened.error().code == ErrorCode::kNotFound) {
      return done(
          kronika::Fail(ErrorCode::kCorruption, "the manifest names it, and it is missing", path));
    }
    if (!opened) return done(std::unexpected(std::move(opened).error()));
    auto held = *opened;
    if (held->Size() < size) {
      return done(kronika::Fail(ErrorCode::kCorruption,
                                "the file is shorter than its manifest says", path));
    }
    if (held->Size() == size || KRONIKA_PLANTED("bytes-past-manifest-kept")) return done({});
    held->Truncate(
        size, [held, done = std::move(done)](Status status) mutable { done(std::move(status)); });
  };
  environment.open_files.Get(path, std::move(cut));
}

void LogCore::CheckIndex(SegmentFile file, std::shared_ptr<bool> rebuild, Done<void> done) {
  if (closed) return done(ShutDown());
  const FilePrefix wanted = segments.back()->side(file).written;
  const std::string path = segments.back()->Path(file);
  auto create_empty = [self = shared_from_this(), path, rebuild](Done<void> next) {
    *rebuild = true;
    self->names_changed = true;
    self->environment.open_files.Create(path, [next = std::move(next)](auto created) mutable {
      next(created ? Status{} : std::unexpected(std::move(created).error()));
    });
  };
  auto opened = [self = shared_from_this(), wanted, rebuild, create_empty,
                 done = std::move(done)](auto file) mutable {
    if (self->closed) return done(ShutDown());
    if (!file && file.error().code == ErrorCode::kNotFound) return create_empty(std::move(done));
    if (!file) return done(std::unexpected(std::move(file).error()));
    auto held = *file;
    held->Read(0, wanted.bytes,
               [held, wanted, rebuild, done = std::move(done)](Result<Slice> read) mutable {
                 if (!read) return done(std::unexpected(std::move(read).error()));
                 if (read->size() != wanted.bytes || crc32c::Value(read->bytes()) != wanted.crc)
                   *rebuild = true;
                 done({});
               });
  };
  environment.open_files.Get(path, std::move(opened));
}

void LogCore::RebuildIndexes(std::size_t chunk, Done<void> done) {
  if (closed) return done(ShutDown());
  const auto segment = segments.back();
  if (chunk == segment->chunks().size()) return done({});
  auto read = [self = shared_from_this(), segment, chunk,
               done = std::move(done)](Result<Slice> bytes) mutable {
    if (!bytes) return done(std::unexpected(std::move(bytes).error()));
    segment->IndexAgain(*bytes, segment->chunks()[chunk].position);
    self->RebuildIndexes(chunk + 1, std::move(done));
  };
  segment->ReadChunk(environment.open_files, chunk, EndOfChunk(*segment, chunk), std::move(read));
}

}  // namespace kronika::wal
