// The example of docs/formats.md, byte for byte.
#include "wal/journal/format.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "wal/journal/group_commit.h"

namespace kronika::wal {
namespace {

// Lines of 16 bytes with their position; lines of zeros are left out.
std::string Hex(Bytes bytes) {
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    const Bytes line = bytes.subspan(at, 16);
    if (std::ranges::all_of(line, [](std::byte b) { return b == std::byte{0}; })) continue;
    out += fmt::format("{:04x} ", at);
    for (std::byte b : line) out += fmt::format(" {:02x}", std::to_integer<int>(b));
    out += '\n';
  }
  return out;
}

TEST(JournalFormat, TheExampleOfTheFormatPageIsWhatIsWritten) {
  const CommitHeader header{.directory_id = 0x1122334455667788,
                            .file_number = 1,
                            .open_epoch = 1,
                            .sequence = 2,
                            .previous_crc = 0xAABBCCDD};
  JournalRecord entry{.kind = RecordKind::kEntry, .group = {7}};
  entry.entry = {.index = {3},
                 .term = {2},
                 .type = 2,
                 .append_time_ms = 1000,
                 .payload = Slice::CopyOf("hello")};
  const GatheredCommit commit = Gather(header, {entry});
  std::ifstream page("docs/formats.md");
  std::stringstream text;
  text << page.rdbuf();
  EXPECT_NE(text.str().find(Hex(commit.bytes.bytes())), std::string::npos)
      << Hex(commit.bytes.bytes());
}

TEST(JournalFormat, CountersThatNobodyReachesAreRefused) {
  // Found by fuzz_journal_recovery: the next sequence wrapped to zero.
  const GatheredCommit commit =
      Gather({.sequence = ~std::uint64_t{0}}, {{.kind = RecordKind::kSeal}});
  EXPECT_FALSE(DecodeHeader(commit.bytes.bytes()));
}

}  // namespace
}  // namespace kronika::wal
