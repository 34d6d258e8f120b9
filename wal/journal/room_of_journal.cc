// How much the next group commit may take, and what is admitted: room.h's rules for the journal as
// it is. See journal_impl.h.
#include <algorithm>

#include "base/planted.h"
#include "wal/journal/journal_impl.h"

namespace kronika::wal {

RoomRules Journal::Impl::Rules() const {
  return {options, std::min(options.file_bytes, files.largest_bytes())};
}

std::uint64_t Journal::Impl::CurrentRoom() const {
  return files.live().empty() ? 0 : files.live().back().room();
}

std::size_t Journal::Impl::CommitRoom(std::uint64_t kept) const {
  const std::uint64_t limit = options.CommitBytesMax();
  const std::uint64_t current = CurrentRoom();
  const auto beyond = [&](std::uint64_t room) { return room > kept ? room - kept : 0; };
  const std::uint64_t here = std::min({limit, current, beyond(TotalRoom())});
  // A file is filled as long as every entry fits.
  if (files.free_count() == 0 || current >= options.EntryCommitBytesMax()) return here;
  return std::max(here, std::min(limit, beyond(files.free_bytes())));
}

QueueRoom Journal::Impl::Room() const {
  const RoomRules rules = Rules();
  const std::uint64_t awaited = rules.checkpoint() + MovingBytes();
  const std::uint64_t reserve = awaited + rules.awaited();
  // What was admitted is not held for a little that others wrote since.
  const std::uint64_t kept = reserve + rules.votes() / 2;
  // Entries take their own room, and as much again to be moved.
  const std::uint64_t ordinary = (std::max(TotalRoom(), kept) + kept) / 2;
  return {{CommitRoom(ordinary), CommitRoom(reserve), CommitRoom(awaited),
           CommitRoom(rules.checkpoint())}};
}

std::uint64_t Journal::Impl::MovingBytes() const {
  const RoomRules rules = Rules();
  const std::size_t count = files.live().size();
  if (count < 2 || KRONIKA_PLANTED("journal-moving-room-not-kept")) return 0;
  const std::uint64_t bound =
      rules.MovingBytesMax({.bytes = files.total_bytes(), .needed = index.needed()}, count);
  if (bound + rules.reserves() + options.CommitBytesMax() <= files.free_bytes()) return bound;
  return rules.MovingBytes(LiveFiles(), CurrentRoom());
}

std::vector<JournalFileUse> Journal::Impl::LiveFiles() const {
  std::vector<JournalFileUse> out;
  out.reserve(files.live().size());
  for (const JournalFile& file : files.live()) {
    out.push_back({.bytes = file.bytes, .needed = index.NeededOf(file.number)});
  }
  return out;
}

bool Journal::Impl::LivesPiledUp() const {
  return files.live().size() > options.files && checkpoint_id == checkpoint_id_at_open &&
         !KRONIKA_PLANTED("early-deaths-pile-up-files");
}

bool Journal::Impl::HasRoomFor(std::size_t entry_bytes) const {
  const RoomRules rules = Rules();
  // The ends of blocks that stay empty are not counted one by one.
  const std::uint64_t wanted = queue.ordinary_bytes() + entry_bytes;
  const std::uint64_t written = wanted + wanted / 8 + kBlockBytes;
  if (written + MovingBytes() + rules.reserves() > TotalRoom()) return false;
  // While files are still made, the room that they will be counts.
  const std::uint64_t total =
      std::max(files.total_bytes(), std::uint64_t{options.files} * rules.file_bytes());
  NeededEntries needed = index.needed();
  needed.entries += 1;
  needed.bytes += entry_bytes;
  return rules.MoveCost(needed, total) <=
         rules.NeededMax(total, std::max<std::size_t>(files.count(), options.files));
}

}  // namespace kronika::wal
