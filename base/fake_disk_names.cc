// The names of a FakeDisk: folders, entries, and which changes of names a power loss keeps.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/fake_disk.h"
#include "base/planted.h"

namespace kronika {
namespace {

constexpr std::size_t kChangesMax = 4096;

// "a/b/c" -> {"a", "b/c"}; the second is empty for the last part.
std::pair<std::string_view, std::string_view> SplitFirst(std::string_view path) {
  const auto slash = path.find('/');
  if (slash == path.npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

// "a/b/c" -> {"a/b", "c"}.
std::pair<std::string_view, std::string_view> SplitLast(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == path.npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::unexpected<Error> Missing(std::string_view path) {
  return Fail(ErrorCode::kNotFound, "no such file or folder", std::string(path));
}

}  // namespace

std::optional<FakeDisk::InodeId> FakeDisk::Find(std::string_view path) const {
  InodeId at = kRoot;
  while (!path.empty()) {
    auto [part, rest] = SplitFirst(path);
    const auto& entries = At(at).entries;
    auto found = entries.find(std::string(part));
    if (found == entries.end()) return std::nullopt;
    at = found->second;
    if (!rest.empty() && !At(at).is_directory) return std::nullopt;
    path = rest;
  }
  return at;
}

Result<FakeDisk::Place> FakeDisk::Locate(std::string_view path) const {
  auto [folder, name] = SplitLast(path);
  auto inode = Find(folder);
  if (name.empty() || !inode || !At(*inode).is_directory) return Missing(path);
  return Place{*inode, std::string(name)};
}

FakeDisk::InodeId FakeDisk::MakeFolders(std::string_view path) {
  InodeId at = kRoot;
  while (!path.empty()) {
    auto [part, rest] = SplitFirst(path);
    const std::string name(part);
    auto found = At(at).entries.find(name);
    if (found == At(at).entries.end()) {
      const InodeId made = ++last_inode_;
      inodes_[made].is_directory = true;
      Change({.from = {}, .to = Place{at, name}, .inode = made});
      at = made;
    } else {
      at = found->second;
      if (!At(at).is_directory) return 0;
    }
    path = rest;
  }
  return at;
}

Result<FakeDisk::InodeId> FakeDisk::CreateFile(std::string_view path) {
  if (path.empty() || Find(path)) {
    return Fail(ErrorCode::kAlreadyExists, "the name is taken", std::string(path));
  }
  const InodeId folder = MakeFolders(SplitLast(path).first);
  if (folder == 0) {
    return Fail(ErrorCode::kAlreadyExists, "a file is in the way", std::string(path));
  }
  const InodeId made = ++last_inode_;
  inodes_[made];
  Change({.from = {}, .to = Place{folder, std::string(SplitLast(path).second)}, .inode = made});
  return made;
}

Status FakeDisk::CreateFolder(std::string_view path) {
  if (MakeFolders(path) != 0) return {};
  return Fail(ErrorCode::kAlreadyExists, "a file is in the way", std::string(path));
}

Status FakeDisk::Rename(std::string_view from, std::string_view to) {
  auto inode = Find(from);
  auto source = Locate(from);
  auto target = Locate(to);
  if (!inode || !source) return Missing(from);
  if (from == to) return {};
  const bool is_folder = At(*inode).is_directory;
  if (is_folder && to.starts_with(std::string(from) + "/")) {
    return Fail(ErrorCode::kInvalidArgument, "a folder cannot move into itself", std::string(to));
  }
  if (!target) return Missing(to);
  if (auto taken = Find(to)) {
    if (is_folder) return Fail(ErrorCode::kAlreadyExists, "the name is taken", std::string(to));
    if (At(*taken).is_directory) {
      return Fail(ErrorCode::kInvalidArgument, "the new name is a folder", std::string(to));
    }
  }
  Change({.from = *source, .to = *target, .inode = *inode});
  Collect();
  return {};
}

Status FakeDisk::Remove(std::string_view path) {
  auto inode = Find(path);
  auto place = Locate(path);
  if (!inode || !place) return Missing(path);
  if (At(*inode).is_directory) {
    return Fail(ErrorCode::kInvalidArgument, "a folder, not a file", std::string(path));
  }
  Change({.from = *place, .to = {}, .inode = *inode});
  Collect();
  return {};
}

Status FakeDisk::RemoveAll(std::string_view path) {
  auto inode = Find(path);
  if (path.empty() || !inode) return {};
  // Child by child, as the real one does: a crash may leave any part of it behind.
  const auto children = At(*inode).entries;
  for (const auto& [name, child] : children) {
    KRONIKA_TRY(RemoveAll(std::string(path) + "/" + name));
  }
  Change({.from = *Locate(path), .to = {}, .inode = *inode});
  Collect();
  return {};
}

Result<std::vector<DirEntry>> FakeDisk::List(std::string_view path) const {
  auto inode = Find(path);
  if (!inode || !At(*inode).is_directory) return Missing(path);
  std::vector<DirEntry> out;
  for (const auto& [name, child] : At(*inode).entries) {
    const auto& entry = At(child);
    out.push_back({name, entry.is_directory, entry.is_directory ? 0 : entry.content.size()});
  }
  return out;
}

void FakeDisk::ListFiles(InodeId folder, const std::string& prefix,
                         std::vector<std::string>& out) const {
  for (const auto& [name, child] : At(folder).entries) {
    if (At(child).is_directory) {
      ListFiles(child, prefix + name + "/", out);
    } else {
      out.push_back(prefix + name);
    }
  }
}

void FakeDisk::Change(NameChange change) {
  if (change.from) At(change.from->folder).entries.erase(change.from->name);
  if (change.to) At(change.to->folder).entries[change.to->name] = change.inode;
  changes_.push_back(std::move(change));
  // The kernel writes old changes back by itself.
  if (changes_.size() > kChangesMax) {
    MakeDurable(changes_.front());
    changes_.erase(changes_.begin());
  }
}

Status FakeDisk::SyncFolder(std::string_view path) {
  auto inode = Find(path);
  if (!inode || !At(*inode).is_directory) return Missing(path);
  ++counters_.directory_syncs;
  if (auto fault = TakeFault(DiskFault::Call::kSyncDir, std::string(path))) {
    return std::unexpected(*fault);
  }
  if (KRONIKA_PLANTED("fake-syncdir-does-nothing")) return {};
  SyncFolder(*inode);
  return {};
}

void FakeDisk::SyncFolder(InodeId folder) {
  for (auto& change : changes_) {
    const bool touches = (change.from && change.from->folder == folder) ||
                         (change.to && change.to->folder == folder);
    if (touches) change.synced = true;
  }
  // A change that builds on an older one, which may still be lost, waits for it in the list.
  std::vector<NameChange> left;
  for (auto& change : changes_) {
    auto builds_on = [&](const NameChange& earlier) { return BuildsOn(change, earlier); };
    if (change.synced && std::ranges::none_of(left, builds_on)) {
      MakeDurable(change);
    } else {
      left.push_back(std::move(change));
    }
  }
  changes_ = std::move(left);
  Collect();
}

bool FakeDisk::BuildsOn(const NameChange& change, const NameChange& earlier) {
  auto same = [](const auto& a, const auto& b) { return a && b && *a == *b; };
  return earlier.inode == change.inode || same(earlier.to, change.from) ||
         same(earlier.from, change.to) || same(earlier.to, change.to);
}

void FakeDisk::MakeDurable(const NameChange& change) {
  if (change.from) {
    auto found = inodes_.find(change.from->folder);
    if (found != inodes_.end()) {
      auto& entries = found->second.durable_entries;
      auto entry = entries.find(change.from->name);
      if (entry != entries.end() && entry->second == change.inode) entries.erase(entry);
    }
  }
  if (change.to) {
    auto found = inodes_.find(change.to->folder);
    if (found != inodes_.end() && inodes_.contains(change.inode)) {
      found->second.durable_entries[change.to->name] = change.inode;
    }
  }
}

void FakeDisk::CrashNames(const CrashOptions& options) {
  std::vector<NameChange> lost;
  for (const auto& change : std::exchange(changes_, {})) {
    // Whoever builds on a lost change is lost with it.
    auto builds_on = [&](const NameChange& earlier) { return BuildsOn(change, earlier); };
    const bool keep =
        change.synced || (rng_.Chance(options.keep_name) && std::ranges::none_of(lost, builds_on));
    if (keep) {
      MakeDurable(change);
    } else {
      lost.push_back(change);
    }
  }
  for (auto& [id, inode] : inodes_) inode.entries = inode.durable_entries;
}

void FakeDisk::CollectFrom(InodeId folder, bool durable, std::map<InodeId, bool>& reached) const {
  const auto& inode = At(folder);
  for (const auto& [name, child] : durable ? inode.durable_entries : inode.entries) {
    if (!inodes_.contains(child)) continue;
    bool& counted = reached[child];
    counted = counted || !durable;
    if (At(child).is_directory) CollectFrom(child, durable, reached);
  }
}

// Forgets what no name, handle or unsynced change leads to, and counts the bytes of what is left.
void FakeDisk::Collect() {
  std::map<InodeId, bool> reached{{kRoot, true}};
  CollectFrom(kRoot, false, reached);
  CollectFrom(kRoot, true, reached);
  for (const auto& change : changes_) {
    reached.try_emplace(change.inode, false);
    if (At(change.inode).is_directory) CollectFrom(change.inode, true, reached);
    for (const auto& place : {change.from, change.to}) {
      if (place) reached.try_emplace(place->folder, false);
    }
  }
  used_bytes_ = 0;
  std::erase_if(inodes_, [&](const auto& item) {
    auto found = reached.find(item.first);
    if (found == reached.end() && item.second.handles == 0) return true;
    const bool counted = item.second.handles > 0 || found->second;
    if (counted) used_bytes_ += item.second.content.size();
    return false;
  });
}

}  // namespace kronika
