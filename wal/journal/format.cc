#include "wal/journal/format.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kronika::wal {
namespace {

// Terms become Kafka's leader epochs, which are signed 32 bits.
constexpr std::uint64_t kTermMax = 0x7FFFFFFF;

// Nobody counts that far; so adding to them never overflows.
constexpr std::uint64_t kCounterMax = std::uint64_t{1} << 62;

bool CountersAreSane(std::uint64_t sequence, std::uint64_t open_epoch) {
  return sequence != 0 && sequence <= kCounterMax && open_epoch <= kCounterMax;
}

bool BelongsToGroup(RecordKind kind) {
  return kind != RecordKind::kCheckpoint && kind != RecordKind::kSeal &&
         kind != RecordKind::kOpened;
}

std::optional<RecordContent> DecodeBody(RecordKind kind, std::uint8_t entry_type, LeReader& in) {
  switch (kind) {
    case RecordKind::kEntry:
    case RecordKind::kRewritten: {
      JournalEntry entry;
      entry.index = {in.Int<std::uint64_t>()};
      entry.term = {in.Int<std::uint64_t>()};
      entry.type = entry_type;
      entry.append_time_ms = in.Int<std::int64_t>();
      in.Take(in.left());
      if (entry.index.value == 0 || entry.term.value > kTermMax) return std::nullopt;
      return entry;
    }
    case RecordKind::kHardState: {
      JournalHardState state;
      state.term = {in.Int<std::uint64_t>()};
      state.vote_incarnation = {in.Int<std::uint64_t>()};
      state.vote_broker = {in.Int<std::int32_t>()};
      if (in.Int<std::uint32_t>() != 0) return std::nullopt;
      state.commit = {in.Int<std::uint64_t>()};
      return state;
    }
    case RecordKind::kTruncateFrom:
      return RecordTruncateFrom{{in.Int<std::uint64_t>()}};
    case RecordKind::kCreated: {
      JournalCreated created;
      created.generation = {in.Int<std::uint32_t>()};
      created.broker = {in.Int<std::int32_t>()};
      created.incarnation = {in.Int<std::uint64_t>()};
      created.floor = {in.Int<std::uint64_t>()};
      created.membership = AsText(in.Blob());
      return created;
    }
    case RecordKind::kRemoved:
      return RecordRemoved{};
    case RecordKind::kInstalled: {
      JournalInstalled installed;
      installed.index = {in.Int<std::uint64_t>()};
      installed.term = {in.Int<std::uint64_t>()};
      installed.membership = AsText(in.Blob());
      installed.manifest = AsText(in.Blob());
      return installed;
    }
    case RecordKind::kCheckpoint: {
      CheckpointMark mark;
      mark.id = in.Int<std::uint64_t>();
      mark.position = {in.Int<std::uint64_t>()};
      return mark;
    }
    case RecordKind::kSeal:
      return RecordSeal{};
    case RecordKind::kOpened:
      return RecordOpened{};
  }
  return std::nullopt;
}

}  // namespace

std::string_view Name(RecordKind kind) {
  switch (kind) {
    case RecordKind::kEntry:
      return "entry";
    case RecordKind::kHardState:
      return "hard-state";
    case RecordKind::kTruncateFrom:
      return "truncate-from";
    case RecordKind::kCreated:
      return "created";
    case RecordKind::kRemoved:
      return "removed";
    case RecordKind::kInstalled:
      return "installed";
    case RecordKind::kRewritten:
      return "rewritten";
    case RecordKind::kCheckpoint:
      return "checkpoint";
    case RecordKind::kSeal:
      return "seal";
    case RecordKind::kOpened:
      return "opened";
  }
  return "unknown";
}

std::size_t JournalRecord::size() const {
  const bool entry_kind = kind == RecordKind::kEntry || kind == RecordKind::kRewritten;
  return entry_kind ? kEntryHeaderBytes + entry.payload.size() : kRecordHeaderBytes + body.size();
}

void EncodeHeader(CommitHeader& header, std::byte* to) {
  LeWriter out;
  out.Int(kCommitMagic).Int(kJournalVersion).Int(std::uint16_t{0});
  out.Int(header.directory_id).Int(header.file_number).Int(header.block).Int(header.blocks);
  out.Int(header.open_epoch).Int(header.sequence).Int(header.checkpoint_id);
  out.Int(header.previous_crc).Int(header.record_count).Int(header.record_bytes);
  out.Int(header.directory_crc).Int(std::uint32_t{0});
  header.crc = crc32c::Value(AsBytes(out.out()));
  out.Int(header.crc);
  std::memcpy(to, out.out().data(), kCommitHeaderBytes);
}

std::optional<CommitHeader> DecodeHeader(Bytes block) {
  if (block.size() < kBlockBytes || LoadLe<std::uint32_t>(block.data()) != kCommitMagic) {
    return std::nullopt;
  }
  CommitHeader header;
  LeReader in(block.first(kCommitHeaderBytes));
  in.Int<std::uint32_t>();
  const auto version = in.Int<std::uint16_t>();
  in.Int<std::uint16_t>();
  header.directory_id = in.Int<std::uint64_t>();
  header.file_number = in.Int<std::uint64_t>();
  header.block = in.Int<std::uint32_t>();
  header.blocks = in.Int<std::uint32_t>();
  header.open_epoch = in.Int<std::uint64_t>();
  header.sequence = in.Int<std::uint64_t>();
  header.checkpoint_id = in.Int<std::uint64_t>();
  header.previous_crc = in.Int<std::uint32_t>();
  header.record_count = in.Int<std::uint32_t>();
  header.record_bytes = in.Int<std::uint32_t>();
  header.directory_crc = in.Int<std::uint32_t>();
  in.Int<std::uint32_t>();
  header.crc = in.Int<std::uint32_t>();
  if (crc32c::Value(block.first(kCommitHeaderBytes - 4)) != header.crc) return std::nullopt;
  if (version != kJournalVersion) return std::nullopt;
  if (!CountersAreSane(header.sequence, header.open_epoch)) return std::nullopt;
  const std::uint64_t room = std::uint64_t{header.blocks} * kBlockBytes;
  const std::uint64_t needed = CommitBytes(header.record_count, header.record_bytes, 0);
  if (header.record_count == 0 || needed > room) return std::nullopt;
  return header;
}

