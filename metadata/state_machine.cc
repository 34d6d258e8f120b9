#include "metadata/state_machine.h"

#include <fmt/format.h>

#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "metadata/codec.h"

namespace kronika::metadata {

StateMachine::StateMachine(const Environment& environment, const std::optional<StoredImage>& stored,
                           ImagePtr initial)
    : loop_(environment.loop),
      kv_(environment.kv),
      log_(environment.log),
      image_(stored ? stored->image : std::move(initial)),
      checkpointed_(stored ? stored->image : nullptr),
      carried_out_(stored ? stored->carried_out : std::nullopt) {
  KRONIKA_CHECK(image_ != nullptr);
}

StateMachine::~StateMachine() {
  *alive_ = false;
}

Result<std::optional<StoredImage>> StateMachine::Load(const Kv& kv) {
  auto pairs = kv.Scan(kStorePrefix);
  if (!pairs) return std::unexpected(std::move(pairs).error());
  if (pairs->empty()) return std::nullopt;
  auto image = LoadImage(*pairs);
  if (!image) return std::unexpected(std::move(image).error());
  auto replica = kv.Get(ReplicaKey());
  if (!replica) return std::unexpected(std::move(replica).error());
  auto carried_out = kv.Get(CarriedOutKey());
  if (!carried_out) return std::unexpected(std::move(carried_out).error());
  StoredImage out{.image = std::move(*image), .replica = replica->value_or("")};
  if (*carried_out) out.carried_out = DecodeIndex(AsBytes(**carried_out));
  return out;
}

void StateMachine::Apply(const raft::Entry& entry) {
  // A group whose own record is older than an adopted install begins below the image.
  if (failed_ || entry.index <= image_->applied) return;
  KRONIKA_CHECK(entry.index == image_->applied + 1, "entries come in order");
  if (entry.type == raft::EntryType::kData) ApplyRecords(entry);
  if (failed_) return;
  if (image_->applied != entry.index) image_ = WithApplied(*image_, entry.index);
}

void StateMachine::ApplyRecords(const raft::Entry& entry) {
  auto records = DecodeRecords(entry.payload.bytes());
  Result<ImagePtr> next = records ? metadata::Apply(*image_, entry.index, *records)
                                  : Result<ImagePtr>(std::unexpected(records.error()));
  if (!next && next.error().code == ErrorCode::kUnsupported) {
    failed_ = true;
    log_.Error("metadata: entry {}: {}", entry.index.value, next.error().Describe());
    if (on_failure_) on_failure_(next.error());
    return;
  }
  Status outcome;
  if (next) {
    Publish(*next);
  } else {
    log_.Warn("metadata: entry {} is void: {}", entry.index.value, next.error().Describe());
    outcome = std::unexpected(std::move(next).error());
  }
  if (on_outcome_) on_outcome_(entry, outcome);
}

void StateMachine::Publish(const ImagePtr& next) {
  const ImagePtr before = std::exchange(image_, next);
  const Delta delta = Diff(*before, *next);
  for (auto* observer : observers_) observer->OnImage(next, delta);
}

void StateMachine::OnStatus(const raft::NodeStatus& status) {
  if (on_status_) on_status_(status);
}

void StateMachine::OnAdvance(const raft::NodeStatus&) {}

void StateMachine::Checkpoint(raft::CheckpointPoint point, Done<KvBatch> done) {
  Result<KvBatch> result;
  before_checkpoint_ = {checkpointed_, carried_out_};
  if (failed_ || point.applied != image_->applied) {
    result = Fail(ErrorCode::kUnavailable, "the image is not at the point of the checkpoint",
                  "metadata checkpoint");
  } else {
    AddChanges(checkpointed_ ? *checkpointed_ : Image{}, *image_, *result);
    result->Put(ReplicaKey(), std::move(point.replica));
    // No checkpoint begins while something is still to be carried out.
    result->Delete(CarriedOutKey());
    carried_out_.reset();
    checkpointed_ = image_;
  }
  loop_.Post(
      [result = std::move(result), done = std::move(done)]() mutable { done(std::move(result)); });
}

void StateMachine::CheckpointFailed() {
  if (KRONIKA_PLANTED("lost-batch-not-made-up-for")) return;
  std::tie(checkpointed_, carried_out_) = before_checkpoint_;
}

}  // namespace kronika::metadata
