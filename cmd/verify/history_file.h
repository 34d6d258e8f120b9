// HistoryFile: the history on disk while producers write it.
//
// Any thread. A line is with the operating system when the call returns, so that it survives the
// end of this process; it is not synced, because the machine that dies is the broker's.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "cmd/verify/history.h"

namespace kronika::verify {

class HistoryFile {
 public:
  // kIo: the file cannot be made.
  static Result<std::unique_ptr<HistoryFile>> Create(const std::string& path, const History& head);
  void Add(const std::string& line);
  // Something could not be written.
  bool failed() const;

 private:
  using Handle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  explicit HistoryFile(Handle file) : file_(std::move(file)) {}

  mutable std::mutex mutex_;
  Handle file_;
  bool failed_ = false;
};

// kNotFound, kIo, kCorruption.
Result<History> ReadHistoryFile(const std::string& path);

}  // namespace kronika::verify
