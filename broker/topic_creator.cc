// Creation of topics on demand; see topic_creator.h.
#include "broker/topic_creator.h"

#include <algorithm>

#include "base/check.h"

namespace kronika::broker {
namespace {
constexpr std::size_t kTopicNameBytesMax = 249;
constexpr Duration kCreationTimeMax = std::chrono::seconds(30);
}  // namespace

bool IsValidTopicName(std::string_view name) {
  if (name.empty() || name.size() > kTopicNameBytesMax || name == "." || name == "..") return false;
  return std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

TopicSpec TopicCreator::SpecOf(std::string_view name, std::size_t registered) const {
  TopicSpec spec{.name = std::string(name)};
  if (name == kOffsetsTopic) {
    spec.partitions = settings_.offsets_partitions;
    // Fewer brokers than the factor still make groups work; the controller adds replicas later
    // (safety rule B15).
    spec.replication_factor = static_cast<std::int16_t>(
        std::min<std::size_t>(static_cast<std::size_t>(settings_.offsets_replication_factor),
                              std::max<std::size_t>(registered, 1)));
    spec.configs = {{"cleanup.policy", "compact"}, {"segment.bytes", "104857600"}};
  }
  return spec;
}

void TopicCreator::Want(std::string_view name, std::size_t registered) {
  if (pending_.size() >= kPendingMax || pending_.contains(name)) return;
  pending_.emplace(name);
  CreateTopicsCall call{.topics = {SpecOf(name, registered)},
                        .deadline = loop_.Now() + kCreationTimeMax};
  admin_.CreateTopics(std::move(call), [this, name = std::string(name)](auto outcomes) {
    pending_.erase(name);
    KRONIKA_CHECK(outcomes.size() == 1);
    const TopicOutcome& outcome = outcomes[0];
    if (outcome.error == KafkaError::kNone || outcome.error == KafkaError::kTopicAlreadyExists)
      return;
    log_.Warn("topic {} was asked for and could not be created: {} {}", name, Name(outcome.error),
              outcome.text);
  });
}

}  // namespace kronika::broker
