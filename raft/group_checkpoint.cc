// What of a group's state goes to the store: checkpoints of it, and installs that take its place.
#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/group.h"
#include "raft/replica_record.h"

namespace kronika::raft {

void Group::Checkpoint(Done<Checkpointed> done) {
  const bool refused =
      swapping_ || capturing_ || (adopting_ && KRONIKA_PLANTED("checkpoint-waits-for-installs"));
  captured_ = !refused;
  if (refused) {
    return loop_.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kUnavailable, "an install is being adopted, or a checkpoint is taken"));
    });
  }
  wrote_since_checkpoint_ = false;
  LogStart start = applied_start();
  // The store may be durable before the journal: of the log it knows only what is applied.
  HardState hard_state = hard_state_;
  hard_state.commit = std::min(hard_state.commit, applied_);
  CheckpointPoint point{applied_, applied_term_, last_append_time_ms_,
                        EncodeReplicaRecord({generation_, self_, hard_state, start})};
  capturing_ = true;
  state_machine_->Checkpoint(std::move(point),
                             [self = weak_from_this(), applied = applied_,
                              done = std::move(done)](Result<KvBatch> batch) mutable {
                               if (batch) {
                                 done(Checkpointed{std::move(*batch), applied});
                               } else {
                                 done(std::unexpected(batch.error()));
                               }
                               auto group = self.lock();
                               if (!group) return;
                               group->capturing_ = false;
                               if (group->swap_) std::exchange(group->swap_, nullptr)();
                             });
}

void Group::CheckpointBetween(Done<Checkpointed> done) {
  const bool captured = captured_;
  const bool takes = !swapping_ && !capturing_;
  auto made = [self = weak_from_this(), takes,
               done = std::move(done)](Result<Checkpointed> batch) mutable {
    // Nobody else captures meanwhile, so what was taken last is this one's.
    if (auto group = self.lock(); group && !batch && takes)
      group->state_machine_->CheckpointFailed();
    done(std::move(batch));
  };
  Checkpoint(std::move(made));
  captured_ = captured;
  wrote_since_checkpoint_ = true;
}

void Group::AdoptInstall(LogStart start, std::string manifest, Done<void> done) {
  // What was taken before is written before: behind the install it would be a log of its own.
  if (!KRONIKA_PLANTED("install-overtakes-writes")) Process();
  if (start.index <= applied_) {  // caught up by other means meanwhile
    return loop_.Post([done = std::move(done)]() mutable { done({}); });
  }
  if (manifest.size() + EncodeMembership(start.membership).size() + kEntryOverhead >
      store_.EntryBytesMax()) {
    return loop_.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kInvalidArgument,
                "an install's record is larger than the journal takes (journal_file_bytes)"));
    });
  }
  adopting_ = true;
  wrote_since_checkpoint_ = true;
  GroupWrite write{.group = id_, .installed = Installed{start, manifest}};
  store_.Append(std::move(write), [self = weak_from_this(), start, manifest,
                                   done = std::move(done)](Status written) mutable {
    auto group = self.lock();
    if (!group) return;
    if (!written) return group->host_.StoreFailed(written.error());
    // A checkpoint from here on has to have the group, or it would pass the record.
    group->wrote_since_checkpoint_ = true;
    group->swapping_ = true;
    auto swap = [self, start, manifest = std::move(manifest), done = std::move(done)]() mutable {
      if (auto held = self.lock()) held->Swap(start, std::move(manifest), std::move(done));
    };
    if (!group->capturing_ || KRONIKA_PLANTED("install-overtakes-capture")) return swap();
    group->swap_ = std::move(swap);
  });
}

void Group::Swap(LogStart start, std::string manifest, Done<void> done) {
  state_machine_->AdoptInstall(
      start, std::move(manifest),
      [self = weak_from_this(), start, done = std::move(done)](Status adopted) mutable {
        auto group = self.lock();
        if (!group) return;
        // The journal says that it is installed: the next start carries it
        // out.
        if (!adopted) {
          group->host_.StoreFailed(adopted.error());
          return done(std::move(adopted));
        }
        group->adopting_ = false;
        group->swapping_ = false;
        group->TakeInstalled(start);
        group->host_.MarkDirty(*group);
        done({});
      });
}

// What was committed beyond the installed point stays: the core hands out nothing twice.
void Group::TakeInstalled(const LogStart& start) {
  std::erase_if(held_back_, [&](const Entry& entry) { return entry.index <= start.index; });
  node_.OnInstalled(start);
  wrote_since_checkpoint_ = true;
  applied_ = start.index;
  applied_term_ = start.term;
}

}  // namespace kronika::raft
