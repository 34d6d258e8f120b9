// See open_files.h.
#include "wal/log/open_files.h"

#include <utility>

namespace kronika::wal {

void OpenFiles::Get(const std::string& path, Done<std::shared_ptr<File>> done) {
  auto [entry, fresh] = open_.try_emplace(path);
  entry->second.last_use = ++uses_;
  if (entry->second.file) {
    loop_.Post(
        [file = entry->second.file, done = std::move(done)]() mutable { done(std::move(file)); });
    return;
  }
  entry->second.waiting.push_back(std::move(done));
  if (!fresh) return;
  files_.Open(path, {},
              [this, path, alive = std::weak_ptr(alive_)](Result<std::unique_ptr<File>> file) {
                if (!alive.expired()) Opened(path, std::move(file));
              });
}

void OpenFiles::Create(const std::string& path, Done<std::shared_ptr<File>> done) {
  auto opened = [this, path, done = std::move(done),
                 alive = std::weak_ptr(alive_)](Result<std::unique_ptr<File>> file) mutable {
    if (!file) return done(std::unexpected(std::move(file).error()));
    std::shared_ptr<File> shared = std::move(*file);
    if (!alive.expired()) {
      open_[path].file = shared;
      open_[path].last_use = ++uses_;
      Shrink();
    }
    done(std::move(shared));
  };
  files_.Create(path, {}, std::move(opened));
}

void OpenFiles::Opened(const std::string& path, Result<std::unique_ptr<File>> file) {
  auto entry = open_.find(path);
  if (entry == open_.end()) return;
  auto waiting = std::move(entry->second.waiting);
  std::shared_ptr<File> shared;
  if (file) {
    shared = std::move(*file);
    entry->second.file = shared;
  } else {
    open_.erase(entry);
  }
  for (auto& done : waiting) {
    if (shared) {
      done(shared);
    } else {
      done(std::unexpected(file.error()));
    }
  }
  shared.reset();
  Shrink();
}

void OpenFiles::Forget(const std::string& path) {
  auto entry = open_.find(path);
  if (entry != open_.end() && entry->second.file) open_.erase(entry);
}

void OpenFiles::ForgetFolder(std::string_view folder) {
  const std::string prefix = std::string(folder) + "/";
  for (auto entry = open_.lower_bound(prefix);
       entry != open_.end() && entry->first.starts_with(prefix);) {
    entry = entry->second.file ? open_.erase(entry) : std::next(entry);
  }
}

void OpenFiles::Shrink() {
  while (open_.size() > open_max_) {
    auto oldest = open_.end();
    for (auto entry = open_.begin(); entry != open_.end(); ++entry) {
      const bool idle = entry->second.file && entry->second.file.use_count() == 1;
      if (idle && (oldest == open_.end() || entry->second.last_use < oldest->second.last_use))
        oldest = entry;
    }
    if (oldest == open_.end()) return;
    open_.erase(oldest);
  }
}

}  // namespace kronika::wal
