// The assignors as pure functions; see assignors.h. Their bytes: assignor_codec.cc.
#include "cmd/client/assignors.h"

#include <algorithm>
#include <set>

namespace kronika::client {
namespace {

// Members with an instance id keep their places when their member id changes.
bool StandsBefore(const Subscriber& a, const Subscriber& b) {
  if (a.instance_id.has_value() != b.instance_id.has_value()) return a.instance_id.has_value();
  if (a.instance_id && *a.instance_id != *b.instance_id) return *a.instance_id < *b.instance_id;
  return a.member_id < b.member_id;
}

bool Subscribes(const Subscriber& member, const std::string& topic) {
  return std::ranges::find(member.topics, topic) != member.topics.end();
}

void AssignRange(const std::vector<Subscriber>& members, const PartitionCounts& counts,
                 Assignments& out) {
  for (const auto& [topic, count] : counts) {
    std::vector<const Subscriber*> readers;
    for (const auto& member : members) {
      if (Subscribes(member, topic)) readers.push_back(&member);
    }
    const auto size = static_cast<std::int32_t>(readers.size());
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < size; ++i) {
      const std::int32_t share = count / size + (i < count % size ? 1 : 0);
      for (std::int32_t end = next + share; next < end; ++next) {
        out[readers[static_cast<std::size_t>(i)]->member_id].push_back({topic, next});
      }
    }
  }
}

class Sticky {
 public:
  Sticky(const std::vector<Subscriber>& members, const PartitionCounts& counts)
      : members_(members), counts_(counts), held_(members.size()) {}

  void Run(Assignments& out) {
    Keep();
    Fill();
    while (MoveOne()) {
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
      out[members_[i].member_id].assign(held_[i].begin(), held_[i].end());
    }
  }

 private:
  static constexpr std::size_t kNobody = SIZE_MAX;

  // Of those that say that they own a partition, the one of the latest generation keeps it.
  void Keep() {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      for (const auto& each : members_[i].owned) {
        const auto count = counts_.find(each.topic);
        if (count == counts_.end() || each.partition < 0 || each.partition >= count->second ||
            !Subscribes(members_[i], each.topic)) {
          continue;
        }
        auto [owner, is_new] = owners_.try_emplace(each, i);
        if (!is_new) {
          if (members_[owner->second].owned_generation >= members_[i].owned_generation) continue;
          held_[owner->second].erase(each);
          owner->second = i;
        }
        held_[i].insert(each);
      }
    }
  }

  void Fill() {
    for (const auto& [topic, count] : counts_) {
      for (std::int32_t partition = 0; partition < count; ++partition) {
        const TopicPartition each{topic, partition};
        if (owners_.contains(each)) continue;
        const std::size_t least = LeastLoaded(topic);
        if (least == kNobody) break;
        owners_[each] = least;
        held_[least].insert(each);
      }
    }
  }

  // Takes one partition from a member that has at least two more than another that can have it. The
  // sum of the squares of the loads falls with each move, so this ends.
  bool MoveOne() {
    for (std::size_t from = 0; from < members_.size(); ++from) {
      for (const auto& each : held_[from]) {
        const std::size_t to = LeastLoaded(each.topic);
        if (held_[from].size() <= held_[to].size() + 1) continue;
        const TopicPartition moved = each;
        held_[from].erase(moved);
        held_[to].insert(moved);
        return true;
      }
    }
    return false;
  }

  std::size_t LeastLoaded(const std::string& topic) const {
    std::size_t least = kNobody;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (!Subscribes(members_[i], topic)) continue;
      if (least == kNobody || held_[i].size() < held_[least].size()) least = i;
    }
    return least;
  }

  const std::vector<Subscriber>& members_;
  const PartitionCounts& counts_;
  std::vector<std::set<TopicPartition>> held_;  // by member
  std::map<TopicPartition, std::size_t> owners_;
};

}  // namespace

std::string_view Name(Assignor assignor) {
  switch (assignor) {
    case Assignor::kRange:
      return "range";
    case Assignor::kSticky:
      return "sticky";
  }
  return "";
}

std::optional<Assignor> ParseAssignor(std::string_view name) {
  for (const auto each : {Assignor::kRange, Assignor::kSticky}) {
    if (name == Name(each)) return each;
  }
  return std::nullopt;
}

Assignments Assign(Assignor assignor, std::vector<Subscriber> members,
                   const PartitionCounts& counts) {
  std::ranges::sort(members, &StandsBefore);
  Assignments out;
  for (const auto& member : members) out[member.member_id];
  switch (assignor) {
    case Assignor::kRange:
      AssignRange(members, counts, out);
      break;
    case Assignor::kSticky:
      Sticky(members, counts).Run(out);
      break;
  }
  for (auto& [member, partitions] : out) std::ranges::sort(partitions);
  return out;
}

}  // namespace kronika::client
