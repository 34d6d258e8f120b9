// Journal::Open: removes leftovers, reads every file, decides, replays, and begins a new open epoch
// in a new file.
//
// Called on the journal's loop; one step after the other, each started by the completion of the one
// before.
// 1. Nothing is written before the verdict, and nothing is accepted before the `opened` record is
//    durable.
// 2. A file that holds a group commit from the replay's start on, or a broken piece of one, is not
//    written to.
//
// Source: docs/formats.md, "The journal"; SAFETY A1, A5, A11, E.
#include <fmt/format.h>

#include <algorithm>
#include <ranges>
#include <vector>

#include "base/check.h"
#include "base/planted.h"
#include "wal/journal/chain.h"
#include "wal/journal/journal_impl.h"
#include "wal/journal/replay.h"

namespace kronika::wal {
namespace {

// Of the group commits of a file, broken ones too, but not of what lies behind a newer one that is
// whole: that is left of what the file held before it was last taken.
std::vector<std::uint64_t> SequencesIn(const FileScan& scan) {
  struct Piece {
    std::uint64_t block = 0;  // a footer's own: the beginning of an old one may be written over
    std::uint64_t sequence = 0;
    bool whole = false;
  };
  std::vector<Piece> pieces;
  for (const ScannedCommit& commit : scan.commits)
    pieces.push_back({commit.header.block, commit.header.sequence, commit.whole()});
  for (const auto& [footer, first_block] : scan.footers)
    pieces.push_back({first_block + footer.blocks - 1, footer.sequence, false});
  std::ranges::sort(pieces, {}, &Piece::block);
  std::vector<std::uint64_t> out;
  std::uint64_t newest_whole = 0;
  for (const Piece& piece : pieces) {
    if (piece.sequence < newest_whole && !KRONIKA_PLANTED("journal-leftovers-count")) continue;
    if (piece.whole) newest_whole = piece.sequence;
    out.push_back(piece.sequence);
  }
  return out;
}

}  // namespace

class JournalOpening : public std::enable_shared_from_this<JournalOpening> {
 public:
  JournalOpening(JournalSeams seams, JournalOptions options, JournalBase base,
                 Done<OpenedJournal> done)
      : files_(seams.files),
        log_(seams.log),
        base_(std::move(base)),
        done_(std::move(done)),
        impl_(std::make_shared<Journal::Impl>(seams.loop, seams.files, seams.log,
                                              std::move(options))) {}

  void Start();

 private:
  struct FoundFile {
    JournalFileIdentity identity;
    std::string name;
    std::shared_ptr<File> file;
  };

  template <class Function>
  auto Then(Function function) {
    return [self = shared_from_this(), function = std::move(function)](auto... result) mutable {
      function(*self, std::move(result)...);
    };
  }
  // As Then, for steps that cannot go on after an error.
  template <class Function>
  auto ThenIfOk(Function function) {
    return [self = shared_from_this(), function = std::move(function)](auto result) mutable {
      if (!result) return self->Finish(std::unexpected(std::move(result).error()));
      function(*self, std::move(result));
    };
  }

  const JournalOptions& options() const { return impl_->options; }
  std::string Path(const std::string& name) const { return options().folder + "/" + name; }
  void List();
  void TakeList(std::vector<DirEntry> entries);
  void RemoveLeftovers();
  void ScanNext();
  void ScanOne(const FoundFile& found, Slice content);
  void Decide();
  bool ScanAgainAfterRemovals(const ChainDecision& decision);
  void HardenLast(const ChainDecision& decision);
  void SortFiles();
  void FillFirst();
  void Begin();
  void Finish(Result<OpenedJournal> result);

