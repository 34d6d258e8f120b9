// What several handlers look up: topics, replicas, leaders and where clients reach them.
//
// The broker's loop; pure over Services and one image.
#pragma once

#include <set>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/planted.h"
#include "broker/request.h"
#include "broker/services.h"

namespace kronika::broker {

// A broker as clients of one listener reach it; null if it is not registered or has no such
// listener. Good as long as the image.
const metadata::Listener* FindListener(const metadata::Image& image, BrokerId broker,
                                       std::string_view listener);

struct Replica {
  Partition* partition = nullptr;        // good for this turn of the loop
  KafkaError error = KafkaError::kNone;  // why there is none
};

// This broker's replica: kUnknownTopicOrPartition if the topic has no such partition,
// kNotLeaderOrFollower if it is not here.
Replica FindReplica(const Services& services, const metadata::Topic& topic, std::int32_t partition);

// The client's idea of the leader epoch against ours; -1 is no idea.
KafkaError CheckLeaderEpoch(std::int32_t client, std::int32_t ours);

// Keeps the first of each key: what a request repeats would be answered again and again, and few
// bytes of request become many of answer. Texts have to stay where they are, as views do.
template <class Item, class KeyOf>
void DropRepeats(std::vector<Item>& items, KeyOf key_of) {
  if (KRONIKA_PLANTED("repeats-answered")) return;
  std::set<std::remove_cvref_t<decltype(key_of(std::declval<const Item&>()))>> seen;
  std::erase_if(items, [&](const Item& item) { return !seen.insert(key_of(item)).second; });
}

// Tells a client that asked the wrong broker who leads (KIP-951): fills `leader` and adds the
// leader's endpoint to `endpoints` once.
template <class Leader, class Endpoint>
void AddLeaderHint(const Services& services, const RequestContext& context,
                   const PartitionLeadership& led, Leader& leader,
                   std::vector<Endpoint>& endpoints) {
  if (led.leader == kNoBroker) return;
  leader.leader_id = led.leader.value;
  leader.leader_epoch = led.leader_epoch;
  for (const auto& endpoint : endpoints) {
    if (endpoint.node_id == led.leader.value) return;
  }
  const auto image = services.metadata->Image();
  const metadata::Listener* listener = FindListener(*image, led.leader, context.listener);
  if (listener == nullptr) return;
  auto& endpoint = endpoints.emplace_back();
  endpoint.node_id = led.leader.value;
  endpoint.host = listener->address.host;
  endpoint.port = listener->address.port;
  const std::string& rack = image->FindBroker(led.leader)->rack;
  if (!rack.empty()) endpoint.rack = rack;
}

}  // namespace kronika::broker
