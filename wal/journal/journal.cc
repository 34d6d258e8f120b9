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
  const bool ordinary = !write.entries.empty() && write.group != kMetadataGroup;
  impl_->queue.Push({.group = write.group,
                     .ticket = ticket,
                     .priority = ordinary ? WritePriority::kOrdinary : WritePriority::kReserve,
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
  const JournalFiles& files = impl_->files;
  if (impl_->failure) return std::unexpected(*impl_->failure);
  std::uint64_t room = 0;
  if (files.free_count() > 0) {
    const std::uint64_t reserve = std::max(impl_->options.file_bytes, files.live().back().bytes);
    const std::uint64_t free = files.free_bytes();
    room = impl_->CurrentRoom() + (free > reserve ? free - reserve : 0);
  }
  // The ends of files and blocks that stay empty are not counted one by one.
  const std::uint64_t wanted = impl_->queue.ordinary_bytes() + bytes;
  if (wanted + wanted / 8 + kBlockBytes <= room) return {};
  return Fail(ErrorCode::kBusy, "the journal waits for a checkpoint", "journal");
}

Status Journal::ChargeUncommitted(std::size_t bytes) {
  const std::uint64_t bound = impl_->files.total_bytes() / 4;
  if (impl_->uncommitted_bytes + bytes > bound) {
    return Fail(ErrorCode::kBusy, "uncommitted entries take a quarter of the journal", "journal");
  }
  impl_->uncommitted_bytes += bytes;
  return {};
}

void Journal::CreditUncommitted(std::size_t bytes) {
  KRONIKA_CHECK(bytes <= impl_->uncommitted_bytes, "more was credited than charged");
  impl_->uncommitted_bytes -= bytes;
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
  // Appends are refused about now, so nothing more would be written that could ask for one.
  if (impl_->files.free_count() < 2 && impl_->files.live().size() > 1) return true;
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
                       .bytes_unreleased = impl_->index.needed_bytes(),
                       .writes_waiting = impl_->queue.size()};
  if (impl_->under_way) status.write_since = impl_->under_way->since;
  status.failure = impl_->failure;
  return status;
}

const JournalOptions& Journal::options() const {
  return impl_->options;
}

}  // namespace kronika::wal
