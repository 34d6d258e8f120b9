// Options and bounds of the journal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/loop.h"

namespace kronika::wal {

struct JournalOptions {
  std::string folder = "journal";
  std::uint64_t directory_id = 0;  // 64 bits of the data directory's UUID
  std::uint32_t files = 8;         // at least kFilesMin
  std::uint64_t file_bytes = std::uint64_t{64} << 20;
  std::uint64_t first_file_bytes = std::uint64_t{16}
                                   << 20;               // of the two that a first open waits for
  std::size_t commit_bytes_max = std::size_t{4} << 20;  // of one group commit of several writes
  Duration idle_seal_delay = std::chrono::milliseconds(100);
  Duration fill_retry_delay = std::chrono::seconds(5);  // after a full disk

  static constexpr std::uint32_t kFilesMin = 4;

  // The largest payload of one entry (SAFETY B11): 1/8 of a file of the smaller size, less its own
  // header.
  std::size_t EntryBytesMax() const;
  // Of one group commit; one entry always fits.
  std::size_t CommitBytesMax() const;
  // The largest group commit of one entry.
  std::size_t EntryCommitBytesMax() const;
};

}  // namespace kronika::wal
