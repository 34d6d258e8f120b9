#include "wal/journal/journal.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "wal/journal/journal_impl.h"

namespace kronika::wal {
namespace {

constexpr std::uint64_t kCheckpointBytesMax = std::uint64_t{256} << 20;

std::vector<JournalRecord> RecordsOf(JournalWrite& write) {
  std::vector<JournalRecord> records;
  const auto add = [&](RecordKind kind, std::string body) {
    records.push_back({.kind = kind, .group = write.group, .body = std::move(body)});
  };
  if (write.removed) add(RecordKind::kRemoved, {});
  if (write.created) add(RecordKind::kCreated, EncodeBody(*write.created));
  if (write.installed) add(RecordKind::kInstalled, EncodeBody(*write.installed));
  if (write.hard_state) add(RecordKind::kHardState, EncodeBody(*write.hard_state));
  if (write.truncate_from) add(RecordKind::kTruncateFrom, EncodeBody(*write.truncate_from));
  for (JournalEntry& entry : write.entries) {
    records.push_back(
        {.kind = RecordKind::kEntry, .group = write.group, .entry = std::move(entry)});
  }
  return records;
}

WritePriority PriorityOf(const JournalWrite& write) {
  const bool own_entries = write.group == kMetadataGroup || write.protocol_only;
  if (!write.entries.empty() && !own_entries) return WritePriority::kOrdinary;
  // No checkpoint passes a creation or an install that is not durable (SAFETY A3, A8).
  const bool awaited = write.created || write.installed || write.removed;
  return awaited && write.entries.empty() ? WritePriority::kAwaited : WritePriority::kReserve;
}

// The in-memory effects of a write, at once.
void ApplyTo(PositionIndex& index, const JournalWrite& write, std::uint32_t ticket) {
  if (write.removed) index.Remove(write.group);
  if (write.installed) index.Install(write.group, write.installed->index, write.installed->term);
  if (write.truncate_from) index.TruncateFrom(write.group, *write.truncate_from);
  for (const JournalEntry& entry : write.entries) index.AppendPending(write.group, entry, ticket);
}

}  // namespace

std::size_t JournalOptions::EntryBytesMax() const {
  const std::uint64_t smallest = std::min(file_bytes, first_file_bytes * 4);
  return smallest / 8 - kBlockBytes;
}

std::size_t JournalOptions::EntryCommitBytesMax() const {
  return RoundUpToBlock(CommitBytes(1, EntryBytesMax() + kEntryHeaderBytes, 1));
}

std::size_t JournalOptions::CommitBytesMax() const {
  const std::uint64_t smallest = std::min(file_bytes, first_file_bytes);
  return std::max(std::min<std::size_t>(commit_bytes_max, smallest / 4), EntryCommitBytesMax());
}

Journal::Journal(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Journal::~Journal() {
  impl_->loop.Cancel(impl_->seal_timer);
}

void Journal::Append(JournalWrite write, Done<void> done) {
  if (impl_->failure) return impl_->Answer(std::move(done), std::unexpected(*impl_->failure));
  if (impl_->closing) {
    return impl_->Answer(std::move(done), Fail(ErrorCode::kShutdown, "the journal is closing"));
  }
  const std::size_t bytes_max = impl_->options.EntryBytesMax();
  const auto too_large = [&](const JournalEntry& entry) {
    return entry.payload.size() > bytes_max;
  };
  const bool installed_too_large =
      write.installed &&
      write.installed->manifest.size() + write.installed->membership.size() + 64 > bytes_max;
  if (std::ranges::any_of(write.entries, too_large) || installed_too_large) {
    return impl_->Answer(
        std::move(done),
        Fail(ErrorCode::kInvalidArgument, "an entry is larger than an eighth of a journal file"));
  }
  const std::uint32_t ticket = ++impl_->last_ticket;
  ApplyTo(impl_->index, write, ticket);
  impl_->queue.Push({.group = write.group,
                     .ticket = ticket,
                     .priority = PriorityOf(write),
                     .records = RecordsOf(write),
                     .done = std::move(done)});
  impl_->Wake();
}

Index Journal::FirstReadable(GroupId group) const {
  return impl_->index.First(group);
}

void Journal::ReleaseTo(GroupId group, Index index) {
  impl_->index.ReleaseTo(group, index);
  if (KRONIKA_PLANTED("journal-recycle-before-checkpoint")) {
    impl_->Recycle(CheckpointPosition(CheckpointStart()));
  }
}

Status Journal::Admit(std::size_t bytes) const {
  if (impl_->failure) return std::unexpected(*impl_->failure);
  if (impl_->HasRoomFor(bytes)) return {};
  return Fail(ErrorCode::kBusy, "the journal waits for a checkpoint", "journal");
}

JournalPosition Journal::CheckpointStart() const {
  return {impl_->sequence + 1};
}

JournalPosition Journal::CheckpointPosition(JournalPosition start) const {
  for (const JournalFile& file : impl_->files.live()) {
    if (file.first_sequence >= start.sequence) break;
    if (impl_->index.FileIsNeeded(file.number)) return {file.first_sequence};
  }
  return start;
}

bool Journal::WantsCheckpoint() const {
  const std::uint64_t quarter = impl_->files.total_bytes() / 4;
  if (impl_->bytes_since_checkpoint >= std::min(quarter, kCheckpointBytesMax)) return true;
  // Appends are refused, so nothing more would be written that could ask for one.
  const bool any_to_free = impl_->files.live().size() > 1;
  if (any_to_free && !impl_->HasRoomFor(impl_->options.EntryBytesMax())) return true;
  if (impl_->LivesPiledUp()) return true;
  return ShortOfFiles() && impl_->bytes_since_checkpoint >= quarter / 4;
}

bool Journal::ShortOfFiles() const {
  return impl_->files.free_count() < 3 && impl_->files.live().size() > 1;
}

void Journal::Checkpoint(CheckpointMark mark, Done<void> done) {
  if (impl_->failure) return impl_->Answer(std::move(done), std::unexpected(*impl_->failure));
  KRONIKA_CHECK(!impl_->checkpoint, "one checkpoint at a time");
  KRONIKA_CHECK(mark.position.sequence <= impl_->sequence + 1, "a checkpoint past the end");
  impl_->checkpoint = QueuedCheckpoint{.mark = mark, .done = std::move(done)};
  impl_->Wake();
}

bool Journal::Frees(JournalPosition position) const {
  const auto& live = impl_->files.live();
  return live.size() > 1 && live.front().last_sequence < position.sequence;
}

bool Journal::OldestIsPinned() const {
  const auto& live = impl_->files.live();
  return live.size() > 1 && impl_->index.FileIsNeeded(live.front().number);
}

void Journal::Close(Done<void> done) {
  if (impl_->failure) return impl_->Answer(std::move(done), std::unexpected(*impl_->failure));
  impl_->closing = true;
  impl_->close_done.push_back(std::move(done));
  impl_->Wake();
}

JournalStatus Journal::status() const {
  const JournalFiles& files = impl_->files;
  JournalStatus status{.open_epoch = impl_->open_epoch,
                       .sequence = impl_->sequence,
                       .checkpoint_id = impl_->checkpoint_id,
                       .commits = impl_->commits,
                       .bytes_written = impl_->bytes_written,
                       .files = files.count(),
                       .files_free = files.free_count(),
                       .files_recycled = files.recycled(),
                       .bytes_total = files.total_bytes(),
                       .bytes_free = files.free_bytes() + impl_->CurrentRoom(),
                       .bytes_unreleased = impl_->index.needed().bytes,
                       .bytes_moving = impl_->MovingBytes(),
                       .writes_waiting = impl_->queue.size()};
  if (impl_->under_way) status.write_since = impl_->under_way->since;
  status.failure = impl_->failure;
  return status;
}

const JournalOptions& Journal::options() const {
  return impl_->options;
}

}  // namespace kronika::wal
