// Room: what of the journal may be written by whom, so that it can always be freed again (SAFETY
// A7, B11).
//
// Values and pure functions. `room` is what is not written since its last recycling: the rest of
// the current file and the free files. Entries that no checkpoint releases have to be moved out of
// the oldest files before those can be recycled; MovingBytes() is the room which that takes at its
// worst moment, and nothing but the moving and what the moving serves may be written into it:
//
//        room  ≥  moving + checkpoint + awaited + votes     an entry is admitted
//        room  ≥  moving + checkpoint + awaited             votes, metadata, no-ops are written
//        room  ≥  moving + checkpoint                       what a checkpoint waits for is written
//        room  ≥  checkpoint                                entries are moved
//
// 1. Moving an entry out of the oldest file takes the same from `room` and from `moving`, and a
//    file that it empties gives back more than it took: while the lines hold, a pass over the whole
//    journal needs no room but its own.
// 2. NeededMax() keeps a pass worth its while: when every needed entry was moved, the reserves and
//    more are free.
#pragma once

#include <cstdint>
#include <span>

#include "wal/journal/options.h"

namespace kronika::wal {

// How entries are fetched to be read or moved: neighbours with no more than this between them
// together.
inline constexpr std::uint64_t kReadGapBytesMax = std::uint64_t{64} << 10;
inline constexpr std::uint64_t kReadRunBytesMax = std::uint64_t{1} << 20;

// Entries above their groups' released indexes.
struct NeededEntries {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;  // of their whole records
};

struct JournalFileUse {
  std::uint64_t bytes = 0;
  NeededEntries needed;
};

class RoomRules {
 public:
  // `file_bytes`: of the largest file there is, and of no more than the configured size.
  RoomRules(const JournalOptions& options, std::uint64_t file_bytes);

  std::uint64_t checkpoint() const { return checkpoint_; }
  std::uint64_t awaited() const { return awaited_; }
  std::uint64_t votes() const { return votes_; }
  std::uint64_t reserves() const { return checkpoint_ + awaited_ + votes_; }

  // What writing them again takes at most, when they lie in files of `file_bytes` in all.
  std::uint64_t MoveCost(const NeededEntries& needed, std::uint64_t file_bytes) const;
  // The room that moving everything out of `files`, oldest first and each freed before the next,
  // takes at its worst moment. Of the last one `rest` is not written yet, which is then no room.
  std::uint64_t MovingBytes(std::span<const JournalFileUse> files, std::uint64_t rest) const;
  // No less than MovingBytes() without a rest of `count` files that are as one of `all`; quicker.
  std::uint64_t MovingBytesMax(const JournalFileUse& all, std::size_t count) const;
  // How much may be needed at once in `total_bytes` of `count` files, in terms of MoveCost().
  std::uint64_t NeededMax(std::uint64_t total_bytes, std::size_t count) const;
  std::uint64_t file_bytes() const { return file_bytes_; }

 private:
  // What moving takes once for every file.
  std::uint64_t BesideFile() const;

  std::uint64_t file_bytes_ = 0;
  std::uint64_t commit_bytes_ = 0;
  std::uint64_t checkpoint_ = 0;
  std::uint64_t awaited_ = 0;
  std::uint64_t votes_ = 0;
  std::uint64_t waste_ = 0;  // stays empty at the end of a file: the next record does not fit
};

// How much the leaders of one broker may have uncommitted, in bytes: so that the journal also holds
// what two other brokers lead and this one follows, when nobody can commit (two full journals that
// face each other).
std::uint64_t UncommittedBytesMax(const JournalOptions& options);

}  // namespace kronika::wal
