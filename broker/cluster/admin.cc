#include "broker/cluster/admin.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace kronika::broker {
namespace {

// Below what clients wait for an answer: they are told why there is none.
constexpr Duration kRefillPatience = std::chrono::seconds(5);
constexpr std::size_t kIdWaitersMax = 10'000;

KafkaError ToKafka(metadata::RefusalCode code) {
  switch (code) {
    case metadata::RefusalCode::kInvalidTopicName:
      return KafkaError::kInvalidTopicException;
    case metadata::RefusalCode::kTopicExists:
      return KafkaError::kTopicAlreadyExists;
    case metadata::RefusalCode::kUnknownTopic:
      return KafkaError::kUnknownTopicOrPartition;
    case metadata::RefusalCode::kUnknownTopicId:
      return KafkaError::kUnknownTopicId;
    case metadata::RefusalCode::kInvalidPartitions:
      return KafkaError::kInvalidPartitions;
    case metadata::RefusalCode::kInvalidReplicationFactor:
      return KafkaError::kInvalidReplicationFactor;
    case metadata::RefusalCode::kInvalidReplicaAssignment:
      return KafkaError::kInvalidReplicaAssignment;
    case metadata::RefusalCode::kInvalidConfig:
      return KafkaError::kInvalidConfig;
    case metadata::RefusalCode::kInvalidRequest:
      return KafkaError::kInvalidRequest;
    case metadata::RefusalCode::kPolicyViolation:
      return KafkaError::kPolicyViolation;
  }
  std::unreachable();
}

TopicOutcome ToOutcome(const metadata::TopicResult& result) {
  TopicOutcome out{.name = result.name,
                   .id = result.id,
                   .partitions = result.partitions,
                   .replication_factor = static_cast<std::int16_t>(result.replication_factor)};
  if (result.refusal) {
    out.error = ToKafka(result.refusal->code);
    out.text = result.refusal->text;
  }
  return out;
}

}  // namespace

Admin::~Admin() {
  for (auto& waiting : waiting_) environment_.loop.Cancel(waiting->timer);
}

void Admin::CreateTopics(CreateTopicsCall call, Outcomes done) {
  CreateTopicsPayload payload{.validate_only = call.validate_only};
  std::vector<TopicOutcome> asked;
  for (auto& topic : call.topics) {
    asked.push_back({.name = topic.name});
    payload.topics.push_back({.name = std::move(topic.name),
                              .partitions = topic.partitions,
                              .replication_factor = topic.replication_factor,
                              .assignment = std::move(topic.assignment),
                              .configs = std::move(topic.configs)});
  }
  environment_.controller.Ask(
      CallKind::kCreateTopics, Slice::CopyOf(EncodeCreateTopics(payload)), call.deadline,
      [this, alive = std::weak_ptr(alive_), asked = std::move(asked), deadline = call.deadline,
       wait = !call.validate_only, done = std::move(done)](Result<Slice> answer) mutable {
        if (alive.lock()) TopicsAnswered(std::move(answer), asked, deadline, wait, std::move(done));
      });
}

metadata::DeleteRequest Admin::ToRequest(const TopicRef& topic) const {
  metadata::DeleteRequest out{topic.name, topic.id, Term{}};
  auto image = environment_.metadata.Image();
  auto known = topic.name.empty() ? image->FindTopic(topic.id) : image->FindTopic(topic.name);
  if (!known) return out;
  for (const auto& partition : known->partitions) {
    if (auto* state = environment_.leaders.Find(partition->group)) {
      out.highest_leader_epoch =
          std::max({out.highest_leader_epoch, state->leader_epoch, state->term});
    }
  }
  return out;
}

void Admin::DeleteTopics(std::vector<TopicRef> topics, Instant deadline, Outcomes done) {
  std::vector<metadata::DeleteRequest> requests;
  std::vector<TopicOutcome> asked;
  for (const auto& topic : topics) {
    requests.push_back(ToRequest(topic));
    asked.push_back({.name = topic.name, .id = topic.id});
  }
  environment_.controller.Ask(
      CallKind::kDeleteTopics, Slice::CopyOf(EncodeDeleteTopics(requests)), deadline,
      [this, alive = std::weak_ptr(alive_), asked = std::move(asked), deadline,
       done = std::move(done)](Result<Slice> answer) mutable {
        if (alive.lock())
          TopicsAnswered(std::move(answer), asked, deadline, false, std::move(done));
      });
}

