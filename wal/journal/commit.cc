// How group commits are written: choosing, gathering, and what their durability sets off. See
// journal_impl.h.
#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "wal/journal/journal_impl.h"

namespace kronika::wal {
void Journal::Impl::FailCheckpoint(Error error) {
  Answer(std::move(checkpoint->done), std::unexpected(std::move(error)));
  checkpoint.reset();
  Wake();
}

void Journal::Impl::Wake() {
  if (wake_posted || completing || under_way || failure) return;
  wake_posted = true;
  // Not at once: everything else of this turn belongs into the same group commit.
  loop.Post(Guarded([](Impl& self) {
    self.wake_posted = false;
    self.BeginCommit();
  }));
}

void Journal::Impl::BeginCommit() {
  if (under_way || failure) return;
  if (checkpoint) {
    if (files.free_count() == 0 && CurrentRoom() < kBlockBytes) {
      return FailCheckpoint(
          {ErrorCode::kNoSpace, "no room is left for a checkpoint's record", "journal"});
    }
    ChosenWrites writes;
    writes.records.push_back(
        {.kind = RecordKind::kCheckpoint, .body = EncodeBody(checkpoint->mark)});
    writes.meanings.emplace_back();
    writes.dones.push_back(std::move(checkpoint->done));
    const CheckpointMark mark = checkpoint->mark;
    checkpoint.reset();
    return WriteCommit(std::move(writes), mark, false);
  }
  ChosenWrites writes = queue.Choose(Room());
  if (!writes.records.empty()) return WriteCommit(std::move(writes), std::nullopt, false);
  if (!writes.dones.empty()) {  // writes of nothing
    completing = true;
    for (Done<void>& done : writes.dones) done({});
    completing = false;
    return Wake();
  }
  // What is left in the queue is held until a checkpoint frees a file; after a close there is none.
  if (closing) {
    for (Done<void>& done : queue.TakeAll()) {
      Answer(std::move(done), Fail(ErrorCode::kShutdown, "the journal is closing"));
    }
    return FinishClose();
  }
  ArmSeal();
}

void Journal::Impl::WriteCommit(ChosenWrites writes, std::optional<CheckpointMark> mark,
                                bool seal) {
  CommitSize size;
  for (const JournalRecord& record : writes.records) size.Add(record);
  if (CurrentRoom() < size.BytesMax()) TakeNextFile();
  JournalFile& file = *files.current();
  KRONIKA_CHECK(file.room() >= size.BytesMax(), "a group commit does not fit into its file");
  CommitHeader header{.directory_id = options.directory_id,
                      .file_number = file.number,
                      .block = static_cast<std::uint32_t>(file.used_bytes / kBlockBytes),
                      .open_epoch = open_epoch,
                      .sequence = sequence + 1,
                      .checkpoint_id = std::max(checkpoint_id, mark ? mark->id : 0),
                      .previous_crc = previous_crc};
  GatheredCommit gathered = Gather(header, writes.records);
  const std::uint64_t position = file.used_bytes;
  if (file.first_sequence == 0) file.first_sequence = header.sequence;
  file.last_sequence = header.sequence;
  file.used_bytes += gathered.bytes.size();
  if (KRONIKA_PLANTED("journal-ack-before-sync")) {
    for (Done<void>& done : writes.dones) Answer(std::move(done), {});
    writes.dones.clear();
  }
  under_way = CommitUnderWay{.writes = std::move(writes),
                             .header = gathered.header,
                             .directory = std::move(gathered.directory),
                             .checkpoint = mark,
                             .seal = seal,
                             .since = loop.Now()};
  Slices slices;
  slices.push_back(std::move(gathered.bytes));
  file.file->Write(position, std::move(slices), Durability::kSynced,
                   Guarded([](Impl& self, Status status) { self.OnWritten(std::move(status)); }));
}

void Journal::Impl::OnWritten(Status status) {
  CommitUnderWay commit = std::move(*under_way);
  under_way.reset();
  if (!status) {
    Error error = status.error();
    error.where = "journal " + JournalFileName(files.current()->number, files.current()->bytes);
    failure = error;
    log.Error("journal: a write failed, nothing more is acknowledged: {}", error.Describe());
    for (Done<void>& done : commit.writes.dones) done(std::unexpected(error));
    return FailAll(error);
  }
  OnDurable(std::move(commit));
  Wake();
}

void Journal::Impl::OnDurable(CommitUnderWay commit) {
  const std::uint64_t bytes = std::uint64_t{commit.header.blocks} * kBlockBytes;
  sequence = commit.header.sequence;
  previous_crc = commit.header.crc;
  checkpoint_id = commit.header.checkpoint_id;
  sealed = commit.seal;
  ++commits;
  bytes_written += bytes;
  bytes_since_checkpoint += bytes;
  PlaceEntries(commit);
  if (commit.checkpoint) {
    bytes_since_checkpoint = 0;
    Recycle(commit.checkpoint->position);
  }
  completing = true;
  for (Done<void>& done : commit.writes.dones) done({});
  completing = false;
  RetryWaitingReads();
}

void Journal::Impl::PlaceEntries(const CommitUnderWay& commit) {
  const auto file = static_cast<std::uint32_t>(commit.header.file_number);
  const auto base = static_cast<std::uint32_t>(commit.header.block * kBlockBytes);
  for (std::size_t i = 0; i < commit.writes.records.size(); ++i) {
    const JournalRecord& record = commit.writes.records[i];
    if (record.kind != RecordKind::kEntry && record.kind != RecordKind::kRewritten) continue;
    const DirectoryEntry& written = commit.directory[i];
    const EntryPlace place{.term = static_cast<std::uint32_t>(record.entry.term.value),
                           .file = file,
                           .position = base + written.offset,
                           .length = written.length,
                           .crc = written.crc};
    const ChosenRecord& meaning = commit.writes.meanings[i];
    if (meaning.moved_from) {
      index.Move(record.group, record.entry.index, *meaning.moved_from, place);
    } else {
      index.MarkDurable(record.group, record.entry.index, meaning.ticket, place);
    }
  }
}

void Journal::Impl::FailAll(const Error& error) {
  std::vector<Done<void>> dones = queue.TakeAll();
  if (checkpoint) {
    dones.push_back(std::move(checkpoint->done));
    checkpoint.reset();
  }
  for (Done<void>& done : close_done) dones.push_back(std::move(done));
  close_done.clear();
  for (Done<void>& done : dones) done(std::unexpected(error));
  RetryWaitingReads();
}

// One timer at a time; it looks at the counter instead of being set anew by every commit.
void Journal::Impl::ArmSeal() {
  if (sealed || seal_armed || commits == 0) return;
  seal_armed = true;
  commits_at_arming = commits;
  seal_timer = loop.RunAfter(options.idle_seal_delay, Guarded([](Impl& self) {
                               self.seal_armed = false;
                               self.OnIdle();
                             }));
}

void Journal::Impl::OnIdle() {
  if (failure || sealed || under_way || wake_posted) return;
  if (commits != commits_at_arming) return ArmSeal();
  if (Room().For(WritePriority::kReserve) < kBlockBytes) return;
  ChosenWrites seal;
  seal.records.push_back({.kind = RecordKind::kSeal});
  seal.meanings.emplace_back();
  WriteCommit(std::move(seal), std::nullopt, true);
}

void Journal::Impl::FinishClose() {
  if (!sealed && commits != 0) {
    commits_at_arming = commits;
    OnIdle();
    if (under_way) return;
  }
  for (Done<void>& done : close_done) Answer(std::move(done), {});
  close_done.clear();
}

void Journal::Impl::Recycle(JournalPosition position) {
  while (files.live().size() > 1) {
    const JournalFile& oldest = files.live().front();
    if (oldest.last_sequence >= position.sequence) return;
    files.RecycleOldest();
  }
}

// What the file held could be read until now; what comes must not be taken for it.
void Journal::Impl::TakeNextFile() {
  const std::uint32_t number = files.Advance();
  if (!KRONIKA_PLANTED("journal-places-outlive-their-file")) index.DropFile(number);
}

void Journal::Impl::WriteOpened(Done<void> done) {
  ChosenWrites writes;
  writes.records.push_back({.kind = RecordKind::kOpened});
  writes.meanings.emplace_back();
  writes.dones.push_back(std::move(done));
  TakeNextFile();
  WriteCommit(std::move(writes), std::nullopt, false);
}

}  // namespace kronika::wal
