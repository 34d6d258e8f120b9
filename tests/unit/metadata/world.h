// A small metadata log for tests: records in, image out, entry by entry.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "metadata/controller.h"
#include "metadata/image.h"

namespace kronika::metadata {

inline Uuid TestUuid(std::uint8_t number) {
  Uuid uuid;
  uuid.bytes.fill(number);
  return uuid;
}

inline BrokerRegistered Registration(std::int32_t id, std::uint64_t boot_epoch = 1,
                                     std::string rack = "") {
  const auto port = static_cast<std::uint16_t>(id);
  return {.broker = {id},
          .directory = TestUuid(static_cast<std::uint8_t>(id)),
          .boot_epoch = boot_epoch,
          .listeners = {{.name = "PLAINTEXT", .address = {.host = "h", .port = port}}},
          .peer = {.host = "p", .port = port},
          .rack = std::move(rack),
          .format_nonce = 7000 + static_cast<std::uint64_t>(id),
          .process_nonce = boot_epoch};
}

class World {
 public:
  // Founded with brokers 1 to `founders`; their directories are TestUuid(id).
  explicit World(std::int32_t founders) {
    for (std::int32_t id = 1; id <= founders; ++id) {
      const Uuid directory = TestUuid(static_cast<std::uint8_t>(id));
      voters.push_back({.broker = {id}, .peer = {.host = "p", .port = 1}, .directory = directory});
    }
    image = FoundingImage(TestUuid(200), voters);
    Must(FoundCluster(*image, TestUuid(200), voters));
  }

  // A founded world whose brokers have registered.
  static World Registered(std::int32_t founders) {
    World world(founders);
    for (std::int32_t id = 1; id <= founders; ++id)
      world.Must(*RegisterBroker(*world.image, Registration(id)));
    return world;
  }

  Status Apply(const Records& records) {
    auto next = metadata::Apply(*image, image->applied + 1, records);
    if (!next) return std::unexpected(next.error());
    image = *next;
    return {};
  }

  // Applies what must be valid; gives the entry's index.
  Index Must(const Records& records) {
    const auto applied = Apply(records);
    EXPECT_TRUE(applied) << applied.error().Describe();
    return image->applied;
  }

  ControllerView View() const {
    return {.image = *image, .live = image->RegisteredBrokers(), .settings = {}};
  }

  TopicResult Create(TopicRequest request) {
    if (request.id.IsZero())
      request.id = TestUuid(static_cast<std::uint8_t>(100 + image->topics.size()));
    const auto plan = CreateTopics(View(), {&request, 1});
    if (!plan.records.empty()) Must(plan.records);
    return plan.results.front();
  }

  ImagePtr image;
  std::vector<FoundingVoter> voters;
};

}  // namespace kronika::metadata