void Admin::TopicsAnswered(Result<Slice> answer, const std::vector<TopicOutcome>& asked,
                           Instant deadline, bool wait_for_leaders, Outcomes done) {
  Result<TopicResults> results =
      answer ? DecodeTopicResults(answer->bytes()) : std::unexpected(answer.error());
  std::vector<TopicOutcome> outcomes;
  if (!results) {
    outcomes = asked;
    bool late = results.error().code == ErrorCode::kTimedOut ||
                results.error().code == ErrorCode::kUnavailable;
    for (auto& outcome : outcomes) {
      outcome.error = late ? KafkaError::kRequestTimedOut : FromError(results.error());
      outcome.text = results.error().text;
    }
    return done(std::move(outcomes));
  }
  for (const auto& result : results->results) outcomes.push_back(ToOutcome(result));
  auto reached = [this, applied = results->applied, wait_for_leaders, outcomes] {
    return environment_.metadata.Image()->applied >= applied &&
           (!wait_for_leaders || LeadersKnown(outcomes));
  };
  WaitUntil(std::move(reached), deadline, std::move(outcomes), std::move(done));
}

bool Admin::LeadersKnown(const std::vector<TopicOutcome>& outcomes) const {
  auto image = environment_.metadata.Image();
  for (const auto& outcome : outcomes) {
    auto topic = outcome.error == KafkaError::kNone ? image->FindTopic(outcome.id) : nullptr;
    if (!topic) continue;  // refused, or deleted again meanwhile
    for (const auto& partition : topic->partitions) {
      auto* state = environment_.leaders.Find(partition->group);
      if (!state || state->leader == kNoBroker) return false;
    }
  }
  return true;
}

void Admin::WaitUntil(std::function<bool()> reached, Instant deadline,
                      std::vector<TopicOutcome> outcomes, Outcomes done) {
  auto waiting = std::make_shared<Waiting>();
  waiting->reached = std::move(reached);
  waiting->outcomes = std::move(outcomes);
  waiting->done = std::move(done);
  // What is committed is a success, whoever is late to show it.
  waiting->timer =
      environment_.loop.RunAt(std::max(deadline, environment_.loop.Now()), [this, waiting] {
        waiting_.remove(waiting);
        waiting->done(std::move(waiting->outcomes));
      });
  waiting_.push_back(waiting);
  OnNews();
}

void Admin::OnNews() {
  if (news_posted_ || (waiting_.empty() && id_waiters_.empty())) return;
  news_posted_ = true;
  environment_.loop.Post([this, alive = std::weak_ptr(alive_)] {
    if (!alive.lock()) return;
    news_posted_ = false;
    std::list<std::shared_ptr<Waiting>> ready;
    for (auto it = waiting_.begin(); it != waiting_.end();) {
      auto next = std::next(it);
      if ((*it)->reached()) ready.splice(ready.end(), waiting_, it);
      it = next;
    }
    for (auto& waiting : ready) {
      environment_.loop.Cancel(waiting->timer);
      waiting->done(std::move(waiting->outcomes));
    }
  });
}

void Admin::AllocateProducerId(std::move_only_function<void(ProducerIdentity)> done) {
  if (id_waiters_.size() >= kIdWaitersMax)
    return done({.error = KafkaError::kCoordinatorLoadInProgress});
  id_waiters_.push_back(std::move(done));
  Refill();
}

void Admin::Refill() {
  while (producer_ids_left_ > 0 && !id_waiters_.empty()) {
    auto done = std::move(id_waiters_.front());
    id_waiters_.pop_front();
    --producer_ids_left_;
    done({.id = next_producer_id_++, .epoch = 0});
  }
  if (id_waiters_.empty() || refilling_) return;
  refilling_ = true;
  LeWriter payload;
  payload.Int(environment_.self.value);
  auto answered = [this, alive = std::weak_ptr(alive_)](Result<Slice> answer) {
    if (!alive.lock()) return;
    refilling_ = false;
    Result<ProducerIdBlock> block =
        answer ? DecodeProducerIdBlock(answer->bytes()) : std::unexpected(answer.error());
    if (block) {
      next_producer_id_ = block->first;
      producer_ids_left_ = block->count;
      return Refill();
    }
    std::deque<std::move_only_function<void(ProducerIdentity)>> failed;
    std::swap(failed, id_waiters_);
    for (auto& done : failed) done({.error = KafkaError::kCoordinatorNotAvailable});
  };
  environment_.controller.Ask(CallKind::kAllocateProducerIds, Slice::CopyOf(payload.Take()),
                              environment_.loop.Now() + kRefillPatience, std::move(answered));
}

}  // namespace kronika::broker
