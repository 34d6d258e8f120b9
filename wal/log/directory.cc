// See directory.h.
#include "wal/log/directory.h"

#include <algorithm>
#include <utility>

#include "wal/log/in_order.h"
#include "wal/log/names.h"

namespace kronika::wal {
namespace {

// A rename whose source may be missing.
Step RenameIfThere(Files& files, std::string from, std::string to) {
  return [&files, from = std::move(from), to = std::move(to)](Done<void> next) {
    files.Rename(from, to, [next = std::move(next)](Status status) mutable {
      if (!status && status.error().code == ErrorCode::kNotFound) return next({});
      next(std::move(status));
    });
  };
}

std::vector<Step> RetireSteps(Files& files, const std::string& directory, GroupId group) {
  const std::string aside = DeletedDirectory(directory, group);
  std::vector<Step> steps;
  // An earlier removal of the same group may have been cut short.
  steps.push_back([&files, aside](Done<void> next) { files.RemoveAll(aside, std::move(next)); });
  steps.push_back(RenameIfThere(files, directory, aside));
  steps.push_back([&files](Done<void> next) { files.SyncDir("", std::move(next)); });
  return steps;
}

}  // namespace

void RetireDirectory(Files& files, std::string directory, GroupId group, Done<void> done) {
  InOrder::Run(RetireSteps(files, directory, group), std::move(done));
}

void AdoptStaged(Files& files, const Manifest& installed, Done<void> done) {
  const std::string staged = StagedDirectory(installed.directory, installed.group);
  auto steps = RetireSteps(files, installed.directory, installed.group);
  if (installed.segments.empty()) return InOrder::Run(std::move(steps), std::move(done));
  steps.push_back(RenameIfThere(files, staged, installed.directory));
  steps.push_back([&files](Done<void> next) { files.SyncDir("", std::move(next)); });
  auto listed = [steps = std::move(steps), done = std::move(done)](auto entries) mutable {
    // No staged folder: the swap was made before a crash, and the name holds the installed one.
    if (!entries && entries.error().code == ErrorCode::kNotFound) return done({});
    if (!entries) return done(std::unexpected(std::move(entries).error()));
    InOrder::Run(std::move(steps), std::move(done));
  };
  files.List(staged, std::move(listed));
}

void RemoveLeftovers(Files& files, std::set<std::string> keep, Done<void> done) {
  auto listed = [&files, keep = std::move(keep), done = std::move(done)](auto entries) mutable {
    if (!entries) return done(std::unexpected(std::move(entries).error()));
    std::vector<Step> steps;
    for (const DirEntry& entry : *entries) {
      const bool aside = entry.name.ends_with("-delete");
      const bool staged = entry.name.ends_with("-install") && !keep.contains(entry.name);
      if (!entry.is_directory || !(aside || staged)) continue;
      steps.push_back(
          [&files, name = entry.name](Done<void> next) { files.RemoveAll(name, std::move(next)); });
    }
    if (steps.empty()) return done({});
    InOrder::Run(std::move(steps), std::move(done));
  };
  files.List("", std::move(listed));
}

}  // namespace kronika::wal