  Files& files_;
  Log& log_;
  JournalBase base_;
  Done<OpenedJournal> done_;
  std::shared_ptr<Journal::Impl> impl_;
  std::vector<std::string> leftovers_;
  std::vector<FoundFile> found_;
  std::vector<FileScan> scans_;  // of found_, in its order
  OpenedJournal opened_;
};

void JournalOpening::Start() {
  const JournalOptions& o = options();
  KRONIKA_CHECK(o.files >= JournalOptions::kFilesMin, "too few journal files");
  KRONIKA_CHECK(o.file_bytes % kBlockBytes == 0 && o.first_file_bytes % kBlockBytes == 0);
  KRONIKA_CHECK(o.file_bytes >= 16 * kBlockBytes && o.first_file_bytes >= 16 * kBlockBytes);
  KRONIKA_CHECK(o.file_bytes < (std::uint64_t{1} << 32), "positions are 32 bits");
  files_.CreateDir(o.folder, ThenIfOk([](JournalOpening& self, const Status&) {
                     self.files_.SyncDir("", self.ThenIfOk([](JournalOpening& next, const Status&) {
                       next.List();
                     }));
                   }));
}

void JournalOpening::List() {
  files_.List(options().folder, ThenIfOk([](JournalOpening& self, auto entries) {
                self.TakeList(std::move(*entries));
              }));
}

void JournalOpening::TakeList(std::vector<DirEntry> entries) {
  for (DirEntry& entry : entries) {
    if (IsFillingName(entry.name)) {
      leftovers_.push_back(entry.name);
    } else if (const auto identity = ParseJournalFileName(entry.name)) {
      found_.push_back({.identity = *identity, .name = entry.name, .file = nullptr});
    } else {
      log_.Warn("journal: {} is not a journal file and is left alone", Path(entry.name));
    }
  }
  RemoveLeftovers();
}

void JournalOpening::RemoveLeftovers() {
  if (leftovers_.empty()) return ScanNext();
  const std::string path = Path(leftovers_.back());
  leftovers_.pop_back();
  files_.Remove(path,
                ThenIfOk([](JournalOpening& self, const Status&) { self.RemoveLeftovers(); }));
}

void JournalOpening::ScanNext() {
  if (scans_.size() == found_.size()) return Decide();
  FoundFile& found = found_[scans_.size()];
  const auto read = [](JournalOpening& self) {
    FoundFile& current = self.found_[self.scans_.size()];
    current.file->Read(0, current.identity.bytes,
                       self.ThenIfOk([](JournalOpening& again, Result<Slice> content) {
                         again.ScanOne(again.found_[again.scans_.size()], std::move(*content));
                       }));
  };
  if (found.file) return read(*this);
  files_.Open(Path(found.name), {.direct = true},
              ThenIfOk([read](JournalOpening& self, Result<std::unique_ptr<File>> file) {
                self.found_[self.scans_.size()].file = std::move(*file);
                read(self);
              }));
}

// In the background: the checksums of a whole file would hold up the loop.
void JournalOpening::ScanOne(const FoundFile& found, Slice content) {
  ScanRequest request{.name = found.name,
                      .number = found.identity.number,
                      .directory_id = options().directory_id,
                      .replay_from = base_.mark.position};
  request.wants_payload = [this](GroupId group, Index index) {
    const auto applied = base_.applied.find(group);
    return applied == base_.applied.end() || index > applied->second;
  };
  auto scan = std::make_shared<FileScan>();
  auto work = [request = std::move(request), content = std::move(content), scan] {
    *scan = ScanFile(request, content.bytes());
  };
  impl_->loop.Background(std::move(work), Then([scan](JournalOpening& self) {
                           const FoundFile& scanned = self.found_[self.scans_.size()];
                           scan->size_is_right = scanned.file->Size() == scanned.identity.bytes;
                           self.scans_.push_back(std::move(*scan));
                           self.ScanNext();
                         }));
}

void JournalOpening::Decide() {
  const ChainDecision decision = DecideChain(scans_, base_.mark);
  if (ScanAgainAfterRemovals(decision)) return;
  opened_.verdict = decision.verdict;
  log_.Info("journal: {}", opened_.verdict.Describe());
  if (decision.verdict.match != JournalMatch::kReplay) {
    return Finish(Fail(ErrorCode::kFenced,
                       "journal and checkpoints do not belong together, this data directory was "
                       "rolled back or lost a part (" +
                           opened_.verdict.Describe() + ")",
                       "journal"));
  }
  Replay replay(base_.applied);
  for (const ScannedCommit* commit : decision.commits) {
    replay.Apply(*commit);
    impl_->bytes_since_checkpoint += std::uint64_t{commit->header.blocks} * kBlockBytes;
  }
  Replay::Result replayed = replay.Finish(impl_->index);
  opened_.groups = std::move(replayed.groups);
  for (JournalDamage& hole : replayed.holes) opened_.verdict.damages.push_back(std::move(hole));
  impl_->open_epoch = decision.next_epoch;
  impl_->sequence = decision.next_sequence - 1;
  impl_->previous_crc = decision.previous_crc;
  // The `opened` record makes up for a checkpoint's record that a crash prevented: else a second
  // such crash would look like a roll-back.
  impl_->checkpoint_id = std::max(decision.checkpoint_id, base_.mark.id);
  impl_->checkpoint_id_at_open = impl_->checkpoint_id;
  HardenLast(decision);
}

// One write is under way at a time, so only the last group commit may have been read without being
// durable: its sync failed, or never ended. What follows builds on it, so the same bytes are
// written to their place again and synced.
void JournalOpening::HardenLast(const ChainDecision& decision) {
  auto go_on = [](JournalOpening& self, const Status&) {
    self.SortFiles();
    self.FillFirst();
  };
  if (decision.last == nullptr || KRONIKA_PLANTED("journal-tail-trusted")) return go_on(*this, {});
  const auto found = std::ranges::find(found_, decision.last_file->number,
                                       [](const FoundFile& file) { return file.identity.number; });
  KRONIKA_CHECK(found != found_.end(), "a scan is of a file that was found");
  const auto& header = decision.last->header;
  const std::uint64_t position = std::uint64_t{header.block} * kBlockBytes;
  const auto write = [file = found->file, position, go_on](JournalOpening& self, auto content) {
    file->Write(position, {std::move(*content)}, Durability::kSynced, self.ThenIfOk(go_on));
  };
  found->file->Read(position, std::size_t{header.blocks} * kBlockBytes, ThenIfOk(write));
}

// A group that was removed and created again has a log of its own, of which the old manifest knows
// nothing: the entries that it seemed to make superfluous are needed.
bool JournalOpening::ScanAgainAfterRemovals(const ChainDecision& decision) {
  bool again = false;
  for (const ScannedCommit* commit : decision.commits) {
    for (const ScannedRecord& scanned : commit->records) {
      if (scanned.record.kind != RecordKind::kRemoved) continue;
      again = base_.applied.erase(scanned.record.group) > 0 || again;
    }
  }
  if (again) {
    scans_.clear();
    ScanNext();
  }
  return again;
}

void JournalOpening::SortFiles() {
  struct Sortable {
    JournalFile file;
    bool live = false;
    std::uint64_t newest = 0;  // the highest sequence of which anything is in it
  };
  std::vector<Sortable> all;
  for (std::size_t i = 0; i < found_.size(); ++i) {
    impl_->files.NumberSeen(found_[i].identity.number);
    // Stays as it is, as evidence.
    if (!scans_[i].size_is_right) continue;
    Sortable item;
    item.file = {.number = found_[i].identity.number,
                 .bytes = found_[i].identity.bytes,
                 .file = std::move(found_[i].file)};
    const auto see = [&](std::uint64_t sequence) {
      item.newest = std::max(item.newest, sequence);
      if (sequence < base_.mark.position.sequence) return;
      item.live = true;
      if (item.file.first_sequence == 0) item.file.first_sequence = sequence;
      item.file.first_sequence = std::min(item.file.first_sequence, sequence);
      item.file.last_sequence = std::max(item.file.last_sequence, sequence);
    };
    for (const std::uint64_t sequence : SequencesIn(scans_[i])) see(sequence);
    item.file.used_bytes = item.file.bytes;
    all.push_back(std::move(item));
  }
  std::ranges::sort(all, {}, [](const Sortable& s) { return std::pair(s.newest, s.file.number); });
  // A piece that was cut off has the sequence that the next life's first group commit takes again:
  // it must not outlast what lies before that one, or an entry behind it would pin both.
  std::uint64_t next = impl_->sequence + 1;
  for (JournalFile& file : all | std::views::reverse | std::views::filter(&Sortable::live) |
                               std::views::transform(&Sortable::file)) {
    const bool only_cut_off = file.first_sequence >= next;
    file.last_sequence = std::min(file.last_sequence, next - 1);
    file.first_sequence = std::min(file.first_sequence, file.last_sequence);
    if (!only_cut_off) next = file.first_sequence;
  }
  for (Sortable& item : all) {
    if (item.live) {
      impl_->files.AddLive(std::move(item.file));
    } else {
      item.file.used_bytes = 0;
      // Files with the oldest leftovers first, so that what is kept stays connected.
      impl_->files.AddFree(std::move(item.file));
    }
  }
  scans_.clear();
}

// One file to write to and one in reserve, and as much as moving what is needed takes; the rest is
// filled while the journal serves.
void JournalOpening::FillFirst() {
  const JournalFiles& files = impl_->files;
  const RoomRules rules = impl_->Rules();
  // The planted bug: it is believed that only a journal that is new lacks files.
  if (KRONIKA_PLANTED("only-a-new-journal-fills") && !files.live().empty()) return Begin();
  const bool usable = files.free_count() >= 2 || (files.free_count() == 1 && files.count() > 2);
  const std::uint64_t kept =
      rules.reserves() + rules.MovingBytes(impl_->LiveFiles(), 0) + kBlockBytes;
  if (usable && files.free_bytes() >= kept) return Begin();
  const std::uint64_t first = std::min(options().file_bytes, options().first_file_bytes);
  const std::uint64_t bytes = usable ? options().file_bytes : first;
  impl_->files.Fill(bytes, Then([usable](JournalOpening& self, Status filled) {
                      if (filled) return self.FillFirst();
                      // A journal that is nearly full serves as well as it can.
                      if (usable) return self.Begin();
                      self.Finish(std::unexpected(std::move(filled).error()));
                    }));
}

void JournalOpening::Begin() {
  impl_->WriteOpened(ThenIfOk([](JournalOpening& self, const Status&) {
    const std::weak_ptr impl(self.impl_);
    auto on_new_file = [impl] {
      if (const auto alive = impl.lock()) alive->Wake();
    };
    auto on_removed = [impl](std::uint32_t number) {
      if (const auto alive = impl.lock()) alive->index.DropFile(number);
    };
    self.impl_->files.KeepWhole(std::move(on_new_file), std::move(on_removed));
    self.opened_.journal.reset(new Journal(self.impl_));
    self.Finish(std::move(self.opened_));
  }));
}

void JournalOpening::Finish(Result<OpenedJournal> result) {
  auto done = std::move(done_);
  done(std::move(result));
}

void Journal::Open(JournalSeams seams, JournalOptions options, JournalBase base,
                   Done<OpenedJournal> done) {
  std::make_shared<JournalOpening>(seams, std::move(options), std::move(base), std::move(done))
      ->Start();
}

}  // namespace kronika::wal
