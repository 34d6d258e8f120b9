#include "broker/checkpointer.h"

#include <utility>

#include "base/bytes.h"
#include "base/planted.h"
#include "broker/partition/log_failure.h"
#include "broker/store_keys.h"

namespace kronika::broker {
namespace {

constexpr Duration kLook = std::chrono::milliseconds(50);
constexpr Duration kPauseAfterFailure = std::chrono::milliseconds(200);
constexpr Duration kRewritePatience = std::chrono::milliseconds(500);

}  // namespace

struct Checkpointer::Pass {
  wal::JournalPosition start;
  std::vector<GroupId> groups;
  std::size_t next = 0;
  std::size_t running = 0;
  Status status;
  bool closing = false;  // the last one of this life: recorded in any case
  bool rewrite_over = false;
  TimerId patience;
  std::vector<std::pair<GroupId, Index>> applied;
  Done<void> done;
};

std::string EncodeMark(const wal::CheckpointMark& mark) {
  LeWriter out;
  out.Int(mark.id).Int(mark.position.sequence);
  return out.Take();
}

Result<wal::CheckpointMark> DecodeMark(const std::optional<std::string>& value) {
  wal::CheckpointMark out;
  if (!value) return out;
  LeReader in(AsBytes(*value));
  out.id = in.Int<std::uint64_t>();
  out.position.sequence = in.Int<std::uint64_t>();
  if (!in.ok() || in.left() != 0)
    return Fail(ErrorCode::kCorruption, "the checkpoint's mark is malformed", "store");
  return out;
}

Checkpointer::Checkpointer(Environment environment, wal::CheckpointMark last)
    : environment_(std::move(environment)), last_(last) {}

Checkpointer::~Checkpointer() {
  environment_.loop.Cancel(timer_);
}

void Checkpointer::Start() {
  due_ = environment_.loop.Now() + kPeriodMax;
  timer_ = environment_.loop.RunAfter(kLook, [this] { OnTimer(); });
}

void Checkpointer::OnTimer() {
  timer_ = environment_.loop.RunAfter(kLook, [this] { OnTimer(); });
  // A seal or the record of a checkpoint may be what failed: no group waits for those, and a broker
  // whose journal takes nothing more must not go on leading (SAFETY D-7).
  if (auto failure = environment_.journal.status().failure) {
    return environment_.groups.StoreFailed(*failure);
  }
  if (running_ || environment_.loop.Now() < not_before_) return;
  if (!environment_.journal.WantsCheckpoint() && !Due()) return;
  Run(Purpose::kRoom, [this](Status status) { OnOutcome(status); });
}

bool Checkpointer::Due() {
  const Instant now = environment_.loop.Now();
  if (now < due_ || KRONIKA_PLANTED("checkpoints-by-volume-only")) return false;
  bool any = false;
  environment_.groups.ForEach([&](raft::Group& group) { any |= group.wrote_since_checkpoint(); });
  // Who is idle is not asked at every look.
  if (!any) due_ = now + kPeriodMax;
  return any;
}

// Damage is the business of its partition, which fences itself.
void Checkpointer::OnOutcome(const Status& status) {
  if (status) return;
  environment_.log.Debug("checkpoint given up: {}", status.error().Describe());
  if (JudgeLogFailure(status.error()) == LogFailure::kFinal)
    environment_.groups.StoreFailed(status.error());
}

void Checkpointer::Run(Purpose purpose, Done<void> done) {
  auto pass = std::make_shared<Pass>();
  pass->closing = purpose == Purpose::kClosing;
  pass->done = std::move(done);
  bool busy = running_;
  running_ = true;
  if (busy || environment_.creations_pending()) {
    environment_.loop.Post([this, alive = std::weak_ptr(alive_), pass, busy] {
      if (!alive.lock()) return;
      if (!busy) return End(pass, Fail(ErrorCode::kUnavailable, "a replica is being created"));
      pass->done(Fail(ErrorCode::kBusy, "a checkpoint is under way"));
    });
    return;
  }
  if (environment_.journal.status().checkpoint_id < last_.id) return RecordAgain(pass);
  pass->start = environment_.journal.CheckpointStart();  // 1
  environment_.groups.ForEach([&](raft::Group& group) {
    if (group.wrote_since_checkpoint()) pass->groups.push_back(group.id());
  });
  NextGroups(pass);
}

// The last life ended between the store's word and the journal's. The journal has to know before
// the next checkpoint, or the store could run two ahead, which means a journal that was rolled back
// (SAFETY A5).
void Checkpointer::RecordAgain(const std::shared_ptr<Pass>& pass) {
  environment_.journal.Checkpoint(last_, [this, alive = std::weak_ptr(alive_),
                                          pass](Status recorded) {
    if (!alive.lock()) return;
    if (!recorded) return End(pass, std::move(recorded));
    End(pass, Fail(ErrorCode::kUnavailable, "the last life's checkpoint had to be recorded first"));
  });
}

void Checkpointer::NextGroups(const std::shared_ptr<Pass>& pass) {
  while (pass->status && pass->running < kAtOnce && pass->next < pass->groups.size()) {
    StartGroup(pass, pass->groups[pass->next++]);
  }
  if (pass->running == 0) Release(pass);
}

void Checkpointer::StartGroup(const std::shared_ptr<Pass>& pass, GroupId id) {
  raft::Group* group = environment_.groups.Find(id);
  if (!group) return;  // removed meanwhile
  ++pass->running;
  group->Checkpoint([this, alive = std::weak_ptr(alive_), pass,
                     id](Result<raft::Group::Checkpointed> captured) {  // 2
    if (!alive.lock()) return;
    if (!captured) return GroupFailed(pass, id, std::move(captured).error());
    pass->applied.emplace_back(id, captured->applied);
    environment_.kv.Apply(std::move(captured->batch), Durability::kBuffered,
                          [this, alive, pass, id](Status applied) {
                            if (!alive.lock()) return;
                            if (!applied) return GroupFailed(pass, id, std::move(applied).error());
                            GroupDone(pass, {});
                          });
  });
}

void Checkpointer::GroupFailed(const std::shared_ptr<Pass>& pass, GroupId id, Error error) {
  if (raft::Group* group = environment_.groups.Find(id)) group->CheckpointFailed();
  GroupDone(pass, std::unexpected(std::move(error)));
}

void Checkpointer::GroupDone(const std::shared_ptr<Pass>& pass, Status status) {
  --pass->running;
  ++counters_.groups;
  if (!status && pass->status) pass->status = std::move(status);
  NextGroups(pass);
}

void Checkpointer::Release(const std::shared_ptr<Pass>& pass) {
  if (!pass->status) {
    // What the others captured lies in the store; nobody has released it.
    for (const auto& [id, applied] : pass->applied) {
      raft::Group* group = environment_.groups.Find(id);
      if (group && !KRONIKA_PLANTED("given-up-pass-forgets")) group->CheckpointAgain();
    }
    return End(pass, pass->status);
  }
  for (const auto& [group, applied] : pass->applied)
    environment_.journal.ReleaseTo(group, applied);  // 3
  if (!environment_.journal.OldestIsPinned()) return Mark(pass);
  ++counters_.rewrites;
  // The rewritten entries may have to wait for room that only this checkpoint frees, so it does not
  // wait for them for long; what they pin then stays for the next one.
  auto go_on = [this, alive = std::weak_ptr(alive_), pass](Status rewritten) {
    if (!alive.lock() || std::exchange(pass->rewrite_over, true)) return;
    environment_.loop.Cancel(pass->patience);
    // Too much to rewrite now is no failure: the checkpoint then frees what lies before it.
    if (!rewritten && rewritten.error().code != ErrorCode::kBusy)
      return End(pass, std::move(rewritten));
    Mark(pass);
  };
  pass->patience = environment_.loop.RunAfter(kRewritePatience, [go_on] { go_on({}); });
  environment_.journal.RewriteForward(go_on);  // 4
}

void Checkpointer::Mark(const std::shared_ptr<Pass>& pass) {
  wal::CheckpointMark mark{last_.id + 1, environment_.journal.CheckpointPosition(pass->start)};
  // A record that frees nothing would only eat the room that is kept for the next one.
  const bool moves = mark.position != last_.position;
  if (!moves && !environment_.journal.Frees(mark.position) && !pass->closing) {
    return End(pass,
               Fail(ErrorCode::kUnavailable, "entries that are not applied pin the oldest file"));
  }
  KvBatch batch;
  batch.Put(std::string(kCheckpointKey), EncodeMark(mark));
  auto durability =
      KRONIKA_PLANTED("checkpoint-not-synced") ? Durability::kBuffered : Durability::kSynced;
  environment_.kv.Apply(std::move(batch), durability,
                        [this, alive = std::weak_ptr(alive_), pass, mark](Status stored) {  // 5
                          if (!alive.lock()) return;
                          if (!stored) return End(pass, std::move(stored));
                          last_ = mark;
                          environment_.journal.Checkpoint(
                              mark, [this, alive, pass](Status recorded) {  // 6
                                if (!alive.lock()) return;
                                End(pass, std::move(recorded));
                              });
                        });
}

void Checkpointer::End(const std::shared_ptr<Pass>& pass, Status status) {
  running_ = false;
  const Instant now = environment_.loop.Now();
  (status ? due_ : not_before_) = now + (status ? kPeriodMax : kPauseAfterFailure);
  ++(status ? counters_.completed : counters_.given_up);
  pass->done(std::move(status));
}

}  // namespace kronika::broker
