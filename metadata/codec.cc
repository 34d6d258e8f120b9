#include "metadata/codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "proto/metadata.pb.h"

namespace kronika::metadata {
namespace {

constexpr std::uint32_t kStateLayout = 1;

std::unexpected<Error> Corrupt(std::string_view what) {
  return Fail(ErrorCode::kCorruption, fmt::format("{} does not decode", what), "metadata codec");
}

// Values of a message go in by Put, come out by Take. A Take that finds what no Put makes says
// false.

void Put(std::string& out, const Uuid& uuid) {
  out.assign(reinterpret_cast<const char*>(uuid.bytes.data()), uuid.bytes.size());
}

bool Take(const std::string& in, Uuid& uuid) {
  if (in.size() != uuid.bytes.size()) return false;
  std::ranges::copy(in, reinterpret_cast<char*>(uuid.bytes.data()));
  return true;
}

void Put(wire::HostPort& out, const HostPort& address) {
  out.set_host(address.host);
  out.set_port(address.port);
}

bool Take(const wire::HostPort& in, HostPort& address) {
  address = {.host = in.host(), .port = static_cast<std::uint16_t>(in.port())};
  return in.port() <= std::numeric_limits<std::uint16_t>::max();
}

using WireReplicas = google::protobuf::RepeatedPtrField<wire::Replica>;

void Put(WireReplicas& out, const std::vector<raft::ReplicaId>& replicas) {
  for (const auto& replica : replicas) {
    auto& added = *out.Add();
    added.set_broker(replica.broker.value);
    added.set_incarnation(replica.incarnation.value);
  }
}

bool Take(const WireReplicas& in, std::vector<raft::ReplicaId>& replicas) {
  for (const auto& replica : in) replicas.push_back({{replica.broker()}, {replica.incarnation()}});
  return true;
}

using WireConfigs = google::protobuf::RepeatedPtrField<wire::Config>;

void Put(WireConfigs& out, const std::vector<ConfigValue>& configs) {
  for (const auto& config : configs) {
    auto& added = *out.Add();
    added.set_name(config.name);
    added.set_value(config.value);
  }
}

bool Take(const WireConfigs& in, std::vector<ConfigValue>& configs) {
  for (const auto& config : in) configs.push_back({.name = config.name(), .value = config.value()});
  return true;
}

void Put(wire::ClusterFounded& out, const ClusterFounded& record) {
  Put(*out.mutable_cluster(), record.cluster);
  for (const auto& voter : record.voters) {
    auto& added = *out.add_voters();
    added.set_broker(voter.broker.value);
    Put(*added.mutable_peer(), voter.peer);
    Put(*added.mutable_directory(), voter.directory);
  }
}

bool Take(const wire::ClusterFounded& in, ClusterFounded& record) {
  for (const auto& voter : in.voters()) {
    auto& added = record.voters.emplace_back();
    added.broker = {voter.broker()};
    if (!Take(voter.peer(), added.peer) || !Take(voter.directory(), added.directory)) return false;
  }
  return Take(in.cluster(), record.cluster);
}

void Put(wire::FormatVersionSet& out, const FormatVersionSet& record) {
  out.set_version(record.version);
}

bool Take(const wire::FormatVersionSet& in, FormatVersionSet& record) {
  record.version = in.version();
  return true;
}

void Put(wire::BrokerRegistered& out, const BrokerRegistered& record) {
  out.set_broker(record.broker.value);
  Put(*out.mutable_directory(), record.directory);
  out.set_boot_epoch(record.boot_epoch);
  for (const auto& listener : record.listeners) {
    auto& added = *out.add_listeners();
    added.set_name(listener.name);
    Put(*added.mutable_address(), listener.address);
  }
  Put(*out.mutable_peer(), record.peer);
  out.set_rack(record.rack);
  out.set_format_nonce(record.format_nonce);
  out.set_process_nonce(record.process_nonce);
}

bool Take(const wire::BrokerRegistered& in, BrokerRegistered& record) {
  for (const auto& listener : in.listeners()) {
    auto& added = record.listeners.emplace_back();
    added.name = listener.name();
    if (!Take(listener.address(), added.address)) return false;
  }
  record.broker = {in.broker()};
  record.boot_epoch = in.boot_epoch();
  record.rack = in.rack();
  record.format_nonce = in.format_nonce();
  record.process_nonce = in.process_nonce();
  return Take(in.directory(), record.directory) && Take(in.peer(), record.peer);
}

void Put(wire::BrokerReplaced& out, const BrokerReplaced& record) {
  out.set_broker(record.broker.value);
  Put(*out.mutable_directory(), record.directory);
}

bool Take(const wire::BrokerReplaced& in, BrokerReplaced& record) {
  record.broker = {in.broker()};
  return Take(in.directory(), record.directory);
}

void Put(wire::TopicCreated& out, const TopicCreated& record) {
  out.set_name(record.name);
  Put(*out.mutable_topic(), record.topic);
  for (const auto& partition : record.partitions) {
    auto& added = *out.add_partitions();
    added.set_group(partition.group.value);
    Put(*added.mutable_replicas(), partition.replicas);
  }
  Put(*out.mutable_configs(), record.configs);
}

bool Take(const wire::TopicCreated& in, TopicCreated& record) {
  record.name = in.name();
  for (const auto& partition : in.partitions()) {
    auto& added = record.partitions.emplace_back();
    added.group = {partition.group()};
    Take(partition.replicas(), added.replicas);
  }
  return Take(in.configs(), record.configs) && Take(in.topic(), record.topic);
}

void Put(wire::TopicDeleted& out, const TopicDeleted& record) {
  Put(*out.mutable_topic(), record.topic);
  out.set_epoch_floor(record.epoch_floor.value);
}

bool Take(const wire::TopicDeleted& in, TopicDeleted& record) {
  record.epoch_floor = {in.epoch_floor()};
  return Take(in.topic(), record.topic);
}

void Put(wire::ConfigSet& out, const ConfigSet& record) {
  out.set_scope(std::to_underlying(record.scope));
  out.set_subject(record.subject);
  out.set_name(record.name);
  if (record.value) out.set_value(*record.value);
}

bool Take(const wire::ConfigSet& in, ConfigSet& record) {
  record.scope = static_cast<ConfigScope>(in.scope());
  record.subject = in.subject();
  record.name = in.name();
  if (in.has_value()) record.value = in.value();
  return in.scope() <= std::to_underlying(ConfigScope::kBroker);
}

void Put(wire::MembershipWished& out, const MembershipWished& record) {
  out.set_group(record.group.value);
  Put(*out.mutable_voters(), record.voters);
  Put(*out.mutable_learners(), record.learners);
}

bool Take(const wire::MembershipWished& in, MembershipWished& record) {
  record.group = {in.group()};
  return Take(in.voters(), record.voters) && Take(in.learners(), record.learners);
}

void Put(wire::MembershipDone& out, const MembershipDone& record) {
  out.set_group(record.group.value);
  out.set_metadata_index(record.metadata_index);
}

bool Take(const wire::MembershipDone& in, MembershipDone& record) {
  record = {.group = {in.group()}, .metadata_index = in.metadata_index()};
  return true;
}

void Put(wire::ProducerIdsAllocated& out, const ProducerIdsAllocated& record) {
  out.set_broker(record.broker.value);
  out.set_first(record.first);
  out.set_count(record.count);
}

bool Take(const wire::ProducerIdsAllocated& in, ProducerIdsAllocated& record) {
  record = {.broker = {in.broker()}, .first = in.first(), .count = in.count()};
  return true;
}

struct RecordEncoder {
  wire::Record& out;
  void operator()(const ClusterFounded& record) { Put(*out.mutable_cluster_founded(), record); }
  void operator()(const FormatVersionSet& record) {
    Put(*out.mutable_format_version_set(), record);
  }
  void operator()(const BrokerRegistered& record) { Put(*out.mutable_broker_registered(), record); }
  void operator()(const BrokerReplaced& record) { Put(*out.mutable_broker_replaced(), record); }
  void operator()(const TopicCreated& record) { Put(*out.mutable_topic_created(), record); }
  void operator()(const TopicDeleted& record) { Put(*out.mutable_topic_deleted(), record); }
  void operator()(const ConfigSet& record) { Put(*out.mutable_config_set(), record); }
  void operator()(const MembershipWished& record) { Put(*out.mutable_membership_wished(), record); }
  void operator()(const MembershipDone& record) { Put(*out.mutable_membership_done(), record); }
  void operator()(const ProducerIdsAllocated& record) {
    Put(*out.mutable_producer_ids_allocated(), record);
  }
};

template <class Fact, class Wire>
bool TakeAs(const Wire& in, Records& records) {
  return Take(in, std::get<Fact>(records.emplace_back(Fact{})));
}

Status TakeRecord(const wire::Record& in, Records& out) {
  bool taken = false;
  switch (in.kind_case()) {
    case wire::Record::kClusterFounded:
      taken = TakeAs<ClusterFounded>(in.cluster_founded(), out);
      break;
    case wire::Record::kFormatVersionSet:
      taken = TakeAs<FormatVersionSet>(in.format_version_set(), out);
      break;
    case wire::Record::kBrokerRegistered:
      taken = TakeAs<BrokerRegistered>(in.broker_registered(), out);
      break;
    case wire::Record::kBrokerReplaced:
      taken = TakeAs<BrokerReplaced>(in.broker_replaced(), out);
      break;
    case wire::Record::kTopicCreated:
      taken = TakeAs<TopicCreated>(in.topic_created(), out);
      break;
    case wire::Record::kTopicDeleted:
      taken = TakeAs<TopicDeleted>(in.topic_deleted(), out);
      break;
    case wire::Record::kConfigSet:
      taken = TakeAs<ConfigSet>(in.config_set(), out);
      break;
    case wire::Record::kMembershipWished:
      taken = TakeAs<MembershipWished>(in.membership_wished(), out);
      break;
    case wire::Record::kMembershipDone:
      taken = TakeAs<MembershipDone>(in.membership_done(), out);
      break;
    case wire::Record::kProducerIdsAllocated:
      taken = TakeAs<ProducerIdsAllocated>(in.producer_ids_allocated(), out);
      break;
    case wire::Record::KIND_NOT_SET:
      return Fail(ErrorCode::kUnsupported,
                  "a metadata record of a kind that this version does not know", "metadata codec");
  }
  if (!taken) return Corrupt("a metadata record");
  return {};
}

void Put(wire::Members& out, const GroupMembers& members) {
  Put(*out.mutable_founding(), members.founding);
  Put(*out.mutable_voters(), members.voters);
  Put(*out.mutable_learners(), members.learners);
  out.set_metadata_index(members.metadata_index);
  if (!members.wish) return;
  out.set_wish_index(members.wish->metadata_index);
  Put(*out.mutable_wish_voters(), members.wish->voters);
  Put(*out.mutable_wish_learners(), members.wish->learners);
}

void Take(const wire::Members& in, GroupMembers& members) {
  members = {};
  Take(in.founding(), members.founding);
  Take(in.voters(), members.voters);
  Take(in.learners(), members.learners);
  members.metadata_index = in.metadata_index();
  if (!in.has_wish_index()) return;
  auto& wish = members.wish.emplace();
  wish.metadata_index = in.wish_index();
  Take(in.wish_voters(), wish.voters);
  Take(in.wish_learners(), wish.learners);
}

template <class Message>
bool Parse(Message& message, Bytes bytes) {
  return bytes.size() <= std::numeric_limits<int>::max() &&
         message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

std::string EncodeRecords(const Records& records) {
  wire::Batch batch;
  for (const auto& record : records) std::visit(RecordEncoder{*batch.add_records()}, record);
  return batch.SerializeAsString();
}

Result<Records> DecodeRecords(Bytes bytes) {
  wire::Batch batch;
  if (!Parse(batch, bytes)) return Corrupt("a batch of metadata records");
  Records records;
  for (const auto& record : batch.records()) KRONIKA_TRY(TakeRecord(record, records));
  return records;
}

std::string EncodeState(const Image& image) {
  wire::ImageState state;
  state.set_layout(kStateLayout);
  Put(*state.mutable_cluster(), image.cluster);
  state.set_format_version(image.format_version);
  state.set_applied(image.applied.value);
  state.set_epoch_floor(image.epoch_floor.value);
  state.set_next_producer_id(image.next_producer_id);
  state.set_next_group(image.next_group.value);
  Put(*state.mutable_metadata_group(), image.metadata_group);
  return state.SerializeAsString();
}

Status DecodeState(Bytes bytes, Image& image) {
  wire::ImageState state;
  if (!Parse(state, bytes) || !Take(state.cluster(), image.cluster))
    return Corrupt("the metadata state");
  if (state.layout() != kStateLayout) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("metadata layout {} is not known here", state.layout()),
                "metadata codec");
  }
  image.format_version = state.format_version();
  image.applied = {state.applied()};
  image.epoch_floor = {state.epoch_floor()};
  image.next_producer_id = state.next_producer_id();
  image.next_group = {state.next_group()};
  Take(state.metadata_group(), image.metadata_group);
  return {};
}

std::string EncodeBroker(const Broker& broker) {
  wire::StoredBroker stored;
  Put(*stored.mutable_registration(), BrokerRegistered{.broker = broker.id,
                                                       .directory = broker.directory,
                                                       .boot_epoch = broker.boot_epoch,
                                                       .listeners = broker.listeners,
                                                       .peer = broker.peer,
                                                       .rack = broker.rack,
                                                       .format_nonce = broker.format_nonce,
                                                       .process_nonce = broker.process_nonce});
  stored.set_registered(broker.registered);
  stored.set_replaced_at(broker.replaced_at.value);
  return stored.SerializeAsString();
}

Result<Broker> DecodeBroker(Bytes bytes) {
  wire::StoredBroker stored;
  BrokerRegistered known;
  if (!Parse(stored, bytes) || !Take(stored.registration(), known)) return Corrupt("a broker");
  return Broker{.id = known.broker,
                .directory = known.directory,
                .boot_epoch = known.boot_epoch,
                .listeners = std::move(known.listeners),
                .peer = std::move(known.peer),
                .rack = std::move(known.rack),
                .format_nonce = known.format_nonce,
                .process_nonce = known.process_nonce,
                .registered = stored.registered(),
                .replaced_at = {stored.replaced_at()}};
}

std::string EncodeTopic(const Topic& topic) {
  wire::StoredTopic stored;
  stored.set_name(topic.name);
  stored.set_created_at(topic.created_at.value);
  Put(*stored.mutable_configs(), topic.configs);
  stored.set_partitions(static_cast<std::uint32_t>(topic.partitions.size()));
  return stored.SerializeAsString();
}

Result<DecodedTopic> DecodeTopic(Bytes bytes) {
  wire::StoredTopic stored;
  if (!Parse(stored, bytes)) return Corrupt("a topic");
  DecodedTopic out;
  out.topic.name = stored.name();
  out.topic.created_at = {stored.created_at()};
  Take(stored.configs(), out.topic.configs);
  out.partitions = stored.partitions();
  return out;
}

std::string EncodePartition(const Uuid& topic, const Partition& partition) {
  wire::StoredPartition stored;
  Put(*stored.mutable_topic(), topic);
  stored.set_number(partition.number);
  stored.set_created_at(partition.created_at.value);
  stored.set_epoch_floor(partition.epoch_floor.value);
  Put(*stored.mutable_members(), partition.members);
  return stored.SerializeAsString();
}

Result<DecodedPartition> DecodePartition(Bytes bytes) {
  wire::StoredPartition stored;
  DecodedPartition out;
  if (!Parse(stored, bytes) || !Take(stored.topic(), out.topic)) return Corrupt("a partition");
  out.partition.number = stored.number();
  out.partition.created_at = {stored.created_at()};
  out.partition.epoch_floor = {stored.epoch_floor()};
  Take(stored.members(), out.partition.members);
  return out;
}

}  // namespace kronika::metadata
