#include "wal/journal/room.h"

#include <algorithm>

#include "wal/journal/format.h"

namespace kronika::wal {
namespace {

// Beside a record: its line in the directory, and its group in the footer.
constexpr std::uint64_t kBesideRecordBytes = kDirectoryEntryBytes + 4;
// Beside the records of a group commit: header, footer, and the padding to whole blocks.
constexpr std::uint64_t kBesideCommitBytes = kCommitHeaderBytes + kFooterBytes + kBlockBytes;
constexpr std::uint64_t kCheckpointBlocksMax = 8;

}  // namespace

RoomRules::RoomRules(const JournalOptions& options, std::uint64_t file_bytes)
    : file_bytes_(file_bytes),
      commit_bytes_(options.CommitBytesMax()),
      checkpoint_(
          std::clamp<std::uint64_t>(file_bytes / kBlockBytes / 16, 2, kCheckpointBlocksMax) *
          kBlockBytes),
      awaited_(RoundUpToBlock(file_bytes / 8)),
      votes_(RoundUpToBlock(file_bytes / 4)),
      waste_(RoundUpToBlock(file_bytes / 8)) {}

// A group commit takes all that was read and fits, so it ends a run or is at least half full.
std::uint64_t RoomRules::MoveCost(const NeededEntries& needed, std::uint64_t file_bytes) const {
  if (needed.entries == 0) return 0;
  const std::uint64_t runs = file_bytes / kReadGapBytesMax + needed.bytes / kReadRunBytesMax + 2;
  const std::uint64_t commits =
      std::min(needed.entries, runs + needed.bytes / std::max<std::uint64_t>(commit_bytes_ / 2, 1));
  return needed.bytes + needed.entries * kBesideRecordBytes + commits * kBesideCommitBytes;
}

std::uint64_t RoomRules::BesideFile() const {
  return waste_ + 2 * kBesideCommitBytes;
}

std::uint64_t RoomRules::MovingBytes(std::span<const JournalFileUse> files,
                                     std::uint64_t rest) const {
  std::int64_t taken = 0;
  std::int64_t most = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const JournalFileUse& file = files[i];
    if (file.needed.entries > 0) {
      taken += static_cast<std::int64_t>(MoveCost(file.needed, file.bytes) + waste_);
      // Nothing is moved out of a file before it is full.
      const bool current = i + 1 == files.size();
      most = std::max(most, taken + static_cast<std::int64_t>(current ? rest : 0));
    }
    taken -= static_cast<std::int64_t>(file.bytes);
  }
  return static_cast<std::uint64_t>(most);
}

std::uint64_t RoomRules::MovingBytesMax(const JournalFileUse& all, std::size_t count) const {
  if (all.needed.entries == 0) return 0;
  return MoveCost(all.needed, all.bytes) + count * BesideFile();
}

std::uint64_t RoomRules::NeededMax(std::uint64_t total_bytes, std::size_t count) const {
  const std::uint64_t kept = file_bytes_ + count * BesideFile() + reserves();
  return total_bytes > kept ? total_bytes - kept : 0;
}

std::uint64_t UncommittedBytesMax(const JournalOptions& options) {
  const RoomRules rules(options, options.file_bytes);
  const std::uint64_t total = options.files * options.file_bytes;
  // Moving costs more than the bytes themselves: by the runs that they are read in.
  const std::uint64_t beside = (total / kReadGapBytesMax + 2) * kBesideCommitBytes;
  const std::uint64_t needed = rules.NeededMax(total, options.files);
  return needed > beside ? (needed - beside) / 3 : 0;
}

}  // namespace kronika::wal
