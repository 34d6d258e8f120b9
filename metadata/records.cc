#include "metadata/records.h"

#include <fmt/format.h>

namespace kronika::metadata {
namespace {

std::string Join(const std::vector<raft::ReplicaId>& replicas) {
  std::string out;
  for (const auto& replica : replicas) {
    if (!out.empty()) out += ' ';
    out += fmt::format("{}", replica.broker.value);
    if (replica.incarnation != kPlacedHere) out += fmt::format("#{}", replica.incarnation.value);
  }
  return out;
}

struct Describer {
  std::string operator()(const ClusterFounded& record) const {
    return fmt::format("cluster founded {} with {} voters", record.cluster.ToString(),
                       record.voters.size());
  }
  std::string operator()(const FormatVersionSet& record) const {
    return fmt::format("format version {}", record.version);
  }
  std::string operator()(const BrokerRegistered& record) const {
    return fmt::format("broker {} registered, directory {}, boot epoch {}, peer {}",
                       record.broker.value, record.directory.ToString(), record.boot_epoch,
                       record.peer.Describe());
  }
  std::string operator()(const BrokerReplaced& record) const {
    return fmt::format("broker {} replaced, directory {}", record.broker.value,
                       record.directory.ToString());
  }
  std::string operator()(const TopicCreated& record) const {
    std::string out = fmt::format("topic {} created, id {}", record.name, record.topic.ToString());
    for (const auto& placed : record.partitions) {
      out += fmt::format(", group {} on {}", placed.group.value, Join(placed.replicas));
    }
    for (const auto& config : record.configs)
      out += fmt::format(", {}={}", config.name, config.value);
    return out;
  }
  std::string operator()(const TopicDeleted& record) const {
    return fmt::format("topic {} deleted, epoch floor {}", record.topic.ToString(),
                       record.epoch_floor.value);
  }
  std::string operator()(const ConfigSet& record) const {
    const char* scope = record.scope == ConfigScope::kTopic ? "topic" : "broker";
    return fmt::format("config of {} '{}': {} {}", scope, record.subject, record.name,
                       record.value ? "= " + *record.value : "removed");
  }
  std::string operator()(const MembershipWished& record) const {
    return fmt::format("group {} wished: voters {}, learners {}", record.group.value,
                       Join(record.voters), Join(record.learners));
  }
  std::string operator()(const MembershipDone& record) const {
    return fmt::format("group {} has done wish {}", record.group.value, record.metadata_index);
  }
  std::string operator()(const ProducerIdsAllocated& record) const {
    return fmt::format("producer ids {}..{} for broker {}", record.first,
                       record.first + record.count - 1, record.broker.value);
  }
};

}  // namespace

std::string Describe(const Record& record) {
  return std::visit(Describer{}, record);
}

}  // namespace kronika::metadata
