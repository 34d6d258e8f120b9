// Connections, correlation and leaders; see cluster_client.h.
#include "cmd/kronika_sim/cluster_client.h"

#include <utility>

namespace kronika::sim {

using std::chrono::milliseconds;

SimClient::SimClient(ClientWorld& world, std::string name)
    : world_(world), name_(std::move(name)), metadata_version_(world.Version(10, 13)) {}

void SimClient::Stop() {
  stopped_ = true;
  for (auto& [broker, link] : links_) {
    for (auto& pending : link->pending) world_.loop.Cancel(pending.timer);
    link->pending.clear();
    link->wire->HangUp();
  }
  links_.clear();
}

const std::shared_ptr<SimClient::Link>& SimClient::LinkTo(BrokerId broker) {
  auto& link = links_[broker];
  if (link) return link;
  link = std::make_shared<Link>();
  link->number = ++last_link_;
  const std::weak_ptr<Link> weak = link;
  auto on_frame = [this, weak](Slice bytes) {
    if (auto held = weak.lock()) OnFrame(held, std::move(bytes));
  };
  auto on_lost = [this, broker, weak] {
    if (auto held = weak.lock()) Lose(broker, held, ErrorCode::kUnavailable);
  };
  link->wire = world_.wires.Connect(broker, {.on_frame = on_frame, .on_lost = on_lost});
  return link;
}

std::uint64_t SimClient::Connect(BrokerId broker) {
  return stopped_ ? 0 : LinkTo(broker)->number;
}

void SimClient::SendFrame(BrokerId to, std::int32_t correlation, const Slices& frame,
                          Answer answer) {
  if (stopped_) return;
  const std::shared_ptr<Link> link = LinkTo(to);
  auto& pending = link->pending.emplace_back();
  pending.correlation = correlation;
  pending.answer = std::move(answer);
  pending.timer =
      world_.loop.RunAfter(kPatience, [this, to, link] { Lose(to, link, ErrorCode::kTimedOut); });
  link->wire->Send(frame);
}

void SimClient::OnFrame(const std::shared_ptr<Link>& link, Slice frame) {
  if (link->pending.empty()) return world_.Violation("an answer without a request");
  Pending pending = std::move(link->pending.front());
  link->pending.pop_front();
  world_.loop.Cancel(pending.timer);
  pending.answer(std::move(frame));
}

void SimClient::Lose(BrokerId broker, const std::shared_ptr<Link>& link, ErrorCode code) {
  if (auto found = links_.find(broker); found != links_.end() && found->second == link)
    links_.erase(found);
  link->wire->HangUp();
  auto lost = std::exchange(link->pending, {});
  for (auto& pending : lost) world_.loop.Cancel(pending.timer);
  for (auto& pending : lost) pending.answer(Fail(code, "the connection is lost"));
}

KnownLeader SimClient::Leader(std::int32_t partition) const {
  auto found = leaders_.find(partition);
  return found == leaders_.end() ? KnownLeader{} : found->second;
}

void SimClient::Refresh(const std::string& topic, Thunk done) {
  kafka::MetadataRequest request;
  request.topics->push_back({.name = topic});
  request.allow_auto_topic_creation = false;
  auto answered = [this, done = std::make_shared<Thunk>(std::move(done))](
                      Result<kafka::MetadataResponse> answer) {
    if (answer && !answer->topics.empty()) {
      const auto& found = answer->topics.front();
      topic_error_ = found.error_code;
      topic_id_ = found.topic_id;
      for (const auto& partition : found.partitions) {
        leaders_[partition.partition_index] = {BrokerId{partition.leader_id},
                                               partition.leader_epoch};
      }
    }
    (*done)();
  };
  Ask<kafka::MetadataRequest>(world_.AnyBroker(), request, metadata_version_, std::move(answered));
}

}  // namespace kronika::sim
