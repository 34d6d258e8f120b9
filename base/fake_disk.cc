#include "base/fake_disk.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace kronika {
namespace {
constexpr std::size_t kStaleBlocksMax = 64;
constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 44;
}  // namespace

FakeDisk::FakeDisk(Rng& rng) : rng_(rng), life_(std::make_shared<Life>()) {
  inodes_[kRoot].is_directory = true;
}

FakeDisk::~FakeDisk() {
  EndLife();
}

FakeDisk::Inode& FakeDisk::At(InodeId id) {
  auto found = inodes_.find(id);
  KRONIKA_CHECK(found != inodes_.end());
  return found->second;
}

const FakeDisk::Inode& FakeDisk::At(InodeId id) const {
  auto found = inodes_.find(id);
  KRONIKA_CHECK(found != inodes_.end());
  return found->second;
}

Duration FakeDisk::RandomDelay() {
  return Duration(rng_.Below(static_cast<std::uint64_t>(delay_max_.count()) + 1));
}

void FakeDisk::EndLife() {
  life_->alive = false;
  life_ = std::make_shared<Life>();
  for (auto& [id, inode] : inodes_) inode.handles = 0;
}

void FakeDisk::Crash(const CrashOptions& options) {
  EndLife();
  DropPendingWrites(options.keep_block);
  std::vector<FakeContent::Block> stale;
  for (const auto& [id, inode] : inodes_) inode.content.CollectBlocks(stale, kStaleBlocksMax);
  CrashNames(options);
  for (auto& [id, inode] : inodes_) {
    if (!inode.is_directory) inode.content.Crash(options, stale, rng_);
  }
  Collect();
}

void FakeDisk::Kill() {
  EndLife();
  DropPendingWrites(0.5);
  Collect();
}

void FakeDisk::DropPendingWrites(double keep_block) {
  for (auto& [number, write] : std::exchange(pending_writes_, {})) {
    auto found = inodes_.find(write.inode);
    if (found == inodes_.end()) continue;
    const Slice bytes = Flatten(write.slices);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t within = (write.position + at) % kBlockBytes;
      const std::size_t size = std::min(kBlockBytes - within, bytes.size() - at);
      if (rng_.Chance(keep_block)) {
        found->second.content.Write(write.position + at, bytes.bytes().subspan(at, size),
                                    ++write_sequence_);
      }
      at += size;
    }
  }
}

std::optional<Error> FakeDisk::TakeFault(DiskFault::Call call, const std::string& path) {
  for (auto at = faults_.begin(); at != faults_.end(); ++at) {
    if (at->call != call || path.find(at->path_part) == path.npos) continue;
    if (at->skip > 0) {
      --at->skip;
      continue;
    }
    Error error{at->code, "injected fault", path};
    if (!at->persistent) faults_.erase(at);
    return error;
  }
  return std::nullopt;
}

Status FakeDisk::ApplyWrite(const PendingWrite& write, Durability durability,
                            const std::string& path) {
  auto& content = At(write.inode).content;
  const std::uint64_t size = TotalSize(write.slices);
  const std::uint64_t grows =
      write.position + size > content.size() ? write.position + size - content.size() : 0;
  ++counters_.writes;
  if (write.position > kFileBytesMax || size > kFileBytesMax - write.position) {
    return Fail(ErrorCode::kIo, "beyond the largest file", path);
  }
  if (grows > 0 && (used_bytes_ > capacity_bytes_ || grows > capacity_bytes_ - used_bytes_)) {
    return Fail(ErrorCode::kNoSpace, "the disk is full", path);
  }
  auto fault = TakeFault(DiskFault::Call::kWrite, path);
  std::uint64_t at = write.position;
  ++write_sequence_;
  for (const auto& slice : write.slices) {
    // A failed write has written any part of its bytes.
    if (!fault || rng_.Chance(0.5)) content.Write(at, slice.bytes(), write_sequence_);
    at += slice.size();
  }
  if (fault) return std::unexpected(*fault);
  used_bytes_ += grows;
  counters_.bytes_written += size;
  if (durability == Durability::kBuffered) return {};
  ++counters_.syncs;
  if (auto sync_fault = TakeFault(DiskFault::Call::kSync, path)) {
    content.DropUnsynced();
    return std::unexpected(*sync_fault);
  }
  content.MakeRangeDurable(write.position, size, write_sequence_);
  return {};
}

Result<std::string> FakeDisk::ReadAll(std::string_view path) const {
  auto inode = Find(path);
  if (!inode || At(*inode).is_directory) {
    return Fail(ErrorCode::kNotFound, "no such file", std::string(path));
  }
  const auto& content = At(*inode).content;
  std::string out(content.size(), '\0');
  content.Read(0, std::as_writable_bytes(std::span(out.data(), out.size())));
  return out;
}

void FakeDisk::WriteAll(std::string_view path, std::string_view bytes) {
  if (!Find(path)) KRONIKA_CHECK(CreateFile(path).has_value());
  auto& content = At(*Find(path)).content;
  used_bytes_ = used_bytes_ - content.size() + bytes.size();
  content.Truncate(0, ++write_sequence_);
  content.Write(0, AsBytes(bytes), ++write_sequence_);
  content.MakeDurable(write_sequence_);
  for (std::string folder(path); !folder.empty();) {
    const auto slash = folder.rfind('/');
    folder.resize(slash == folder.npos ? 0 : slash);
    SyncFolder(*Find(folder));
  }
}

Status FakeDisk::Corrupt(std::string_view path, std::uint64_t position, std::byte mask) {
  auto inode = Find(path);
  if (!inode || At(*inode).is_directory || position >= At(*inode).content.size()) {
    return Fail(ErrorCode::kNotFound, "no such byte", std::string(path));
  }
  At(*inode).content.Corrupt(position, mask);
  return {};
}

std::vector<std::string> FakeDisk::Names() const {
  std::vector<std::string> out;
  ListFiles(kRoot, "", out);
  return out;
}

std::size_t FakeDisk::UnsyncedBlocks() const {
  std::size_t out = 0;
  for (const auto& [id, inode] : inodes_) out += inode.content.unsynced_blocks();
  return out;
}

}  // namespace kronika
