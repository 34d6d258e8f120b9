// Replicas that may answer nothing any more: their data is damaged or gone (safety rules R10, A11).
#include "base/planted.h"
#include "broker/partition/replicas.h"
#include "broker/store_keys.h"
#include "metadata/directory_claim.h"

namespace kronika::broker {

// Found while the partition is at work: it lives on until the turn ends.
void Replicas::FenceSoon(GroupId group, const Error& error) {
  environment_.loop.Post([this, alive = std::weak_ptr(alive_), group, why = error.Describe()] {
    if (!alive.lock()) return;
    const raft::Group* replica = environment_.groups.Find(group);
    Fence(group, {replica ? replica->self().incarnation : Incarnation{}, why});
  });
}

// No vote, no acknowledgement, no leadership, no read: until the controller gives it a new
// incarnation. The files stay for whoever wants to look at them.
void Replicas::Fence(GroupId group, const FencedReplica& replica) {
  environment_.log.Error(
      "group {}: this replica is fenced and answers nothing: {}; it returns as a new one by "
      "`kronika broker replace`",
      group.value, replica.why);
  fenced_[group] = replica;
  KvBatch batch;
  batch.Put(FencedKey(group), EncodeFenced(replica));
  environment_.kv.Apply(std::move(batch), Durability::kBuffered, [](Status) {});
  if (RaftPartition* partition = FindGroup(group)) {
    partition->Close();
    partitions_.erase(group);
  }
  environment_.groups.CloseGroup(group);
}

// A crash may have left the image behind the record that placed the replica, which is then applied
// again: made once more under its old incarnation it would vote without what it had acknowledged
// (safety rules A3, R2). That the partition was deleted is final.
bool Replicas::StaysFenced(GroupId group, const metadata::PartitionRef& place,
                           const metadata::Image& image) const {
  if (!place || !fenced_.contains(group) || KRONIKA_PLANTED("fenced-replica-founded-again"))
    return false;
  const raft::ReplicaId self = place.partition->members.ReplicaOf(environment_.self);
  const bool same = metadata::PlacedIn(image, self, environment_.directory) &&
                    self.incarnation.value <= metadata_last_.value;
  return same || image.applied <= metadata_last_;
}

// A later replica began here: what says that the earlier one is fenced should be gone, and came
// back because the store's deletes are not synced.
bool Replicas::Succeeded(GroupId group, const FencedReplica& fenced, Incarnation newest) {
  if (fenced.incarnation.value == 0 || newest <= fenced.incarnation) return false;
  ForgetFence(group);
  return true;
}

void Replicas::ForgetFence(GroupId group) {
  KvBatch batch;
  batch.Delete(FencedKey(group));
  environment_.kv.Apply(std::move(batch), Durability::kBuffered, [](Status) {});
}

bool Replicas::Unfence(GroupId group) {
  if (fenced_.erase(group) == 0) return false;
  ForgetFence(group);
  ForgetData(group, "");  // the manifest of the fenced one, if it had a checkpoint
  return true;
}

}  // namespace kronika::broker
