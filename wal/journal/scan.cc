#include "wal/journal/scan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace kronika::wal {
namespace {

bool IsHeaderOf(const CommitHeader& header, const ScanRequest& request, std::size_t block) {
  return header.directory_id == request.directory_id.value_or(header.directory_id) &&
         header.file_number == request.number && header.block == block;
}

void Break(ScannedCommit& commit, std::size_t position, std::string what) {
  commit.broken = std::move(what);
  commit.broken_block = commit.header.block + static_cast<std::uint32_t>(position / kBlockBytes);
  commit.records.clear();
}

std::vector<GroupId> GroupsOf(const std::vector<DirectoryEntry>& directory) {
  std::vector<GroupId> groups;
  for (const DirectoryEntry& entry : directory) {
    if (entry.group != kNoGroup) groups.push_back(entry.group);
  }
  std::ranges::sort(groups);
  groups.erase(std::ranges::unique(groups).begin(), groups.end());
  return groups;
}

// None if the directory's bytes are damaged or name other bytes than those of the records.
std::optional<std::vector<DirectoryEntry>> ReadDirectory(const CommitHeader& header, Bytes bytes) {
  const std::size_t size = header.record_count * kDirectoryEntryBytes;
  const Bytes raw = bytes.subspan(kCommitHeaderBytes, size);
  if (crc32c::Value(raw) != header.directory_crc) return std::nullopt;
  std::vector<DirectoryEntry> directory;
  directory.reserve(header.record_count);
  std::uint64_t expected = kCommitHeaderBytes + size;
  for (std::uint32_t i = 0; i < header.record_count; ++i) {
    const DirectoryEntry entry = DecodeDirectoryEntry(raw.data() + i * kDirectoryEntryBytes);
    if (entry.offset != expected) return std::nullopt;
    expected += entry.length;
    if (expected > bytes.size() && !KRONIKA_PLANTED("journal-trusts-length")) return std::nullopt;
    directory.push_back(entry);
  }
  const bool fits = expected == kCommitHeaderBytes + size + header.record_bytes;
  if (!fits && !KRONIKA_PLANTED("journal-trusts-length")) return std::nullopt;
  return directory;
}

bool ReadRecord(const ScanRequest& request, const DirectoryEntry& entry, Bytes bytes,
                ScannedCommit& commit) {
  const Bytes raw = bytes.subspan(entry.offset, entry.length);
  if (crc32c::Value(raw) != entry.crc) {
    Break(commit, entry.offset, "a record's checksum is wrong");
    return false;
  }
  auto record = DecodeRecord(raw);
  if (!record || record->group != entry.group) {
    Break(commit, entry.offset, "a record does not decode");
    return false;
  }
  if (commit.header.sequence < request.replay_from.sequence) return true;
  if (auto* found = std::get_if<JournalEntry>(&record->content);
      found != nullptr && request.wants_payload &&
      request.wants_payload(record->group, found->index)) {
    found->payload = Slice::CopyOf(raw.subspan(kEntryHeaderBytes));
  }
  commit.records.push_back(
      {.record = std::move(*record),
       .position = static_cast<std::uint32_t>(commit.header.block * kBlockBytes) + entry.offset,
       .length = entry.length,
       .crc = entry.crc});
  return true;
}

void CheckEnd(const CommitHeader& header, std::size_t records_end, Bytes bytes,
              ScannedCommit& commit) {
  const auto footer = DecodeFooter(bytes);
  if (!footer || footer->directory_id != header.directory_id ||
      footer->sequence != header.sequence || footer->open_epoch != header.open_epoch ||
      footer->blocks != header.blocks || footer->groups != commit.groups) {
    Break(commit, bytes.size() - 1, "the footer is damaged");
    return;
  }
  const std::size_t footer_at = bytes.size() - kFooterBytes - footer->groups.size() * 4;
  if (records_end > footer_at) {
    Break(commit, records_end, "records and footer overlap");
    return;
  }
  const Bytes padding = bytes.subspan(records_end, footer_at - records_end);
  const auto odd = std::ranges::find_if(padding, [](std::byte b) { return b != std::byte{0}; });
  if (odd != padding.end()) {
    Break(commit, records_end + static_cast<std::size_t>(odd - padding.begin()),
          "bytes that belong to nothing are not zero");
  }
}

ScannedCommit ReadCommit(const ScanRequest& request, const CommitHeader& header, Bytes from_block) {
  ScannedCommit commit{.header = header};
  const std::uint64_t size = std::uint64_t{header.blocks} * kBlockBytes;
  if (size > from_block.size()) {
    Break(commit, 0, "it is longer than the rest of its file");
    return commit;
  }
  const Bytes bytes = from_block.first(size);
  const auto directory = ReadDirectory(header, bytes);
  if (!directory) {
    Break(commit, kCommitHeaderBytes, "the directory is damaged");
    return commit;
  }
  commit.groups = GroupsOf(*directory);
  commit.groups_known = true;
  for (const DirectoryEntry& entry : *directory) {
    if (!ReadRecord(request, entry, bytes, commit)) return commit;
  }
  const std::size_t records_end =
      kCommitHeaderBytes + directory->size() * kDirectoryEntryBytes + header.record_bytes;
  CheckEnd(header, records_end, bytes, commit);
  return commit;
}

}  // namespace

FileScan ScanFile(const ScanRequest& request, Bytes content) {
  FileScan scan{.name = request.name, .number = request.number};
  const std::size_t blocks = content.size() / kBlockBytes;
  std::size_t block = 0;
  while (block < blocks) {
    const Bytes from_block = content.subspan(block * kBlockBytes);
    if (const auto header = DecodeHeader(from_block);
        header && IsHeaderOf(*header, request, block)) {
      scan.commits.push_back(ReadCommit(request, *header, from_block));
      if (scan.commits.back().whole()) {
        block += header->blocks;
        continue;
      }
    }
    ++block;
    // A footer may end in this block although its header cannot be read.
    const auto footer = DecodeFooter(content.first(block * kBlockBytes));
    if (footer && footer->blocks <= block &&
        footer->directory_id == request.directory_id.value_or(footer->directory_id)) {
      scan.footers.push_back(
          {.footer = *footer, .first_block = static_cast<std::uint32_t>(block) - footer->blocks});
    }
  }
  return scan;
}

}  // namespace kronika::wal
