// Reading entries back, for catch-up: by their positions, in runs of neighbours, each checked
// against its checksum. See journal_impl.h.
#include <algorithm>

#include "base/crc32c.h"
#include "wal/journal/journal_impl.h"

namespace kronika::wal {
PlaceRun PlanRun(std::span<const PlacedEntry> places) {
  const EntryPlace& first = places.front().place;
  const std::uint64_t from = first.position / kBlockBytes * kBlockBytes;
  std::uint64_t end = std::uint64_t{first.position} + first.length;
  std::size_t count = 1;
  for (; count < places.size(); ++count) {
    const EntryPlace& place = places[count].place;
    const std::uint64_t place_end = std::uint64_t{place.position} + place.length;
    const bool near = place.file == first.file && place.position >= end &&
                      place.position - end <= kReadGapBytesMax;
    if (!near || place_end - from > kReadRunBytesMax) break;
    end = place_end;
  }
  return {.count = count, .from = from, .size = RoundUpToBlock(end - from)};
}

Result<JournalEntry> ExtractEntry(const PlacedEntry& placed, const PlaceRun& run,
                                  const Slice& bytes) {
  const EntryPlace& place = placed.place;
  const std::uint64_t at = place.position - run.from;
  const auto bad = [&] {
    return Fail(ErrorCode::kCorruption, "an entry's bytes changed on the disk",
                "journal file " + std::to_string(place.file));
  };
  if (at + place.length > bytes.size() || place.length < kEntryHeaderBytes) return bad();
  const Slice record = bytes.Sub(at, place.length);
  if (crc32c::Value(record.bytes()) != place.crc) return bad();
  const auto decoded = DecodeRecord(record.bytes());
  if (!decoded || decoded->group != placed.group) return bad();
  const auto* found = std::get_if<JournalEntry>(&decoded->content);
  if (found == nullptr || found->index != placed.index || found->term.value != place.term) {
    return bad();
  }
  JournalEntry entry = *found;
  entry.payload = record.Sub(kEntryHeaderBytes, place.length - kEntryHeaderBytes);
  return entry;
}

struct Journal::Impl::ReadUnderWay {
  GroupId group;
  EntryRange range;
  Done<std::vector<JournalEntry>> done;
  std::vector<JournalEntry> entries;
  std::size_t bytes = 0;
  Index next;
  std::vector<PlacedEntry> places;  // of the run under way
  PlaceRun run;
  std::shared_ptr<File> file;  // stays open while it is read

  void Finish(Result<std::vector<JournalEntry>> result) { done(std::move(result)); }
};

void Journal::Read(GroupId group, EntryRange range, Done<std::vector<JournalEntry>> done) {
  auto read = std::make_shared<Impl::ReadUnderWay>();
  read->group = group;
  read->range = range;
  read->next = range.first;
  read->done = std::move(done);
  impl_->loop.Post(impl_->Guarded([read](Impl& self) mutable { self.StartRead(std::move(read)); }));
}

void Journal::Impl::StartRead(std::shared_ptr<ReadUnderWay> read) {
  const auto place = index.Find(read->group, read->range.first);
  if (!place || read->range.last < read->range.first) {
    return read->Finish(Fail(ErrorCode::kNotFound, "the journal does not hold this entry"));
  }
  if (!place->pending()) return ContinueRead(std::move(read));
  if (failure) return read->Finish(std::unexpected(*failure));
  waiting_reads.push_back(std::move(read));
}

void Journal::Impl::RetryWaitingReads() {
  std::deque<std::shared_ptr<ReadUnderWay>> reads;
  reads.swap(waiting_reads);
  for (auto& read : reads) StartRead(std::move(read));
}

void Journal::Impl::ContinueRead(std::shared_ptr<ReadUnderWay> read) {
  read->places.clear();
  std::size_t bytes = read->bytes;
  bool any = !read->entries.empty();
  for (Index i = read->next; i <= read->range.last; ++i) {
    const auto place = index.Find(read->group, i);
    if (!place || place->pending()) break;
    bytes += place->length;
    if (any && bytes > read->range.bytes_max) break;
    any = true;
    read->places.push_back({read->group, i, *place});
  }
  if (read->places.empty()) return read->Finish(std::move(read->entries));
  const JournalFile* file = files.Find(read->places.front().place.file);
  if (file == nullptr) return read->Finish(Fail(ErrorCode::kNotFound, "its file was removed"));
  read->file = file->file;
  read->run = PlanRun(read->places);
  read->places.resize(read->run.count);
  read->file->Read(read->run.from, read->run.size,
                   Guarded([read](Impl& self, Result<Slice> result) {
                     self.TakeRead(*read, std::move(result));
                     if (read->done) self.ContinueRead(read);
                   }));
}

void Journal::Impl::TakeRead(ReadUnderWay& read, Result<Slice> bytes) {
  const auto finish = [&](Result<std::vector<JournalEntry>> result) {
    auto done = std::move(read.done);
    read.done = nullptr;
    done(std::move(result));
  };
  if (!bytes) return finish(std::unexpected(bytes.error()));
  for (const PlacedEntry& placed : read.places) {
    // Overwritten or recycled while it was read: what is there now is not meant.
    if (index.Find(placed.group, placed.index) != placed.place) {
      if (!read.entries.empty()) return finish(std::move(read.entries));
      return finish(Fail(ErrorCode::kNotFound, "the entry was dropped while it was read"));
    }
    auto entry = ExtractEntry(placed, read.run, *bytes);
    if (!entry) return finish(std::unexpected(entry.error()));
    read.bytes += placed.place.length;
    read.entries.push_back(std::move(*entry));
    read.next = placed.index + 1;
  }
}

}  // namespace kronika::wal
