// Journal files as byte strings, written commit by commit and read back by the same pure functions
// that an open uses: for tests that damage every block or bit.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "wal/journal/chain.h"
#include "wal/journal/group_commit.h"
#include "wal/journal/journal_files.h"
#include "wal/journal/replay.h"

namespace kronika::wal {

inline bool LongForm() {
  const char* form = std::getenv("KRONIKA_TEST_FORM");
  return form != nullptr && std::string_view(form) == "long";
}

inline JournalRecord EntryRecord(std::uint32_t group, std::uint64_t index, std::uint64_t term,
                                 std::size_t bytes = 40) {
  std::string payload =
      std::to_string(group) + ":" + std::to_string(index) + ":" + std::to_string(term) + ":";
  if (payload.size() < bytes) payload.resize(bytes, static_cast<char>('a' + index % 26));
  return {.kind = RecordKind::kEntry,
          .group = {group},
          .entry = {.index = {index}, .term = {term}, .payload = Slice::CopyOf(payload)}};
}
inline JournalRecord RewrittenRecord(std::uint32_t group, std::uint64_t index, std::uint64_t term) {
  JournalRecord record = EntryRecord(group, index, term);
  record.kind = RecordKind::kRewritten;
  return record;
}
inline JournalRecord CutRecord(std::uint32_t group, std::uint64_t index) {
  return {.kind = RecordKind::kTruncateFrom, .group = {group}, .body = EncodeBody(Index{index})};
}
inline JournalRecord VoteRecord(std::uint32_t group, std::uint64_t term, std::int32_t broker) {
  return {.kind = RecordKind::kHardState,
          .group = {group},
          .body = EncodeBody(JournalHardState{.term = {term}, .vote_broker = {broker}})};
}
inline JournalRecord CheckpointRecord(std::uint64_t id, std::uint64_t position) {
  return {.kind = RecordKind::kCheckpoint, .body = EncodeBody(CheckpointMark{id, {position}})};
}
inline JournalRecord SealRecord() {
  return {.kind = RecordKind::kSeal};
}
inline JournalRecord OpenedRecord() {
  return {.kind = RecordKind::kOpened};
}

struct ImageRecovery {
  JournalVerdict verdict;
  std::map<GroupId, RecoveredLog> groups;
  std::uint64_t next_epoch = 0;
  std::uint64_t next_sequence = 0;

  // "5@1 6@2" of one group.
  std::string Line(std::uint32_t group) const {
    std::string out;
    const auto it = groups.find({group});
    if (it == groups.end()) return out;
    for (const JournalEntry& entry : it->second.entries) {
      if (!out.empty()) out += ' ';
      out += std::to_string(entry.index.value) + "@" + std::to_string(entry.term.value);
    }
    return out;
  }
};

class JournalImage {
 public:
  static constexpr std::uint64_t kDirectoryId = 77;
  static constexpr std::size_t kFileBlocks = 64;

  struct Written {
    std::uint32_t file = 0;
    std::size_t block = 0;
    std::size_t blocks = 0;
    std::uint64_t sequence = 0;
  };

  explicit JournalImage(std::uint32_t files = 3) {
    for (std::uint32_t number = 1; number <= files; ++number) {
      this->files[number] = std::string(kFileBlocks * kBlockBytes, '\0');
    }
  }

  // Goes on at block 0 of a file, in a new epoch.
  void Open(std::uint32_t file, std::uint64_t new_epoch) {
    current = file;
    block = 0;
    epoch = new_epoch;
  }
  Written Commit(const std::vector<JournalRecord>& records) {
    CommitHeader header{.directory_id = kDirectoryId,
                        .file_number = current,
                        .block = static_cast<std::uint32_t>(block),
                        .open_epoch = epoch,
                        .sequence = sequence + 1,
                        .checkpoint_id = checkpoint_id,
                        .previous_crc = previous_crc};
    const GatheredCommit gathered = Gather(header, records);
    files.at(current).replace(block * kBlockBytes, gathered.bytes.size(), gathered.bytes.text());
    const Written written{current, block, gathered.header.blocks, ++sequence};
    block += written.blocks;
    previous_crc = gathered.header.crc;
    return written;
  }
  std::string Block(std::uint32_t file, std::size_t at) const {
    return files.at(file).substr(at * kBlockBytes, kBlockBytes);
  }
  void SetBlock(std::uint32_t file, std::size_t at, const std::string& bytes) {
    files.at(file).replace(at * kBlockBytes, kBlockBytes, bytes);
  }
  void Erase(const Written& written) {
    files.at(written.file)
        .replace(written.block * kBlockBytes, written.blocks * kBlockBytes,
                 std::string(written.blocks * kBlockBytes, '\0'));
  }
  void FlipBit(std::uint32_t file, std::size_t bit) {
    files.at(file)[bit / 8] = static_cast<char>(files.at(file)[bit / 8] ^ (1 << (bit % 8)));
  }
  static std::string NameOf(std::uint32_t file) {
    return JournalFileName(file, kFileBlocks * kBlockBytes);
  }

  ImageRecovery Recover(const CheckpointMark& mark = {},
                        const std::map<GroupId, Index>& applied = {}) const {
    std::vector<FileScan> scans;
    for (const auto& [number, bytes] : files) {
      scans.push_back(ScanFile({.name = NameOf(number),
                                .number = number,
                                .directory_id = kDirectoryId,
                                .replay_from = mark.position,
                                .wants_payload = [](GroupId, Index) { return true; }},
                               AsBytes(bytes)));
    }
    const ChainDecision decision = DecideChain(scans, mark);
    Replay replay(applied);
    for (const ScannedCommit* commit : decision.commits) replay.Apply(*commit);
    PositionIndex index;
    Replay::Result result = replay.Finish(index);
    ImageRecovery out{.verdict = decision.verdict,
                      .groups = std::move(result.groups),
                      .next_epoch = decision.next_epoch,
                      .next_sequence = decision.next_sequence};
    for (JournalDamage& hole : result.holes) out.verdict.damages.push_back(std::move(hole));
    return out;
  }

  std::map<std::uint32_t, std::string> files;
  std::uint32_t current = 1;
  std::size_t block = 0;
  std::uint64_t epoch = 1;
  std::uint64_t sequence = 0;
  std::uint64_t checkpoint_id = 0;
  std::uint32_t previous_crc = 0;
};

}  // namespace kronika::wal