void EncodeDirectoryEntry(const DirectoryEntry& entry, std::byte* to) {
  StoreLe(to, entry.group.value);
  StoreLe(to + 4, entry.offset);
  StoreLe(to + 8, entry.length);
  StoreLe(to + 12, entry.crc);
}

DirectoryEntry DecodeDirectoryEntry(const std::byte* from) {
  return {.group = {LoadLe<std::uint32_t>(from)},
          .offset = LoadLe<std::uint32_t>(from + 4),
          .length = LoadLe<std::uint32_t>(from + 8),
          .crc = LoadLe<std::uint32_t>(from + 12)};
}

void EncodeFooter(const CommitFooter& footer, std::byte* end) {
  LeWriter out;
  for (GroupId group : footer.groups) out.Int(group.value);
  out.Int(footer.directory_id).Int(footer.sequence).Int(footer.open_epoch).Int(footer.blocks);
  out.Int(static_cast<std::uint32_t>(footer.groups.size()));
  const std::uint32_t crc = crc32c::Value(AsBytes(out.out()));
  out.Int(crc).Int(kFooterMagic);
  std::memcpy(end - out.out().size(), out.out().data(), out.out().size());
}

std::optional<CommitFooter> DecodeFooter(Bytes bytes) {
  if (bytes.size() < kFooterBytes) return std::nullopt;
  LeReader in(bytes.last(kFooterBytes));
  CommitFooter footer;
  footer.directory_id = in.Int<std::uint64_t>();
  footer.sequence = in.Int<std::uint64_t>();
  footer.open_epoch = in.Int<std::uint64_t>();
  footer.blocks = in.Int<std::uint32_t>();
  const auto count = in.Int<std::uint32_t>();
  const auto crc = in.Int<std::uint32_t>();
  if (in.Int<std::uint32_t>() != kFooterMagic) return std::nullopt;
  const std::uint64_t whole = kFooterBytes + std::uint64_t{count} * 4;
  if (whole > bytes.size()) return std::nullopt;
  if (!CountersAreSane(footer.sequence, footer.open_epoch)) return std::nullopt;
  const Bytes covered = bytes.last(whole).first(whole - 8);
  if (crc32c::Value(covered) != crc) return std::nullopt;
  LeReader groups(covered);
  footer.groups.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) footer.groups.push_back({groups.Int<std::uint32_t>()});
  return footer;
}

std::string EncodeBody(const JournalHardState& state) {
  LeWriter out;
  out.Int(state.term.value).Int(state.vote_incarnation.value).Int(state.vote_broker.value);
  return out.Int(std::uint32_t{0}).Int(state.commit.value).Take();
}

std::string EncodeBody(const JournalCreated& created) {
  LeWriter out;
  out.Int(created.generation.value).Int(created.broker.value).Int(created.incarnation.value);
  return out.Int(created.floor.value).Blob(created.membership).Take();
}

std::string EncodeBody(const JournalInstalled& installed) {
  LeWriter out;
  out.Int(installed.index.value).Int(installed.term.value);
  return out.Blob(installed.membership).Blob(installed.manifest).Take();
}

std::string EncodeBody(const CheckpointMark& mark) {
  LeWriter out;
  return out.Int(mark.id).Int(mark.position.sequence).Take();
}

std::string EncodeBody(Index truncate_from) {
  LeWriter out;
  return out.Int(truncate_from.value).Take();
}

void EncodeRecordHeader(RecordKind kind, std::uint8_t entry_type, GroupId group, std::byte* to) {
  StoreLe(to, static_cast<std::uint8_t>(kind));
  StoreLe(to + 1, entry_type);
  StoreLe(to + 2, std::uint16_t{0});
  StoreLe(to + 4, group.value);
}

void EncodeEntryHeader(const JournalRecord& record, std::byte* to) {
  EncodeRecordHeader(record.kind, record.entry.type, record.group, to);
  StoreLe(to + 8, record.entry.index.value);
  StoreLe(to + 16, record.entry.term.value);
  StoreLe(to + 24, record.entry.append_time_ms);
}

std::optional<DecodedRecord> DecodeRecord(Bytes bytes) {
  LeReader in(bytes);
  const auto kind = in.Int<std::uint8_t>();
  const auto entry_type = in.Int<std::uint8_t>();
  const auto zero = in.Int<std::uint16_t>();
  DecodedRecord record;
  record.group = {in.Int<std::uint32_t>()};
  if (!in.ok() || zero != 0 || kind < 1 || kind > 10) return std::nullopt;
  record.kind = RecordKind{kind};
  if (BelongsToGroup(record.kind) == (record.group == kNoGroup)) return std::nullopt;
  auto content = DecodeBody(record.kind, entry_type, in);
  if (!content || !in.ok() || in.left() != 0) return std::nullopt;
  record.content = std::move(*content);
  return record;
}

}  // namespace kronika::wal
