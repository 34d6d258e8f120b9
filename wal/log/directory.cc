// See directory.h.
#include "wal/log/directory.h"

#include <algorithm>
#include <utility>

#include "base/planted.h"
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

// `done`, and then the folder `aside` goes.
Done<void> RemovingAfter(Files& files, std::string aside, Done<void> done) {
  return [&files, aside = std::move(aside), done = std::move(done)](Status status) mutable {
    const bool well = status.has_value();
    done(std::move(status));
    if (!well || KRONIKA_PLANTED("folders-put-aside-stay")) return;
    files.RemoveAll(
        aside, [](Status removed) { IgnoreError(removed, "the next start removes what is left"); });
  };
}

// Whether the folder was staged to its end and is what `installed` describes. A later install that
// was staged, or only begun, and never recorded is not.
void IsStaged(Files& files, const std::string& staged, Manifest installed, Done<bool> done) {
  const std::string path = staged + "/" + std::string(kStagedManifestName);
  auto opened = [installed = std::move(installed),
                 done = std::move(done)](Result<std::unique_ptr<File>> file) mutable {
    if (!file && file.error().code == ErrorCode::kNotFound) return done(false);
    if (!file) return done(std::unexpected(std::move(file).error()));
    auto held = std::shared_ptr<File>(std::move(*file));
    held->Read(
        0, held->Size(),
        [held, installed = std::move(installed),
         done = std::move(done)](Result<Slice> read) mutable {
          if (!read) return done(std::unexpected(std::move(read).error()));
          auto found = DecodeManifest(read->bytes());
          done(found && found->group == installed.group && found->applied == installed.applied &&
               found->end_offset == installed.end_offset && found->segments == installed.segments);
        });
  };
  files.Open(path, {}, std::move(opened));
}

}  // namespace

void RetireDirectory(Files& files, std::string directory, GroupId group, Done<void> done) {
  InOrder::Run(RetireSteps(files, directory, group),
               RemovingAfter(files, DeletedDirectory(directory, group), std::move(done)));
}

void AdoptStaged(Files& files, const Manifest& installed, Done<void> done) {
  const std::string staged = StagedDirectory(installed.directory, installed.group);
  auto steps = RetireSteps(files, installed.directory, installed.group);
  const std::string aside = DeletedDirectory(installed.directory, installed.group);
  if (installed.segments.empty())
    return InOrder::Run(std::move(steps), RemovingAfter(files, aside, std::move(done)));
  steps.push_back(RenameIfThere(files, staged, installed.directory));
  steps.push_back([&files](Done<void> next) { files.SyncDir("", std::move(next)); });
  auto known = [steps = std::move(steps), done = RemovingAfter(files, aside, std::move(done))](
                   Result<bool> is_staged) mutable {
    if (!is_staged) return done(std::unexpected(std::move(is_staged).error()));
    // Not there: the swap was made before a crash, and the name holds the installed one.
    if (!*is_staged && !KRONIKA_PLANTED("any-staged-folder-adopted")) return done({});
    InOrder::Run(std::move(steps), std::move(done));
  };
  IsStaged(files, staged, installed, std::move(known));
}

void RemoveLeftovers(Files& files, std::set<GroupId> keep, Done<void> done) {
  auto listed = [&files, keep = std::move(keep), done = std::move(done)](auto entries) mutable {
    if (!entries) return done(std::unexpected(std::move(entries).error()));
    std::vector<Step> steps;
    for (const DirEntry& entry : *entries) {
      const auto staged_for = ParseStagedDirectory(entry.name);
      const bool staged = staged_for && !keep.contains(*staged_for);
      if (!entry.is_directory || !(staged || IsDeletedDirectory(entry.name))) continue;
      steps.push_back(
          [&files, name = entry.name](Done<void> next) { files.RemoveAll(name, std::move(next)); });
    }
    if (steps.empty()) return done({});
    InOrder::Run(std::move(steps), std::move(done));
  };
  files.List("", std::move(listed));
}

}  // namespace kronika::wal
