#include "wal/journal/group_commit.h"

#include <algorithm>

#include "base/crc32c.h"

namespace kronika::wal {
namespace {

// Small enough to stay in the first-level cache between the copy and the checksum.
constexpr std::size_t kCopyChunkBytes = 8192;

std::uint32_t CopyWithChecksum(std::uint32_t crc, Bytes from, std::byte* to) {
  while (!from.empty()) {
    const std::size_t size = std::min(from.size(), kCopyChunkBytes);
    std::memcpy(to, from.data(), size);
    crc = crc32c::Extend(crc, {to, size});
    from = from.subspan(size);
    to += size;
  }
  return crc;
}

std::uint32_t StoreRecord(const JournalRecord& record, std::byte* to) {
  if (record.kind == RecordKind::kEntry || record.kind == RecordKind::kRewritten) {
    EncodeEntryHeader(record, to);
    const std::uint32_t crc = crc32c::Value({to, kEntryHeaderBytes});
    return CopyWithChecksum(crc, record.entry.payload.bytes(), to + kEntryHeaderBytes);
  }
  EncodeRecordHeader(record.kind, 0, record.group, to);
  const std::uint32_t crc = crc32c::Value({to, kRecordHeaderBytes});
  return CopyWithChecksum(crc, AsBytes(record.body), to + kRecordHeaderBytes);
}

std::vector<GroupId> GroupsOf(const std::vector<JournalRecord>& records) {
  std::vector<GroupId> groups;
  for (const JournalRecord& record : records) {
    if (record.group != kNoGroup) groups.push_back(record.group);
  }
  std::ranges::sort(groups);
  groups.erase(std::ranges::unique(groups).begin(), groups.end());
  return groups;
}

}  // namespace

GatheredCommit Gather(CommitHeader header, const std::vector<JournalRecord>& records) {
  GatheredCommit out;
  std::size_t record_bytes = 0;
  for (const JournalRecord& record : records) record_bytes += record.size();
  CommitFooter footer{.directory_id = header.directory_id,
                      .sequence = header.sequence,
                      .open_epoch = header.open_epoch,
                      .blocks = 0,
                      .groups = GroupsOf(records)};
  const std::size_t used = CommitBytes(records.size(), record_bytes, footer.groups.size());
  const std::size_t whole = RoundUpToBlock(used);
  const std::size_t footer_bytes = kFooterBytes + footer.groups.size() * 4;
  out.bytes = Slice::Allocate(whole, kBlockBytes);
  std::byte* const base = out.bytes.mutable_bytes().data();
  std::byte* const directory = base + kCommitHeaderBytes;
  std::size_t offset = kCommitHeaderBytes + records.size() * kDirectoryEntryBytes;
  out.directory.reserve(records.size());
  for (const JournalRecord& record : records) {
    const std::uint32_t crc = StoreRecord(record, base + offset);
    const DirectoryEntry entry{.group = record.group,
                               .offset = static_cast<std::uint32_t>(offset),
                               .length = static_cast<std::uint32_t>(record.size()),
                               .crc = crc};
    EncodeDirectoryEntry(entry, directory + out.directory.size() * kDirectoryEntryBytes);
    out.directory.push_back(entry);
    offset += record.size();
  }
  std::memset(base + offset, 0, whole - footer_bytes - offset);
  footer.blocks = header.blocks = static_cast<std::uint32_t>(whole / kBlockBytes);
  EncodeFooter(footer, base + whole);
  header.record_count = static_cast<std::uint32_t>(records.size());
  header.record_bytes = static_cast<std::uint32_t>(record_bytes);
  header.directory_crc = crc32c::Value({directory, records.size() * kDirectoryEntryBytes});
  EncodeHeader(header, base);
  out.header = header;
  return out;
}

}  // namespace kronika::wal
