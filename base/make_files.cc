#include "base/make_files.h"

#include <utility>

#include "base/asio_loop.h"
#include "base/uring_files.h"

namespace kronika {

std::string_view Name(JournalIo io) {
  switch (io) {
    case JournalIo::kAuto:
      return "auto";
    case JournalIo::kUring:
      return "uring";
    case JournalIo::kThread:
      return "thread";
  }
  std::unreachable();
}

Result<JournalIo> ParseJournalIo(std::string_view text) {
  for (auto io : {JournalIo::kAuto, JournalIo::kUring, JournalIo::kThread}) {
    if (text == Name(io)) return io;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "expected auto, uring or thread, not '" + std::string(text) + "'", "journal_io");
}

Result<ChosenFiles> MakeFiles(JournalIo io, const RealFilesOptions& options, AsioLoop& loop) {
  auto root = PosixRoot::Make(options.root);
  if (!root) return std::unexpected(root.error());
  ChosenFiles out;
  out.direct = (*root)->SupportsDirect();
  if (io != JournalIo::kThread) {
    auto files = UringFiles::Make(options, loop);
    if (files) {
      out.files = std::move(*files);
      out.io = JournalIo::kUring;
      out.why = "io_uring";
    } else if (io == JournalIo::kUring) {
      return std::unexpected(files.error());
    } else {
      out.why = "threads (" + files.error().text + ")";
    }
  } else {
    out.why = "threads, as configured";
  }
  if (!out.files) {
    auto files = ThreadFiles::Make(options, loop);
    if (!files) return std::unexpected(files.error());
    out.files = std::move(*files);
  }
  out.why += out.direct ? ", O_DIRECT" : ", page cache (O_DIRECT refused)";
  return out;
}

}  // namespace kronika
