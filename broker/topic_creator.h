// TopicCreator: topics that come into being because somebody asked for them: auto-creation from
// Metadata, and the internal topics of the coordinators.
//
// One loop. Invariants:
// 1. One creation per name is under way, at most `kPendingMax` in all; what is above that is not
//    started and the client asks again.
// 2. Nobody waits for a creation here: the client retries until the topic is there.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <string_view>

#include "base/log.h"
#include "base/loop.h"
#include "broker/admin_forwarder.h"
#include "metadata/broker_configs.h"

namespace kronika::broker {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";

// Kafka's rule for topic names: 1 to 249 of letters, digits, '.', '_' and '-', but not "." or "..".
bool IsValidTopicName(std::string_view name);

class TopicCreator {
 public:
  static constexpr std::size_t kPendingMax = 1000;

  TopicCreator(Loop& loop, Log& log, AdminForwarder& admin, metadata::BrokerSettings settings)
      : loop_(loop), log_(log), admin_(admin), settings_(settings) {}

  // Starts the creation of `name` unless it is under way; an internal topic gets its own settings.
  // `registered` is the number of brokers that replicas can be placed on.
  void Want(std::string_view name, std::size_t registered);
  std::size_t pending() const { return pending_.size(); }

 private:
  TopicSpec SpecOf(std::string_view name, std::size_t registered) const;

  Loop& loop_;
  Log& log_;
  AdminForwarder& admin_;
  const metadata::BrokerSettings settings_;
  std::set<std::string, std::less<>> pending_;
};

}  // namespace kronika::broker
