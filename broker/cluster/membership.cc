#include "broker/cluster/membership.h"

#include <utility>

#include "base/planted.h"
#include "broker/cluster/calls.h"
#include "metadata/codec.h"

namespace kronika::broker {
namespace {

constexpr Duration kPeriod = std::chrono::milliseconds(250);
constexpr Duration kPatience = std::chrono::seconds(2);
constexpr auto kLeadersPatience = std::chrono::seconds(10);

}  // namespace

ClusterMembership::~ClusterMembership() {
  environment_.loop.Cancel(timer_);
}

void ClusterMembership::Start(const metadata::ImagePtr& image) {
  environment_.groups.calls().SetHandler(
      std::to_underlying(CallKind::kLiveBrokers),
      [this](BrokerId from, const raft::Call& call, Done<Slice> answer) {
        auto live = DecodeLiveBrokers(call.payload.bytes());
        auto* metadata_group = environment_.groups.Find(kMetadataGroup);
        bool from_controller = metadata_group && metadata_group->status().leader.broker == from;
        if (live && from_controller) environment_.leadership.SetLive(live->brokers);
        answer(Slice());
      });
  LearnPeers(*image);
  OnTimer();
}

void ClusterMembership::OnTimer() {
  timer_ = environment_.loop.RunAfter(kPeriod, [this] { OnTimer(); });
  if (!registered_ && !asking_) Register();
  if (!environment_.service.leads()) return;
  environment_.service.PursueOwnWish(environment_.groups.LevelTicks());
  environment_.service.Heard(environment_.self.broker);
  for (const auto& peer : environment_.groups.Peers()) {
    bool fresh = peer.connected && peer.last_beat_ms >= 0 &&
                 std::chrono::milliseconds(peer.last_beat_ms) < metadata::Liveness::kLimit / 2;
    if (fresh) environment_.service.Heard(peer.id);
  }
  auto live = environment_.service.Live();
  environment_.leadership.SetLive(live);
  Slice payload = Slice::CopyOf(EncodeLiveBrokers({Term{}, live}));
  for (const auto& peer : environment_.groups.Peers()) {
    if (!peer.connected) continue;
    environment_.groups.calls().Start(peer.id, std::to_underlying(CallKind::kLiveBrokers), payload,
                                      kPeriod, [](Result<Slice>) {});
  }
}

void ClusterMembership::Register() {
  asking_ = true;
  metadata::Records statement{environment_.self};
  environment_.controller.Ask(
      CallKind::kRegister, Slice::CopyOf(metadata::EncodeRecords(statement)),
      environment_.loop.Now() + kPatience,
      [this, alive = std::weak_ptr(alive_)](Result<Slice> answer) {
        if (!alive.lock()) return;
        asking_ = false;
        if (answer) return;
        const ErrorCode code = answer.error().code;
        // Nobody to ask yet: the timer asks again.
        if (code == ErrorCode::kTimedOut || code == ErrorCode::kUnavailable) return;
        environment_.log.Warn("registration was refused: {}", answer.error().Describe());
      });
}

void ClusterMembership::OnImage(const metadata::ImagePtr& image, const metadata::Delta& delta) {
  const auto* self = image->FindBroker(environment_.self.broker);
  bool shown = self && self->registered && self->directory == environment_.self.directory &&
               self->boot_epoch == environment_.self.boot_epoch;
  if (shown && !registered_) {
    environment_.log.Info("registered as broker {} with boot epoch {}",
                          environment_.self.broker.value, environment_.self.boot_epoch);
  }
  registered_ = shown;
  if (!delta.brokers.empty()) LearnPeers(*image);
}

bool ClusterMembership::KnowsLeaders() {
  if (knows_leaders_) return true;
  const auto& live = environment_.leadership.live();
  if (live.empty()) return false;
  const Instant now = environment_.loop.Now();
  if (!leaders_awaited_since_) leaders_awaited_since_ = now;
  // The first frame of a liveness stream has them.
  for (const auto& peer : environment_.groups.Peers()) {
    const bool awaited = live.contains(peer.id) || KRONIKA_PLANTED("dead-brokers-awaited");
    if (!awaited || peer.last_beat_ms >= 0 || KRONIKA_PLANTED("ready-before-leaders-are-known"))
      continue;
    if (now - *leaders_awaited_since_ < kLeadersPatience) return false;
    environment_.log.Warn(
        "broker {} is live and was not heard of here for {} s: clients are served without its word",
        peer.id.value, kLeadersPatience.count());
  }
  knows_leaders_ = true;
  return true;
}

void ClusterMembership::LearnPeers(const metadata::Image& image) {
  image.brokers.ForEach([&](BrokerId id, const metadata::Broker& broker) {
    if (id == environment_.self.broker) return;
    environment_.groups.AddPeer(id);
    if (!broker.peer.host.empty()) environment_.peer_address(id, broker.peer);
  });
}

}  // namespace kronika::broker
