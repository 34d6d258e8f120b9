#include "metadata/state_machine.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/planted.h"
#include "metadata/codec.h"
#include "raft/core/membership.h"

namespace kronika::metadata {
namespace {

// Images between the last durable entry and the last applied one. When there are more, every second one is forgotten, so that
// a slow journal costs precision of the next checkpoint, not memory.
constexpr std::size_t kSnapshotsMax = 256;

}  // namespace

StateMachine::StateMachine(const Environment& environment, Snapshot initial)
    : loop_(environment.loop),
      kv_(environment.kv),
      log_(environment.log),
      image_(initial.image),
      start_(initial.start),
      durable_(initial.start.index) {
  KRONIKA_CHECK(image_ != nullptr && image_->applied == start_.index);
  snapshots_.push_back(initial);
  // An image at index 0 was never stored; one with an index can only have come from the store.
  if (start_.index > Index{}) checkpointed_ = std::move(initial);
}

StateMachine::~StateMachine() {
  *alive_ = false;
}

Result<std::optional<Snapshot>> StateMachine::Load(const Kv& kv) {
  auto pairs = kv.Scan(kStorePrefix);
  if (!pairs) return std::unexpected(std::move(pairs).error());
  if (pairs->empty()) return std::nullopt;
  auto image = LoadImage(*pairs);
  if (!image) return std::unexpected(std::move(image).error());
  auto stored = kv.Get(StartKey());
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return Fail(ErrorCode::kCorruption, "the log start is missing", "metadata store");
  auto start = DecodeStart(AsBytes(**stored));
  if (!start) return std::unexpected(std::move(start).error());
  if (start->index != (*image)->applied) {
    return Fail(ErrorCode::kCorruption, "image and log start are of different batches",
                "metadata store");
  }
  return Snapshot{.image = std::move(*image), .start = std::move(*start)};
}

void StateMachine::Apply(const raft::Entry& entry) {
  if (failed_) return;
  KRONIKA_CHECK(entry.index == start_.index + 1, "entries come in order");
  switch (entry.type) {
    case raft::EntryType::kNoOp:
    case raft::EntryType::kControl:
      break;
    case raft::EntryType::kConfig:
      ApplyMembership(entry);
      break;
    case raft::EntryType::kData:
      ApplyRecords(entry);
      break;
  }
  if (failed_) return;
  start_.index = entry.index;
  start_.term = entry.term;
  if (image_->applied != entry.index) image_ = WithApplied(*image_, entry.index);
  Push();
}

void StateMachine::ApplyMembership(const raft::Entry& entry) {
  auto next = raft::DecodeMembership(entry.payload.bytes());
  if (!next) {
    log_.Error("metadata: the configuration entry at {} does not decode: {}", entry.index.value,
               next.error().Describe());
    return;
  }
  if (raft::TakesEffect(start_.membership, *next)) start_.membership = std::move(*next);
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

void StateMachine::Push() {
  auto kept = [this](const Snapshot& snapshot) {
    return snapshot.start.index.value % snapshot_stride_ == 0;
  };
  if (snapshots_.size() > 1 && !kept(snapshots_.back())) snapshots_.pop_back();
  snapshots_.push_back({.image = image_, .start = start_});
  if (snapshots_.size() <= kSnapshotsMax) return;
  snapshot_stride_ *= 2;
  std::deque<Snapshot> thinned;
  for (std::size_t i = 0; i < snapshots_.size(); ++i) {
    const bool end = i == 0 || i + 1 == snapshots_.size();
    if (end || kept(snapshots_[i])) thinned.push_back(std::move(snapshots_[i]));
  }
  snapshots_ = std::move(thinned);
}

void StateMachine::OnStatus(const raft::NodeStatus& status) {
  if (on_status_) on_status_(status);
}

void StateMachine::OnAdvance(const raft::NodeStatus& status) {
  durable_ = status.durable;
  while (snapshots_.size() > 1 && snapshots_[1].start.index <= durable_) snapshots_.pop_front();
  if (snapshots_.size() == 1) snapshot_stride_ = 1;
}

raft::LogStart StateMachine::AddCheckpoint(KvBatch& batch) {
  const Snapshot& safe =
      KRONIKA_PLANTED("metadata-checkpoint-ahead") ? snapshots_.back() : snapshots_.front();
  if (safe.start.index == Index{}) return safe.start;
  const bool stored = checkpointed_.image != nullptr;
  if (stored && checkpointed_.start.index == safe.start.index) return safe.start;
  AddChanges(stored ? *checkpointed_.image : Image{}, *safe.image, batch);
  batch.Put(StartKey(), EncodeStart(safe.start));
  checkpointed_ = safe;
  return safe.start;
}

}  // namespace kronika::metadata
