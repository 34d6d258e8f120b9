// Fuzz target: a byte of switches, then the content of a journal file of up to 64 KiB (or of two).
//
// With the first switch the checksums are made right again after the mutation, so that what stands
// behind them is reached, too. What is recovered must keep replay's promises. KRONIKA_PLANTED=name
// switches a planted bug on ("journal-trusts-length" is found in seconds); KRONIKA_CORPUS=DIR
// writes some journals to DIR and ends.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "wal/journal/chain.h"
#include "wal/journal/group_commit.h"
#include "wal/journal/replay.h"

namespace kronika::wal {
namespace {

constexpr std::uint64_t kDirectoryId = 5;
constexpr std::size_t kFileBytesMax = 64 << 10;

// Writes checksums that fit the (mutated) bytes of one commit, as far as its sizes lie within the
// file.
void Reseal(std::span<std::byte> from_block, std::uint64_t file, std::size_t block,
            std::uint32_t& previous_crc) {
  std::byte* const header = from_block.data();
  StoreLe(header + 8, kDirectoryId);
  StoreLe(header + 16, file);
  StoreLe(header + 24, static_cast<std::uint32_t>(block));
  const auto blocks = LoadLe<std::uint32_t>(header + 28);
  const auto records = LoadLe<std::uint32_t>(header + 60);
  const std::uint64_t directory_bytes = std::uint64_t{records} * kDirectoryEntryBytes;
  if (kCommitHeaderBytes + directory_bytes < from_block.size()) {
    // Records do not overlap: checksums of more bytes than there are would only take time.
    std::uint64_t left = from_block.size();
    for (std::uint32_t i = 0; i < records; ++i) {
      std::byte* const entry = header + kCommitHeaderBytes + i * kDirectoryEntryBytes;
      const auto offset = LoadLe<std::uint32_t>(entry + 4);
      const auto length = LoadLe<std::uint32_t>(entry + 8);
      if (std::uint64_t{offset} + length > from_block.size() || length > left) continue;
      left -= length;
      StoreLe(entry + 12, crc32c::Value({header + offset, length}));
    }
    StoreLe(header + 68, crc32c::Value({header + kCommitHeaderBytes, directory_bytes}));
  }
  const std::uint64_t size = std::uint64_t{blocks} * kBlockBytes;
  if (size <= from_block.size() && size >= 2 * kFooterBytes) {
    std::byte* const end = header + size;
    const std::uint64_t groups = LoadLe<std::uint32_t>(end - 12);
    const std::uint64_t covered = kFooterBytes + groups * 4;
    if (covered < size) StoreLe(end - 8, crc32c::Value({end - covered, covered - 8}));
  }
  StoreLe(header + 56, previous_crc);
  previous_crc = crc32c::Value({header, kCommitHeaderBytes - 4});
  StoreLe(header + 76, previous_crc);
}

void ResealAll(std::span<std::byte> content, std::uint64_t file, std::uint32_t& previous_crc) {
  for (std::size_t at = 0; at + kBlockBytes <= content.size(); at += kBlockBytes) {
    if (LoadLe<std::uint32_t>(content.data() + at) != kCommitMagic) continue;
    Reseal(content.subspan(at), file, at / kBlockBytes, previous_crc);
  }
}

void CheckRecovered(const std::vector<FileScan>& scans) {
  const ChainDecision decision = DecideChain(scans, {});
  std::uint64_t last = 0;
  const std::map<GroupId, Index> applied;
  Replay replay(applied);
  for (const ScannedCommit* commit : decision.commits) {
    KRONIKA_CHECK(commit->whole() && commit->header.sequence > last);
    last = commit->header.sequence;
    replay.Apply(*commit);
  }
  KRONIKA_CHECK(decision.next_sequence > last);
  PositionIndex index;
  const Replay::Result result = replay.Finish(index);
  for (const auto& [group, log] : result.groups) {
    for (std::size_t i = 1; i < log.entries.size(); ++i) {
      KRONIKA_CHECK(log.entries[i].index == log.entries[i - 1].index + 1);
    }
  }
}

void Run(Bytes input) {
  if (input.empty()) return;
  const auto switches = std::to_integer<unsigned>(input[0]);
  input = input.subspan(1, std::min(input.size() - 1, kFileBytesMax));
  const bool two = (switches & 2) != 0;
  std::size_t first = input.size() / kBlockBytes * kBlockBytes;
  if (two) first = first / 2 / kBlockBytes * kBlockBytes;
  std::uint32_t previous_crc = 0;
  std::vector<FileScan> scans;
  for (std::uint64_t file = 1; file <= (two ? 2U : 1U); ++file) {
    // Blocks of their own, so that a step behind their end is seen.
    Slice content = Slice::CopyOf(file == 1 ? input.first(first) : input.subspan(first));
    if ((switches & 1) != 0) ResealAll(content.mutable_bytes(), file, previous_crc);
    scans.push_back(ScanFile({.name = "fuzz",
                              .number = file,
                              .directory_id = kDirectoryId,
                              .wants_payload = [](GroupId, Index) { return true; }},
                             content.bytes()));
  }
  CheckRecovered(scans);
}

std::string MakeJournal(std::uint64_t commits, std::size_t payload) {
  std::string out;
  CommitHeader header{.directory_id = kDirectoryId, .file_number = 1, .open_epoch = 1};
  for (std::uint64_t i = 1; i <= commits; ++i) {
    std::vector<JournalRecord> records;
    for (RecordKind kind : {RecordKind::kEntry, RecordKind::kRewritten}) {
      records.push_back(
          {.kind = kind,
           .group = {static_cast<std::uint32_t>(i % 3)},
           .entry = {
               .index = {i}, .term = {1}, .payload = Slice::CopyOf(std::string(payload, 'p'))}});
    }
    const GroupId group{1};
    records.push_back({RecordKind::kHardState, group, {}, EncodeBody(JournalHardState{})});
    records.push_back({RecordKind::kTruncateFrom, group, {}, EncodeBody(Index{i})});
    records.push_back({RecordKind::kInstalled, group, {}, EncodeBody(JournalInstalled{{i}, {1}})});
    records.push_back({RecordKind::kRemoved, group, {}, {}});
    records.push_back({RecordKind::kCreated, group, {}, EncodeBody(JournalCreated{})});
    records.push_back({RecordKind::kCheckpoint, kNoGroup, {}, EncodeBody(CheckpointMark{i, {i}})});
    header.block = static_cast<std::uint32_t>(out.size() / kBlockBytes);
    header.sequence = i;
    const GatheredCommit commit = Gather(header, records);
    header.previous_crc = commit.header.crc;
    out += commit.bytes.text();
  }
  return out;
}

void WriteCorpus(const std::string& folder) {
  for (const auto& [commits, payload] : {std::pair(1, 10), {3, 100}, {2, 3000}, {6, 1}}) {
    const std::string journal =
        MakeJournal(static_cast<std::uint64_t>(commits), static_cast<std::size_t>(payload));
    for (char switches = 0; switches < 4; ++switches) {
      const std::string name =
          folder + "/" + std::to_string(commits) + "-" + std::to_string(switches);
      std::ofstream(name, std::ios::binary) << switches << journal;
    }
  }
}

}  // namespace
}  // namespace kronika::wal

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  if (const char* planted = std::getenv("KRONIKA_PLANTED")) kronika::planted::Enable(planted);
  if (const char* folder = std::getenv("KRONIKA_CORPUS")) {
    kronika::wal::WriteCorpus(folder);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kronika::wal::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
