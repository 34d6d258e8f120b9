// Chooses the implementation of Files for a data directory, and says why: one line for the log at
// start.
//
// Called once, at start-up, before anything runs on the loop; it makes the folder and may wait for
// the disk.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/thread_files.h"

namespace kronika {

class AsioLoop;

enum class JournalIo { kAuto, kUring, kThread };

std::string_view Name(JournalIo io);
// "auto", "uring" or "thread"; kInvalidArgument.
Result<JournalIo> ParseJournalIo(std::string_view text);

struct ChosenFiles {
  std::unique_ptr<Files> files;
  JournalIo io = JournalIo::kThread;  // never kAuto
  bool direct = false;                // files can bypass the page cache here
  std::string why;                    // "io_uring, O_DIRECT", or what refused them
};

// kUring fails where the kernel refuses io_uring; kAuto falls back to threads.
Result<ChosenFiles> MakeFiles(JournalIo io, const RealFilesOptions& options, AsioLoop& loop);

}  // namespace kronika
