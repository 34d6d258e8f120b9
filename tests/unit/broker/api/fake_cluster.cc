// The parts of FakeCluster that need no template; see fake_cluster.h.
#include "tests/unit/broker/api/fake_cluster.h"

#include "base/check.h"

namespace kronika::broker {
namespace {

metadata::BrokerRegistered Registration(std::int32_t id) {
  Uuid directory;
  directory.bytes[0] = static_cast<std::uint8_t>(id);
  return {.broker = BrokerId{id},
          .directory = directory,
          .boot_epoch = 1,
          .listeners = {{.name = "PLAINTEXT",
                         .address = {.host = "host" + std::to_string(id),
                                     .port = static_cast<std::uint16_t>(9091 + id)}}},
          .peer = {.host = "host" + std::to_string(id), .port = 9192},
          .rack = id == 3 ? "" : "rack" + std::to_string(id)};
}

}  // namespace

FakeCluster::FakeCluster() : creator(loop, NullLog(), *this, metadata::BrokerSettings{}) {
  Uuid cluster;
  cluster.bytes[15] = 9;
  std::vector<metadata::FoundingVoter> voters;
  for (int id = 1; id <= 3; ++id) {
    const auto broker = Registration(id);
    voters.push_back({.broker = broker.broker, .peer = broker.peer, .directory = broker.directory});
  }
  image = metadata::FoundingImage(cluster, voters);
  for (int id = 1; id <= 3; ++id) ApplyRecord(Registration(id));
  services = {.broker = BrokerId{1},
              .loop = &loop,
              .log = &NullLog(),
              .metadata = this,
              .leadership = this,
              .partitions = this,
              .admin = this,
              .creator = &creator};
  groups = std::make_unique<GroupCoordinator>(GroupCoordinator::Environment{
      loop, NullLog(), rng, [this] { return image; },
      [this](const Uuid& topic, std::int32_t partition) { return Find(topic, partition); },
      [] { return Duration::zero(); }, services.settings});
  services.groups = groups.get();
  dispatcher = std::make_unique<Dispatcher>(services);
}

void FakeCluster::ApplyRecord(metadata::Record record) {
  auto next = metadata::Apply(*image, Index{++last_index_}, {std::move(record)});
  KRONIKA_CHECK(next.has_value(), next.has_value() ? "" : next.error().text);
  image = *next;
}

Uuid FakeCluster::AddTopic(const std::string& name, std::int32_t partitions,
                           std::vector<metadata::ConfigValue> configs) {
  Uuid id;
  id.bytes[0] = ++last_topic_;
  metadata::TopicCreated record{
      .name = name, .topic = id, .partitions = {}, .configs = std::move(configs)};
  for (std::int32_t p = 0; p < partitions; ++p) {
    std::vector<raft::ReplicaId> places;
    for (int broker = 1; broker <= 3; ++broker) {
      places.push_back({.broker = BrokerId{broker}, .incarnation = metadata::kPlacedHere});
    }
    record.partitions.push_back({.group = GroupId{++last_group_}, .replicas = std::move(places)});
    led[{id, p}] = {.leader = BrokerId{1},
                    .leader_epoch = 5,
                    .in_sync = {BrokerId{1}, BrokerId{2}, BrokerId{3}}};
    replicas[{id, p}] = std::make_unique<FakePartition>();
  }
  ApplyRecord(std::move(record));
  return id;
}

Uuid FakeCluster::AddOffsetsTopic(std::int32_t partitions) {
  const Uuid id = AddTopic(std::string(kOffsetsTopic), partitions);
  const auto topic = image->FindTopic(id);
  for (const auto& partition : topic->partitions) {
    auto state = groups->MakeState({.topic = topic, .partition = partition});
    state->OnLeadership(Term{5});
    At(id, partition->number).state = std::move(state);
  }
  return id;
}

std::size_t FakeCluster::SendFrame(Slice frame) {
  const std::size_t position = outcomes.size();
  outcomes.emplace_back();
  dispatcher->Handle(peer, std::move(frame), [this, position](net::Outcome outcome) {
    outcomes[position] = std::move(outcome);
  });
  return position;
}

void FakeCluster::CreateTopics(CreateTopicsCall call,
                               std::move_only_function<void(std::vector<TopicOutcome>)> done) {
  std::vector<TopicOutcome> out;
  for (const auto& topic : call.topics) {
    TopicOutcome outcome{.error = create_error, .name = topic.name};
    if (create_error == KafkaError::kNone && !call.validate_only) {
      outcome.id = AddTopic(topic.name, std::max(topic.partitions, 1));
    }
    outcome.partitions = std::max(topic.partitions, 1);
    outcome.replication_factor = 3;
    out.push_back(std::move(outcome));
  }
  created.push_back(std::move(call));
  loop.Post([out = std::move(out), done = std::move(done)]() mutable { done(std::move(out)); });
}

void FakeCluster::DeleteTopics(std::vector<TopicRef> topics, Instant,
                               std::move_only_function<void(std::vector<TopicOutcome>)> done) {
  std::vector<TopicOutcome> out;
  for (const auto& topic : topics) {
    const auto known =
        topic.name.empty() ? image->FindTopic(topic.id) : image->FindTopic(topic.name);
    TopicOutcome outcome;
    if (known == nullptr) {
      outcome.error =
          topic.name.empty() ? KafkaError::kUnknownTopicId : KafkaError::kUnknownTopicOrPartition;
    } else {
      outcome.name = known->name;
      outcome.id = known->id;
      ApplyRecord(metadata::TopicDeleted{.topic = known->id, .epoch_floor = Term{21}});
    }
    out.push_back(std::move(outcome));
    deleted.push_back(topic);
  }
  loop.Post([out = std::move(out), done = std::move(done)]() mutable { done(std::move(out)); });
}

void FakeCluster::ElectPreferred(std::vector<PartitionId> partitions, Instant deadline,
                                 std::move_only_function<void(std::vector<ElectionOutcome>)> done) {
  election_deadline = deadline;
  std::vector<ElectionOutcome> out;
  for (const auto& partition : partitions) {
    elected.push_back(partition);
    const auto found = election_errors.find(partition);
    const KafkaError error = found == election_errors.end() ? KafkaError::kNone : found->second;
    out.push_back({.error = error, .text = error == KafkaError::kNone ? "" : "why"});
  }
  loop.Post([out = std::move(out), done = std::move(done)]() mutable { done(std::move(out)); });
}

void FakeCluster::AllocateProducerId(std::move_only_function<void(ProducerIdentity)> done) {
  loop.Post([id = next_producer_id++, done = std::move(done)]() mutable {
    done({.id = id, .epoch = 0});
  });
}

}  // namespace kronika::broker
