#include "broker/cluster/joiner.h"

#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "broker/cluster/calls.h"
#include "metadata/directory_claim.h"

namespace kronika::broker {
namespace {

constexpr Duration kPeriod = std::chrono::milliseconds(250);

std::string Question(BrokerId self, const Uuid& directory) {
  LeWriter out;
  out.Int(self.value);
  std::string bytes = out.Take();
  bytes.append(reinterpret_cast<const char*>(directory.bytes.data()), directory.bytes.size());
  return bytes;
}

}  // namespace

Joiner::~Joiner() {
  environment_.loop.Cancel(timer_);
}

void Joiner::Serve(raft::Calls& calls, std::function<metadata::ImagePtr()> image) {
  calls.SetHandler(
      std::to_underlying(CallKind::kWhoAmI),
      [image = std::move(image)](BrokerId, const raft::Call& call, Done<Slice> answer) {
        LeReader in(call.payload.bytes());
        const BrokerId broker{in.Int<std::int32_t>()};
        Uuid directory;
        const Bytes bytes = in.Take(directory.bytes.size());
        if (!in.ok() || in.left() != 0)
          return answer(Fail(ErrorCode::kCorruption, "a broker and its directory are expected"));
        std::memcpy(directory.bytes.data(), bytes.data(), directory.bytes.size());
        const raft::ReplicaId replica = metadata::MetadataReplicaFor(*image(), broker, directory);
        if (!replica.valid())
          return answer(Fail(ErrorCode::kUnavailable, "no replica is placed there yet"));
        LeWriter out;
        out.Int(replica.incarnation.value);
        answer(Slice::CopyOf(out.Take()));
      });
}

void Joiner::Start() {
  environment_.log.Info(
      "this directory joins as broker {}: it waits for `kronika broker replace {} --uuid {} "
      "--admin "
      "HOST:PORT`",
      environment_.self.value, environment_.self.value, environment_.directory.ToString());
  Ask();
}

void Joiner::Ask() {
  timer_ = environment_.loop.RunAfter(kPeriod, [this] { Ask(); });
  const Slice question = Slice::CopyOf(Question(environment_.self, environment_.directory));
  for (const auto& peer : environment_.groups.Peers()) {
    if (!peer.connected) continue;
    environment_.groups.calls().Start(peer.id, std::to_underlying(CallKind::kWhoAmI), question,
                                      kPeriod,
                                      [this, alive = std::weak_ptr(alive_)](Result<Slice> answer) {
                                        if (alive.lock()) OnAnswer(answer);
                                      });
  }
}

void Joiner::OnAnswer(const Result<Slice>& answer) {
  if (done_ || !answer) return;
  LeReader in(answer->bytes());
  const raft::ReplicaId replica{environment_.self, Incarnation{in.Int<std::uint64_t>()}};
  if (!in.ok() || in.left() != 0 || replica.incarnation == Incarnation{}) return;
  done_ = true;
  environment_.loop.Cancel(timer_);
  environment_.log.Info("joining the metadata group as {}", replica.Describe());
  environment_.placed(replica);
}

}  // namespace kronika::broker
