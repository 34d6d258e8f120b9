// A Files object of any kind with a loop to wait on, and a way to end one process' life and begin
// the next.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "base/fake_files.h"
#include "base/uring_files.h"
#include "tests/unit/base/world.h"

namespace kronika {

enum class FilesKind { kFake, kThread, kUring };

inline std::string PrintFilesKind(FilesKind kind) {
  switch (kind) {
    case FilesKind::kFake:
      return "Fake";
    case FilesKind::kThread:
      return "Thread";
    case FilesKind::kUring:
      return "Uring";
  }
  std::unreachable();
}

// A folder of its own, removed at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = testing::TempDir() + "kronika-base-XXXXXX";
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FilesWorld {
 public:
  explicit FilesWorld(FilesKind kind, std::uint64_t seed = 1) : kind_(kind) {
    if (kind == FilesKind::kFake) {
      auto sim = std::make_unique<SimWorld>(seed);
      disk_ = std::make_unique<FakeDisk>(sim->rng());
      world_ = std::move(sim);
    } else {
      folder_ = std::make_unique<TemporaryFolder>();
      world_ = std::make_unique<AsioWorld>();
    }
    Reopen();
  }

  World& world() { return *world_; }
  Files& files() { return *files_; }
  FakeDisk& disk() { return *disk_; }
  // False where the machine refuses this kind.
  bool available() const { return files_ != nullptr; }

  void Reopen() {
    files_.reset();
    if (kind_ == FilesKind::kFake) {
      files_ = std::make_unique<FakeFiles>(*disk_, world_->loop());
      return;
    }
    const RealFilesOptions options{.root = folder_->path() + "/data", .threads = 3};
    auto made = kind_ == FilesKind::kThread
                    ? ThreadFiles::Make(options, world_->loop())
                    : UringFiles::Make(options, static_cast<AsioWorld&>(*world_).asio());
    if (made) files_ = std::move(*made);
  }
  // Power loss; only for the fake.
  void Crash(const CrashOptions& options) {
    disk_->Crash(options);
    Reopen();
  }

  Result<std::unique_ptr<File>> Create(const std::string& path, OpenOptions options = {}) {
    return world_->Await<std::unique_ptr<File>>(
        [&](auto done) { files_->Create(path, options, std::move(done)); });
  }
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenOptions options = {}) {
    return world_->Await<std::unique_ptr<File>>(
        [&](auto done) { files_->Open(path, options, std::move(done)); });
  }
  Status Write(File& file, std::uint64_t position, std::string_view text,
               Durability durability = Durability::kBuffered) {
    return world_->Await<void>([&](auto done) {
      file.Write(position, {Slice::CopyOf(text)}, durability, std::move(done));
    });
  }
  Result<std::string> Read(File& file, std::uint64_t position, std::size_t size) {
    auto out = world_->Await<Slice>([&](auto done) { file.Read(position, size, std::move(done)); });
    if (!out) return std::unexpected(out.error());
    return std::string(out->text());
  }
  Status Sync(File& file) {
    return world_->Await<void>([&](auto done) { file.Sync(std::move(done)); });
  }
  Status Truncate(File& file, std::uint64_t size) {
    return world_->Await<void>([&](auto done) { file.Truncate(size, std::move(done)); });
  }
  // Any call of Files that takes paths and has no value: Do(&Files::Remove, "a").
  template <class Method, class... Paths>
  Status Do(Method method, Paths... paths) {
    return world_->Await<void>(
        [&](auto done) { (files_.get()->*method)(std::string(paths)..., std::move(done)); });
  }
  Result<std::string> List(const std::string& path) {
    auto entries = world_->Await<std::vector<DirEntry>>(
        [&](auto done) { files_->List(path, std::move(done)); });
    if (!entries) return std::unexpected(entries.error());
    std::string out;
    for (const auto& entry : *entries) {
      out += entry.name + (entry.is_directory ? "/" : ":" + std::to_string(entry.size)) + " ";
    }
    return out;
  }

 private:
  const FilesKind kind_;
  std::unique_ptr<TemporaryFolder> folder_;
  std::unique_ptr<FakeDisk> disk_;
  std::unique_ptr<World> world_;
  std::unique_ptr<Files> files_;
};

}  // namespace kronika
