// UringFiles: the real disk with Write, Read and Sync through one io_uring; everything else as
// ThreadFiles.
//
// Called on the loop it was made with.
// 1. A kSynced write is a write and a linked fdatasync. After a short write the kernel breaks the
//    link, and the rest goes out with a new sync, so that a completion always follows a sync that
//    follows the last byte.
// 2. At most kUringOpsMax operations are with the kernel; later ones wait here, in order.
// 3. Whatever goes last of the Files and the File objects waits for what is with the kernel,
//    because the kernel holds addresses of our slices.
#pragma once

#include <cstddef>
#include <memory>

#include "base/thread_files.h"

namespace kronika {

inline constexpr std::size_t kUringOpsMax = 128;

class AsioLoop;
class Uring;

class UringFiles final : public ThreadFiles {
 public:
  // kUnsupported where the kernel or its policy refuses io_uring.
  static Result<std::unique_ptr<Files>> Make(const RealFilesOptions& options, AsioLoop& loop);

 private:
  UringFiles(std::unique_ptr<PosixRoot> root, std::size_t threads, Loop& loop,
             std::shared_ptr<Uring> ring);
  std::unique_ptr<File> Wrap(std::shared_ptr<PosixFile> file) override;

  std::shared_ptr<Uring> ring_;
};

}  // namespace kronika
