// The bytes of a group commit: constants, encoding and decoding.
//
// Pure functions; any thread. Decoding trusts no byte. Source: docs/formats.md, "The journal".
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/buffer.h"
#include "base/files.h"
#include "wal/journal/records.h"

namespace kronika::wal {

inline constexpr std::uint32_t kCommitMagic = 0x314A524B;  // "KRJ1"
inline constexpr std::uint32_t kFooterMagic = 0x464A524B;  // "KRJF"
inline constexpr std::uint16_t kJournalVersion = 1;
inline constexpr std::size_t kCommitHeaderBytes = 80;
inline constexpr std::size_t kDirectoryEntryBytes = 16;
inline constexpr std::size_t kFooterBytes = 40;  // without the groups
inline constexpr std::size_t kRecordHeaderBytes = 8;
inline constexpr std::size_t kEntryHeaderBytes = 32;  // with the record's header
inline constexpr GroupId kNoGroup{0xFFFFFFFF};

enum class RecordKind : std::uint8_t {
  kEntry = 1,
  kHardState = 2,
  kTruncateFrom = 3,
  kCreated = 4,
  kRemoved = 5,
  kInstalled = 6,
  kRewritten = 7,
  kCheckpoint = 8,
  kSeal = 9,
  kOpened = 10,
};
std::string_view Name(RecordKind kind);

struct CommitHeader {
  std::uint64_t directory_id = 0;
  std::uint64_t file_number = 0;
  std::uint32_t block = 0;
  std::uint32_t blocks = 0;
  std::uint64_t open_epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t checkpoint_id = 0;
  std::uint32_t previous_crc = 0;
  std::uint32_t record_count = 0;
  std::uint32_t record_bytes = 0;
  std::uint32_t directory_crc = 0;
  std::uint32_t crc = 0;
};

struct DirectoryEntry {
  GroupId group;
  std::uint32_t offset = 0;  // from the header's first byte
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
};

struct CommitFooter {
  std::uint64_t directory_id = 0;
  std::uint64_t sequence = 0;
  std::uint64_t open_epoch = 0;
  std::uint32_t blocks = 0;
  std::vector<GroupId> groups;
};

// A record as it is written: `entry` for kEntry and kRewritten, else `body` (what follows the
// record's header).
struct JournalRecord {
  RecordKind kind = RecordKind::kSeal;
  GroupId group = kNoGroup;
  JournalEntry entry = {};
  std::string body = {};
  std::size_t size() const;
};

// A record as it is read.
struct RecordTruncateFrom {
  Index index;
};
struct RecordRemoved {};
struct RecordSeal {};
struct RecordOpened {};
using RecordContent =
    std::variant<JournalEntry, JournalHardState, RecordTruncateFrom, JournalCreated, RecordRemoved,
                 JournalInstalled, CheckpointMark, RecordSeal, RecordOpened>;
struct DecodedRecord {
  RecordKind kind = RecordKind::kSeal;
  GroupId group = kNoGroup;
  RecordContent content;
};

constexpr std::size_t RoundUpToBlock(std::size_t bytes) {
  return (bytes + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}
// The whole commit, without its padding.
constexpr std::size_t CommitBytes(std::size_t records, std::size_t record_bytes,
                                  std::size_t groups) {
  return kCommitHeaderBytes + records * kDirectoryEntryBytes + record_bytes + groups * 4 +
         kFooterBytes;
}

// Stores the header, with its checksum, which is also set in `header`.
void EncodeHeader(CommitHeader& header, std::byte* to);
// None unless magic, version, checksum and the sizes among themselves are right. Place and
// directory id are the caller's to check.
std::optional<CommitHeader> DecodeHeader(Bytes block);

void EncodeDirectoryEntry(const DirectoryEntry& entry, std::byte* to);
DirectoryEntry DecodeDirectoryEntry(const std::byte* from);

// Stores the footer so that it ends at `end`.
void EncodeFooter(const CommitFooter& footer, std::byte* end);
// The footer that ends where `bytes` end; none unless magic, size and checksum are right.
std::optional<CommitFooter> DecodeFooter(Bytes bytes);

std::string EncodeBody(const JournalHardState& state);
std::string EncodeBody(const JournalCreated& created);
std::string EncodeBody(const JournalInstalled& installed);
std::string EncodeBody(const CheckpointMark& mark);
std::string EncodeBody(Index truncate_from);

// The fixed part of an entry's record.
void EncodeEntryHeader(const JournalRecord& record, std::byte* to);
void EncodeRecordHeader(RecordKind kind, std::uint8_t entry_type, GroupId group, std::byte* to);

// `bytes` is one whole record. The payload of an entry is not filled in (it is
// bytes.subspan(kEntryHeaderBytes)).
std::optional<DecodedRecord> DecodeRecord(Bytes bytes);

}  // namespace kronika::wal
