// Segment: one .log file and its side files, as far as they are known and written.
//
// Used from the partition's loop; shared with the operations under way on it.
// 1. `bytes` and `chunks` describe what was written (and, after a restart, what the manifest
//    names); nothing of the file beyond is looked at.
// 2. Side files (.sums, .index, .timeindex) are kept as bytes to append and written at a checkpoint
//    or close, because before that no manifest names what they describe.
// 3. A file that was written and not synced is held open.
// 4. A segment that a compaction made is found under the name of that compaction, else under
//    Kafka's; the rename is atomic and comes when nobody uses the files of Kafka's name any more.
//    Whoever reads holds the segment, so its files stay.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "wal/log/chunk_sums.h"
#include "wal/log/index_builder.h"
#include "wal/log/manifest.h"
#include "wal/log/names.h"
#include "wal/log/open_files.h"

namespace kronika::wal {

// The bytes of a side file: how much is written, and what comes behind it.
struct SideFile {
  FilePrefix written;
  std::string pending;
};

class Segment : public std::enable_shared_from_this<Segment> {
 public:
  struct Place {
    std::string directory;
    GroupId group;
    std::uint32_t index_interval_bytes = 4096;
  };
  // As the manifest says; its chunks are loaded when first needed.
  Segment(Place place, const SegmentManifest& manifest);
  // New and empty; `compaction` is the number of the one that makes it, 0 for none.
  Segment(Place place, std::int64_t base_offset, std::int64_t first_append_time_ms,
          std::uint32_t compaction = 0);

  std::int64_t base_offset() const { return base_offset_; }
  std::uint32_t bytes() const { return bytes_; }
  std::int64_t max_timestamp() const { return index_.position().max_timestamp; }
  std::int64_t first_append_time_ms() const { return first_append_time_ms_; }
  bool chunks_loaded() const { return chunks_loaded_; }
  const std::vector<Chunk>& chunks() const { return chunks_; }
  std::string Path(SegmentFile file) const;
  // Its files have Kafka's names. At first unknown after a restart, and false.
  bool has_final_names() const { return has_final_names_; }
  void SetFinalNames() { has_final_names_ = true; }
  std::string FinalPath(SegmentFile file) const;
  // The number of the compaction that made it; 0: none.
  std::uint32_t compaction() const { return compaction_; }
  // Batches may be missing between others.
  bool sparse() const { return sparse_; }
  void MarkSparse() { sparse_ = true; }
  // Replaced by a compaction; it ended at that offset.
  const std::optional<std::int64_t>& replaced_end() const { return replaced_end_; }
  void SetReplaced(std::int64_t end_offset) { replaced_end_ = end_offset; }
  // As of the last WriteSideFiles(), which nothing was appended since.
  SegmentManifest Describe() const;
  // Something a manifest would name is not written or not synced.
  bool dirty() const { return log_unsynced_ || sums_unsynced_ || side_files_due(); }
  bool indexes_unsynced() const { return indexes_unsynced_; }
  bool side_files_due() const;

  // Reads and checks the entries of `.sums`; nothing if they are there. kCorruption.
  void LoadChunks(OpenFiles& files, Done<void> done);
  // Chunk `number` with its sum, batches and offsets checked; it ends at `next_offset`.
  // kCorruption.
  void ReadChunk(OpenFiles& files, std::size_t number, std::int64_t next_offset, Done<Slice> done);

  // A chunk of `batches` was written by `file` at bytes(). Chunks are loaded.
  void Appended(const Slices& batches, std::shared_ptr<File> file);
  // The segment takes no more: the last entry of its .timeindex.
  void FinishTimeIndex();
  // Appends what is pending to the side files; creates them if they are new.
  void WriteSideFiles(OpenFiles& files, Done<void> done);
  // `.log` and `.sums`; with `indexes` the indexes, too: once, when the segment takes no more.
  // Completes inside the call if there is nothing to sync.
  void Sync(OpenFiles& files, bool indexes, Done<void> done);

  // The indexes as they were read from disk do not match the manifest: they are made again from
  // `batches` on.
  void ResetIndexes();
  void IndexAgain(const Slice& chunk_bytes, std::uint32_t position);
  SideFile& side(SegmentFile file);

 private:
  void OpenFile(OpenFiles& files, SegmentFile file, Done<std::shared_ptr<File>> done);
  void WriteSideFile(OpenFiles& files, SegmentFile file, Done<void> done);
  void SideFileWritten(SegmentFile file, const Slice& bytes, std::shared_ptr<File> opened);

  Place place_;
  std::int64_t base_offset_;
  std::uint32_t bytes_ = 0;
  std::int64_t first_append_time_ms_ = 0;
  std::vector<Chunk> chunks_;
  bool chunks_loaded_ = false;
  SideFile sums_, offset_index_, time_index_;
  IndexBuilder index_;
  bool side_files_exist_ = false;
  std::shared_ptr<File> log_unsynced_, sums_unsynced_;
  bool indexes_unsynced_ = false;
  std::uint32_t compaction_ = 0;
  bool sparse_ = false;
  bool has_final_names_ = true;
  std::optional<std::int64_t> replaced_end_;
};

enum class Density : std::uint8_t { kDense, kSparse };
// The chunk's batches as the sum and the offsets say: one behind the other without a gap, or, where
// compaction took some, in order. kCorruption otherwise.
Status VerifyChunk(const Chunk& chunk, std::int64_t next_offset, Density density, Bytes bytes);

}  // namespace kronika::wal
