// GroupMap: what the records of one partition of __consumer_offsets add up to: groups and committed
// offsets. Equal on every replica that applied the same records (D11).
//
// The partition's loop. Pure: records in, and out what changed since a checkpoint.
// 1. It follows from the applied records alone: no clock, no chance (safety rules R7, C4).
// 2. Its pairs in the Kv store are the records' own keys and values; a checkpoint's batch carries
//    them together with the partition's manifest, and so with the applied index (C5).
// 3. Records of other types, and what does not decode, change nothing and are counted.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/group/records.h"

namespace kronika::broker {

class GroupMap {
 public:
  using Partitions = std::map<std::int32_t, StoredOffset>;
  using Offsets = std::map<std::string, Partitions, std::less<>>;  // by topic name
  using Groups = std::map<std::string, StoredGroup, std::less<>>;
  using AllOffsets = std::map<std::string, Offsets, std::less<>>;  // by group

  // One record; also for each pair that the Kv store held.
  void Apply(Bytes key, std::optional<Bytes> value);

  // Null: there is no such group record; a group may have offsets all the same.
  const StoredGroup* FindGroup(std::string_view group) const;
  const Offsets& OffsetsOf(std::string_view group) const;
  const StoredOffset* FindOffset(const OffsetKey& key) const;
  const Groups& groups() const { return groups_; }
  const AllOffsets& offsets() const { return offsets_; }
  // Whether anything is known of it.
  bool Knows(std::string_view group) const;

  // What changed since the last call, by record key: the value, or none for what is gone.
  using Changes = std::map<std::string, std::optional<std::string>, std::less<>>;
  Changes TakeChanges();
  // What was taken last did not reach the store.
  void ChangesLost();
  // The store holds what is here, as after loading.
  void ForgetChanges() { changes_.clear(); }
  // An install: everything goes, and every record of the new log follows.
  void Clear();
  // The keys that the store may hold.
  std::vector<std::string> Keys() const;

  std::uint64_t skipped() const { return skipped_; }
  // For scripts and people: a line for each group and offset.
  std::string Describe() const;

 private:
  void ApplyGroup(const GroupKey& key, const std::optional<Bytes>& value);
  void ApplyOffset(const OffsetKey& key, const std::optional<Bytes>& value);
  template <class Visit>
  void ForEachKey(Visit visit) const;

  Groups groups_;
  AllOffsets offsets_;
  Changes changes_;  // since the last TakeChanges
  Changes taken_;    // by the last one
  std::uint64_t skipped_ = 0;
};

}  // namespace kronika::broker
