// Opening a data directory; see data_directory.h.
#include "cmd/kronika/data_directory.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "base/thread_files.h"
#include "metadata/directory_claim.h"
#include "metadata/identity_file.h"
#if KRONIKA_TEST_BUILD
#include "base/faulty_files.h"
#endif

namespace kronika::cmd {
namespace {

constexpr std::size_t kSegmentThreads = 4;

JournalIo IoOf(config::JournalIo io) {
  switch (io) {
    case config::JournalIo::kAuto:
      return JournalIo::kAuto;
    case config::JournalIo::kUring:
      return JournalIo::kUring;
    case config::JournalIo::kThread:
      return JournalIo::kThread;
  }
  std::unreachable();
}

Status CheckFormatted(const std::string& data_dir, BrokerId broker) {
  std::error_code error;
  const auto path = std::filesystem::path(data_dir) / metadata::kIdentityFile;
  if (std::filesystem::exists(path, error)) return {};
  if (error) {
    return Fail(ErrorCode::kIo,
                fmt::format("the data directory cannot be read: {}", error.message()), data_dir);
  }
  return Fail(ErrorCode::kNotFound,
              fmt::format("the data directory was never formatted for broker {0}: found a cluster "
                          "with `kronika format`, then start. If the broker lost its disk: "
                          "`{1}`",
                          broker.value, metadata::ReplaceCommand(broker)),
              data_dir);
}

#if KRONIKA_TEST_BUILD
// Test builds only: KRONIKA_FAULTS makes the journal's disk slow or fail. Its `while_exists` is
// relative to the data directory.
Status PlantFaults(ChosenFiles& chosen, const std::string& root, Loop& loop) {
  const char* text = std::getenv("KRONIKA_FAULTS");
  if (text == nullptr) return {};
  auto faults = ParseFaultOptions(text);
  if (!faults) return std::unexpected(std::move(faults).error());
  if (!faults->while_exists.empty()) faults->while_exists.insert(0, root + "/");
  chosen.files = MakeFaultyFiles(std::move(chosen.files), *faults, loop);
  chosen.why += fmt::format("; with planted faults {}", text);
  return {};
}
#else
Status PlantFaults(ChosenFiles&, const std::string&, Loop&) {
  return {};
}
#endif

}  // namespace

Result<std::unique_ptr<DataDirectory>> DataDirectory::Open(const config::Options& options,
                                                           AsioLoop& loop, Log& log) {
  const std::string& root = options.data_dir;
  KRONIKA_TRY(CheckFormatted(root, options.node_id));
  auto lock = LockFile::Acquire(fmt::format("{}/{}", root, metadata::kDirectoryLock));
  if (!lock) return std::unexpected(std::move(lock).error());
  auto journal = MakeFiles(IoOf(options.journal_io), {.root = root}, loop);
  if (!journal) return std::unexpected(std::move(journal).error());
  auto identity = Await<metadata::Identity>(loop, [&](auto done) {
    metadata::OpenIdentity(*journal->files, options.node_id, std::move(done));
  });
  if (!identity) return std::unexpected(std::move(identity).error());
  KRONIKA_TRY(PlantFaults(*journal, root, loop));
  auto segments = ThreadFiles::Make({.root = root + "/topics", .threads = kSegmentThreads}, loop);
  if (!segments) return std::unexpected(std::move(segments).error());
  auto store = RocksKv::Open({.path = root + "/store"}, loop);
  if (!store) return std::unexpected(std::move(store).error());
  log.Info("broker {} of cluster {}, directory {}, boot epoch {}; journal through {} ({})",
           identity->broker.value, identity->cluster.ToString(), identity->directory.ToString(),
           identity->boot_epoch, Name(journal->io), journal->why);
  return std::unique_ptr<DataDirectory>(new DataDirectory{.lock = std::move(*lock),
                                                          .identity = std::move(*identity),
                                                          .journal = std::move(*journal),
                                                          .segments = std::move(*segments),
                                                          .store = std::move(*store)});
}

}  // namespace kronika::cmd
