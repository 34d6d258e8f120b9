// StagedInstalls: the manifests of full installs, from their staging until a checkpoint holds what
// they describe (SAFETY A8). They are kept in the Kv store: one of a partition with many producers
// is larger than any record of the journal, whose `installed` record only names it.
//
//   segments synced → manifest staged, synced → `installed` in the journal, synced → swapped
//   → a checkpoint's batch puts the partition's manifest and deletes the staged one
//
// On the worker's loop.
// 1. A crash before the record leaves the old state and a staged manifest that nothing names; one
//    behind it finds the manifest that the record names.
// 2. A staged manifest lies under its own identity: a later install, which may never be recorded,
//    does not take the place of one that is.
// 3. One is deleted only with what replaces it, in one batch, or at a start when no record names
//    it.
//
// Source: docs/formats.md, "The partition log".
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"
#include "base/kv.h"
#include "base/result.h"
#include "wal/log/manifest.h"

namespace kronika::broker {

// Which manifest an `installed` record means.
struct StagedInstall {
  Index index;
  std::uint32_t bytes = 0;
  std::uint32_t crc = 0;
  auto operator<=>(const StagedInstall&) const = default;
};

// What the record at `index` carries as its manifest. kCorruption: not ours.
std::string EncodeStagedInstall(const StagedInstall& staged);
Result<StagedInstall> DecodeStagedInstall(Index index, Bytes record);
std::string StagedKey(GroupId group, const StagedInstall& staged);

class StagedInstalls : public std::enable_shared_from_this<StagedInstalls> {
 public:
  // `kv` outlives the object.
  StagedInstalls(Kv& kv, GroupId group) : kv_(kv), group_(group) {}

  // What to put into the `installed` record, once the manifest survives power loss.
  void Stage(Index index, const wal::Manifest& manifest, Done<std::string> done);
  // The manifest that the record at `index` means: the one that was staged last in this life, or
  // from the store, which may read the disk. kCorruption: the store does not hold it.
  Result<wal::Manifest> Take(Index index, Bytes record);
  // Adds the deletion of what a checkpoint at `applied` makes superfluous.
  void ForgetTo(Index applied, KvBatch& batch);
  // The same for a partition that is no more.
  void ForgetAll(KvBatch& batch) { ForgetTo({UINT64_MAX}, batch); }
  // Of what was staged or taken in this life and not forgotten.
  std::set<std::string> keys() const;

 private:
  Kv& kv_;
  const GroupId group_;
  std::set<StagedInstall> in_store_;
  std::optional<StagedInstall> last_;
  std::optional<wal::Manifest> last_manifest_;
};

// At a start: every staged manifest goes but for these keys and those of groups in `keep`.
Status ForgetUnnamed(Kv& kv, const std::set<std::string>& keys, const std::set<GroupId>& keep);

}  // namespace kronika::broker
