// One broker by itself; see standalone.h.
#include "cmd/kronika/standalone.h"

#include "base/check.h"
#include "base/rng.h"

namespace kronika::cmd {
namespace {

Uuid DrawUuid() {
  Uuid out;
  for (std::size_t i = 0; i < out.bytes.size(); i += 8) {
    const std::uint64_t bits = SystemEntropy();
    for (std::size_t k = 0; k < 8; ++k)
      out.bytes[i + k] = static_cast<std::uint8_t>(bits >> (8 * k));
  }
  return out;
}

std::vector<broker::TopicOutcome> NoController(std::size_t count) {
  return {count,
          {.error = broker::KafkaError::kNotController, .text = "this broker is in no cluster"}};
}

}  // namespace

Standalone::Standalone(Loop& loop, const config::Options& options)
    : loop_(loop), broker_(options.node_id) {
  const metadata::BrokerRegistered self{.broker = options.node_id,
                                        .directory = DrawUuid(),
                                        .boot_epoch = 1,
                                        .listeners = options.advertised_listeners,
                                        .peer = options.PeerAddress(),
                                        .rack = options.rack};
  const auto founding = metadata::FoundingImage(
      DrawUuid(), {{.broker = self.broker, .peer = self.peer, .directory = self.directory}});
  auto image = metadata::Apply(*founding, Index{1}, {self});
  KRONIKA_CHECK(image.has_value());
  image_ = *image;
}

void Standalone::CreateTopics(
    broker::CreateTopicsCall call,
    std::move_only_function<void(std::vector<broker::TopicOutcome>)> done) {
  loop_.Post([count = call.topics.size(), done = std::move(done)]() mutable {
    done(NoController(count));
  });
}

void Standalone::DeleteTopics(
    std::vector<broker::TopicRef> topics, Instant,
    std::move_only_function<void(std::vector<broker::TopicOutcome>)> done) {
  loop_.Post(
      [count = topics.size(), done = std::move(done)]() mutable { done(NoController(count)); });
}

void Standalone::AllocateProducerId(std::move_only_function<void(broker::ProducerIdentity)> done) {
  loop_.Post([done = std::move(done)]() mutable {
    done({.error = broker::KafkaError::kCoordinatorNotAvailable});
  });
}

}  // namespace kronika::cmd
