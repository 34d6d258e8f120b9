// Rewriting forward: entries that are not applied yet and keep the oldest file from being recycled
// are written again at the end, as a kind that only fills (SAFETY A7, B11). See journal_impl.h.
//
// 1. Only a group's current value is written: an entry that was truncated or overwritten since is
//    left out, at the moment of queueing, so that the chain's order is the order of the values.
// 2. The order is that of the file.
#include <algorithm>

#include "base/check.h"
#include "base/planted.h"
#include "wal/journal/journal_impl.h"

namespace kronika::wal {

struct Journal::Impl::RewriteUnderWay {
  std::vector<PlacedEntry> needed;
  std::size_t next = 0;
  PlaceRun run;
  std::shared_ptr<File> file;
  std::size_t queued = 0;  // writes that are not durable yet
  bool all_read = false;
  std::optional<Error> error;
  Done<void> done;
};

// Whether a pass over the whole journal would free a quarter of a file: else it would only be
// written round and round.
bool Journal::Impl::MovingFreesEnough() const {
  const RoomRules rules = Rules();
  std::uint64_t used = 0;
  for (const JournalFile& file : files.live()) used += file.used_bytes;
  const std::uint64_t kept = rules.MoveCost(index.needed(), used);
  return kept + rules.file_bytes() / 4 <= used;
}

void Journal::RewriteForward(Done<void> done) {
  Impl& impl = *impl_;
  if (impl.failure) return impl.Answer(std::move(done), std::unexpected(*impl.failure));
  if (!OldestIsPinned() || KRONIKA_PLANTED("journal-pinned-file-stays"))
    return impl.Answer(std::move(done), {});
  if (impl.rewriting || !impl.MovingFreesEnough()) {
    return impl.Answer(std::move(done),
                       Fail(ErrorCode::kBusy, "too much of the journal is needed", "journal"));
  }
  const JournalFile& oldest = impl.files.live().front();
  auto rewrite = std::make_shared<Impl::RewriteUnderWay>();
  rewrite->needed = impl.index.NeededIn(oldest.number);
  rewrite->file = oldest.file;
  rewrite->done = std::move(done);
  impl.rewriting = true;
  impl.ContinueRewrite(std::move(rewrite));
}

void Journal::Impl::ContinueRewrite(std::shared_ptr<RewriteUnderWay> rewrite) {
  if (rewrite->error || rewrite->next == rewrite->needed.size()) {
    rewrite->all_read = true;
    return EndRewrite(std::move(rewrite), {});
  }
  const auto left = std::span(rewrite->needed).subspan(rewrite->next);
  rewrite->run = PlanRun(left);
  rewrite->file->Read(rewrite->run.from, rewrite->run.size,
                      Guarded([rewrite](Impl& self, Result<Slice> bytes) {
                        if (bytes) {
                          self.QueueRewritten(rewrite, *bytes);
                        } else {
                          rewrite->error = bytes.error();
                        }
                        self.ContinueRewrite(rewrite);
                      }));
}

// One queued write per group and run.
void Journal::Impl::QueueRewritten(const std::shared_ptr<RewriteUnderWay>& shared,
                                   const Slice& bytes) {
  RewriteUnderWay& rewrite = *shared;
  std::map<GroupId, QueuedWrite> writes;
  for (std::size_t i = 0; i < rewrite.run.count; ++i) {
    const PlacedEntry& placed = rewrite.needed[rewrite.next++];
    const bool current = index.Find(placed.group, placed.index) == placed.place;
    if (!current || !index.IsNeeded(placed.group, placed.index)) continue;
    auto entry = ExtractEntry(placed, rewrite.run, bytes);
    if (!entry) {
      rewrite.error = entry.error();
      return;
    }
    QueuedWrite& write = writes[placed.group];
    write.group = placed.group;
    write.priority = WritePriority::kRewrite;
    write.records.push_back(
        {.kind = RecordKind::kRewritten, .group = placed.group, .entry = std::move(*entry)});
    write.moved_from.push_back(placed.place);
  }
  // Reads of the next run and the writes of this one overlap; the rewriting ends with the last of
  // them.
  for (auto& [group, write] : writes) {
    ++rewrite.queued;
    write.done = Guarded([shared](Impl& self, Status status) {
      --shared->queued;
      self.EndRewrite(shared, std::move(status));
    });
    queue.Push(std::move(write));
  }
  Wake();
}

void Journal::Impl::EndRewrite(std::shared_ptr<RewriteUnderWay> rewrite, Status status) {
  if (!status && !rewrite->error) rewrite->error = status.error();
  if (!rewrite->all_read || rewrite->queued > 0 || !rewrite->done) return;
  rewriting = false;
  Done<void> done = std::move(rewrite->done);
  rewrite->done = nullptr;
  Status result;
  if (rewrite->error) result = std::unexpected(*rewrite->error);
  Answer(std::move(done), std::move(result));
}

}  // namespace kronika::wal
