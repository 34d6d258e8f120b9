// See staged_installs.h.
#include "broker/partition/staged_installs.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "broker/store_keys.h"

namespace kronika::broker {
namespace {

constexpr std::uint32_t kStagedMagic = 0x3149504B;  // "KPI1"
constexpr std::size_t kPlantedBytesMax = 120'000;   // an entry's of a journal with files of 1 MiB

std::unexpected<Error> Corrupt(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "install");
}

}  // namespace

std::string EncodeStagedInstall(const StagedInstall& staged) {
  LeWriter out;
  out.Int(kStagedMagic).Int(staged.bytes).Int(staged.crc);
  return out.Take();
}

Result<StagedInstall> DecodeStagedInstall(Index index, Bytes record) {
  LeReader in(record);
  const auto magic = in.Int<std::uint32_t>();
  StagedInstall out{.index = index};
  out.bytes = in.Int<std::uint32_t>();
  out.crc = in.Int<std::uint32_t>();
  if (!in.ok() || in.left() != 0 || magic != kStagedMagic)
    return Corrupt("the journal's record of an install is malformed");
  return out;
}

std::string StagedKey(GroupId group, const StagedInstall& staged) {
  if (KRONIKA_PLANTED("staged-manifest-by-group"))
    return fmt::format("{}{:08x}/", kStagedPrefix, group.value);
  return fmt::format("{}{:08x}/{:016x}-{:08x}-{:08x}", kStagedPrefix, group.value,
                     staged.index.value, staged.bytes, staged.crc);
}

void StagedInstalls::Stage(Index index, const wal::Manifest& manifest, Done<std::string> done) {
  std::string text = wal::EncodeManifest(manifest);
  if (text.size() > kPlantedBytesMax && KRONIKA_PLANTED("large-manifest-refused"))
    return done(Fail(ErrorCode::kInvalidArgument, "larger than a record of the journal"));
  const StagedInstall staged{index, static_cast<std::uint32_t>(text.size()),
                             crc32c::Value(AsBytes(text))};
  KvBatch batch;
  batch.Put(StagedKey(group_, staged), std::move(text));
  in_store_.insert(staged);
  auto written = [self = shared_from_this(), staged, manifest,
                  done = std::move(done)](Status status) mutable {
    if (!status) return done(std::unexpected(std::move(status).error()));
    self->last_ = staged;
    self->last_manifest_ = std::move(manifest);
    done(EncodeStagedInstall(staged));
  };
  const auto durability =
      KRONIKA_PLANTED("staged-manifest-not-synced") ? Durability::kBuffered : Durability::kSynced;
  kv_.Apply(std::move(batch), durability, std::move(written));
}

Result<wal::Manifest> StagedInstalls::Take(Index index, Bytes record) {
  auto staged = DecodeStagedInstall(index, record);
  if (!staged) return std::unexpected(std::move(staged).error());
  in_store_.insert(*staged);  // of an earlier life, perhaps
  if (last_ == *staged && last_manifest_) {
    last_.reset();
    return *std::exchange(last_manifest_, std::nullopt);
  }
  auto text = kv_.Get(StagedKey(group_, *staged));
  if (!text) return std::unexpected(std::move(text).error());
  if (!*text) return Corrupt("the store does not hold the manifest that the journal names");
  const Bytes bytes = AsBytes(**text);
  if (bytes.size() != staged->bytes || crc32c::Value(bytes) != staged->crc)
    return Corrupt("the staged manifest is not the one that the journal names");
  return wal::DecodeManifest(bytes);
}

void StagedInstalls::ForgetTo(Index applied, KvBatch& batch) {
  std::erase_if(in_store_, [&](const StagedInstall& staged) {
    if (staged.index > applied) return false;
    batch.Delete(StagedKey(group_, staged));
    return true;
  });
}

std::set<std::string> StagedInstalls::keys() const {
  std::set<std::string> out;
  for (const auto& staged : in_store_) out.insert(StagedKey(group_, staged));
  return out;
}

Status ForgetUnnamed(Kv& kv, const std::set<std::string>& keys, const std::set<GroupId>& keep) {
  auto staged = kv.Scan(kStagedPrefix);
  if (!staged) return std::unexpected(std::move(staged).error());
  std::set<std::string> groups;
  for (const GroupId group : keep) groups.insert(fmt::format("{:08x}", group.value));
  KvBatch batch;
  for (const auto& [key, value] : *staged) {
    if (!keys.contains(key) && !groups.contains(key.substr(kStagedPrefix.size(), 8)))
      batch.Delete(key);
  }
  if (!batch.empty()) kv.Apply(std::move(batch), Durability::kBuffered, [](Status) {});
  return {};
}

}  // namespace kronika::broker
