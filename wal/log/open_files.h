// OpenFiles: descriptors of segments, opened when needed, bounded by one LRU for all partitions of
// a worker.
//
// Used from the worker's loop.
// 1. A file that somebody holds is not closed. Writers hold theirs until it is synced, so that a
//    failed write is never forgotten by closing and opening again.
// 2. A file is open at most once at a time.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/loop.h"

namespace kronika::wal {

class OpenFiles {
 public:
  OpenFiles(Loop& loop, Files& files, std::size_t open_max)
      : loop_(loop), files_(files), open_max_(open_max) {}

  // kNotFound and what Files::Open says.
  void Get(const std::string& path, Done<std::shared_ptr<File>> done);
  // A new file; kAlreadyExists.
  void Create(const std::string& path, Done<std::shared_ptr<File>> done);
  // Of a file that is renamed or removed, and that nobody opens just now.
  void Forget(const std::string& path);
  // Of a folder that is renamed or removed: nothing below it is found here any more.
  void ForgetFolder(std::string_view folder);
  std::size_t open_count() const { return open_.size(); }

 private:
  struct Entry {
    std::shared_ptr<File> file;  // none: being opened
    std::vector<Done<std::shared_ptr<File>>> waiting;
    std::uint64_t last_use = 0;
  };
  void Opened(const std::string& path, Result<std::unique_ptr<File>> file);
  void Shrink();

  Loop& loop_;
  Files& files_;
  std::size_t open_max_;
  std::map<std::string, Entry, std::less<>> open_;
  std::uint64_t uses_ = 0;
  // Callbacks of opens under way outlive this object harmlessly.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::wal
