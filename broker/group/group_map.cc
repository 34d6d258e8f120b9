#include "broker/group/group_map.h"

#include <fmt/core.h>

#include <utility>

namespace kronika::broker {

void GroupMap::Apply(Bytes key, std::optional<Bytes> value) {
  auto decoded = DecodeKey(key);
  if (!decoded) {
    ++skipped_;
    return;
  }
  if (const auto* group = std::get_if<GroupKey>(&*decoded)) {
    ApplyGroup(*group, value);
  } else {
    ApplyOffset(std::get<OffsetKey>(*decoded), value);
  }
}

void GroupMap::ApplyGroup(const GroupKey& key, const std::optional<Bytes>& value) {
  if (!value) {
    groups_.erase(key.group);
    changes_[EncodeKey(key)] = std::nullopt;
    return;
  }
  auto group = DecodeGroup(*value);
  if (!group) {
    ++skipped_;
    return;
  }
  groups_.insert_or_assign(key.group, std::move(*group));
  changes_[EncodeKey(key)] = std::string(AsText(*value));
}

void GroupMap::ApplyOffset(const OffsetKey& key, const std::optional<Bytes>& value) {
  if (value) {
    auto offset = DecodeOffset(*value);
    if (!offset) {
      ++skipped_;
      return;
    }
    offsets_[key.group][key.topic].insert_or_assign(key.partition, std::move(*offset));
    changes_[EncodeKey(key)] = std::string(AsText(*value));
    return;
  }
  changes_[EncodeKey(key)] = std::nullopt;
  auto group = offsets_.find(key.group);
  if (group == offsets_.end()) return;
  auto topic = group->second.find(key.topic);
  if (topic == group->second.end()) return;
  topic->second.erase(key.partition);
  if (topic->second.empty()) group->second.erase(topic);
  if (group->second.empty()) offsets_.erase(group);
}

const StoredGroup* GroupMap::FindGroup(std::string_view group) const {
  const auto found = groups_.find(group);
  return found == groups_.end() ? nullptr : &found->second;
}

const GroupMap::Offsets& GroupMap::OffsetsOf(std::string_view group) const {
  static const Offsets kNone;
  const auto found = offsets_.find(group);
  return found == offsets_.end() ? kNone : found->second;
}

const StoredOffset* GroupMap::FindOffset(const OffsetKey& key) const {
  const Offsets& offsets = OffsetsOf(key.group);
  const auto topic = offsets.find(key.topic);
  if (topic == offsets.end()) return nullptr;
  const auto found = topic->second.find(key.partition);
  return found == topic->second.end() ? nullptr : &found->second;
}

bool GroupMap::Knows(std::string_view group) const {
  return groups_.contains(group) || offsets_.contains(group);
}

GroupMap::Changes GroupMap::TakeChanges() {
  taken_ = std::exchange(changes_, {});
  return taken_;
}

void GroupMap::ChangesLost() {
  for (auto& [key, value] : std::exchange(taken_, {})) changes_.try_emplace(key, std::move(value));
}

template <class Visit>
void GroupMap::ForEachKey(Visit visit) const {
  for (const auto& [name, group] : groups_) visit(EncodeKey(GroupKey{name}));
  for (const auto& [name, topics] : offsets_) {
    for (const auto& [topic, partitions] : topics) {
      for (const auto& [partition, offset] : partitions)
        visit(EncodeKey(OffsetKey{name, topic, partition}));
    }
  }
}

void GroupMap::Clear() {
  ForEachKey([this](std::string key) { changes_[std::move(key)] = std::nullopt; });
  for (auto& [key, value] : changes_) value = std::nullopt;
  for (const auto& [key, value] : taken_) changes_[key] = std::nullopt;
  groups_.clear();
  offsets_.clear();
}

std::vector<std::string> GroupMap::Keys() const {
  std::vector<std::string> out;
  ForEachKey([&out](std::string key) { out.push_back(std::move(key)); });
  for (const Changes* changes : {&changes_, &taken_}) {
    for (const auto& [key, value] : *changes) {
      if (!value) out.push_back(key);
    }
  }
  return out;
}

std::string GroupMap::Describe() const {
  std::string out;
  for (const auto& [name, group] : groups_)
    out += fmt::format("group {}: {}\n", name, broker::Describe(group));
  for (const auto& [name, topics] : offsets_) {
    for (const auto& [topic, partitions] : topics) {
      for (const auto& [partition, offset] : partitions)
        out +=
            fmt::format("offset {} {}-{}: {}\n", name, topic, partition, broker::Describe(offset));
    }
  }
  return out;
}

}  // namespace kronika::broker
