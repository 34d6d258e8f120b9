// The history on disk; see history_file.h.
#include "cmd/verify/history_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace kronika::verify {

Result<std::unique_ptr<HistoryFile>> HistoryFile::Create(const std::string& path,
                                                         const History& head) {
  Handle file(std::fopen(path.c_str(), "we"), &std::fclose);
  if (!file) return Fail(ErrorCode::kIo, std::strerror(errno), path);
  std::unique_ptr<HistoryFile> made(new HistoryFile(std::move(file)));
  made->Add(HeadLines(head));
  if (made->failed()) return Fail(ErrorCode::kIo, "the history cannot be written", path);
  return made;
}

void HistoryFile::Add(const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (std::fputs(line.c_str(), file_.get()) < 0 || std::fflush(file_.get()) != 0) failed_ = true;
}

bool HistoryFile::failed() const {
  const std::lock_guard lock(mutex_);
  return failed_;
}

Result<History> ReadHistoryFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kNotFound, "the history cannot be opened", path);
  std::ostringstream text;
  text << file.rdbuf();
  auto history = ParseHistory(text.str());
  if (!history) {
    Error error = std::move(history).error();
    error.where = path + (error.where.empty() ? "" : " " + error.where);
    return std::unexpected(std::move(error));
  }
  return history;
}

}  // namespace kronika::verify
