// The JSON of /v1/status; the one file here that includes the JSON library. See status.h.
#include "broker/admin/status.h"

#include <nlohmann/json.hpp>

namespace kronika::broker::admin {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const BrokerSummary& broker) {
  return {{"id", broker.id.value},
          {"uuid", broker.directory.ToString()},
          {"cluster", broker.cluster.ToString()},
          {"version", broker.version},
          {"state", broker.state}};
}

Json ToJson(const PeerSummary& peer) {
  return {{"id", peer.id.value},
          {"connected", peer.connected},
          {"last_beat_ms", peer.last_beat_ms},
          {"frames_in", peer.frames_in},
          {"frames_out", peer.frames_out},
          {"undecodable", peer.undecodable},
          {"damaged", peer.damaged},
          {"misdirected", peer.misdirected},
          {"not_yet", peer.not_yet}};
}

Json ToJson(const MemberSummary& member) {
  return {{"id", member.id.value},
          {"incarnation", member.incarnation.value},
          {"match", member.match.value},
          {"lag_ms", member.lag_ms},
          {"isr", member.isr}};
}

Json ToJson(const GroupSummary& group) {
  Json members = Json::array();
  for (const auto& member : group.members) members.push_back(ToJson(member));
  return {{"id", group.id.value},           {"topic", group.topic},
          {"partition", group.partition},   {"role", group.role},
          {"term", group.term.value},       {"leader", group.leader.value},
          {"last", group.last.value},       {"commit", group.commit.value},
          {"applied", group.applied.value}, {"durable", group.durable.value},
          {"members", std::move(members)}};
}

Json ToJson(const ConsumerGroupSummary& group) {
  return {{"id", group.id},
          {"state", group.state},
          {"protocol_type", group.protocol_type},
          {"protocol", group.protocol},
          {"generation", group.generation},
          {"members", group.members},
          {"partitions", group.partitions},
          {"partitions_known", group.partitions_known},
          {"lag", group.lag},
          {"lag_max", group.lag_max},
          {"lag_age_ms", group.lag_age_ms}};
}

Json ToJson(const JournalSummary& journal) {
  return {{"io", journal.io},
          {"commits", journal.commits},
          {"bytes_written", journal.bytes_written},
          {"files", journal.files},
          {"files_free", journal.files_free},
          {"files_recycled", journal.files_recycled},
          {"bytes_unreleased", journal.bytes_unreleased}};
}

Json ToJson(const CheckpointSummary& checkpoints) {
  return {{"completed", checkpoints.completed}, {"given_up", checkpoints.given_up}};
}

}  // namespace

std::string ToJson(const BrokerStatus& status) {
  Json brokers = Json::array();
  for (const BrokerId id : status.brokers) brokers.push_back(id.value);
  Json peers = Json::array();
  for (const auto& peer : status.peers) peers.push_back(ToJson(peer));
  Json groups = Json::array();
  for (const auto& group : status.groups) groups.push_back(ToJson(group));
  Json consumer_groups = Json::array();
  for (const auto& group : status.consumer_groups) consumer_groups.push_back(ToJson(group));
  const Json out = {{"broker", ToJson(status.broker)},
                    {"brokers", std::move(brokers)},
                    {"controller", status.controller.value},
                    {"journal", ToJson(status.journal)},
                    {"checkpoints", ToJson(status.checkpoints)},
                    {"peers", std::move(peers)},
                    {"groups", std::move(groups)},
                    {"consumer_groups", std::move(consumer_groups)}};
  // Topic names are ASCII; anything else is replaced rather than thrown at.
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kronika::broker::admin
