// FakeFiles: one process' handle on a FakeDisk, for tests and the simulator.
//
// Called on its loop.
// 1. Every call takes effect at a random later time and completes in the same event, so calls under
//    way overtake each other (files.h rule 3); a crash in between keeps any part of a write under
//    way.
// 2. It lives until FakeDisk::Crash(), Kill() or its destructor, which is a Kill() of its own
//    process; afterwards nothing completes, and the File objects that are left do nothing.
#pragma once

#include <memory>
#include <string>

#include "base/fake_disk.h"
#include "base/files.h"
#include "base/loop.h"

namespace kronika {

class FakeFiles final : public Files {
 public:
  // Both outlive the object. One FakeFiles at a time uses a disk.
  FakeFiles(FakeDisk& disk, Loop& loop) : disk_(disk), loop_(loop), life_(disk.life_) {}
  ~FakeFiles() override;

  void Open(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) override;
  void Create(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) override;
  void CreateDir(std::string path, Done<void> done) override;
  void Rename(std::string from, std::string to, Done<void> done) override;
  void Remove(std::string path, Done<void> done) override;
  void RemoveAll(std::string path, Done<void> done) override;
  void List(std::string path, Done<std::vector<DirEntry>> done) override;
  void SyncDir(std::string path, Done<void> done) override;
  void Space(Done<SpaceInfo> done) override;

 private:
  template <class T, class Effect>
  void Later(Duration extra, Done<T> done, Effect effect);
  Status CheckName(const std::string& path);

  FakeDisk& disk_;
  Loop& loop_;
  std::shared_ptr<FakeDisk::Life> life_;
};

}  // namespace kronika
