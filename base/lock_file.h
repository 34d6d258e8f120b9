// LockFile: one process at a time. A file that is locked as long as the object lives; the system
// lets go of the lock when the process ends, however it ends.
//
// Called from the main thread at start-up (it may touch the disk); not for loops. Source: flock(2).
#pragma once

#include <string>

#include "base/result.h"

namespace kronika {

class LockFile {
 public:
  // kBusy: another process holds it, whose number is in the text; kIo: the file cannot be made or
  // opened.
  static Result<LockFile> Acquire(const std::string& path);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

 private:
  explicit LockFile(int descriptor) : descriptor_(descriptor) {}
  int descriptor_ = -1;
};

}  // namespace kronika
