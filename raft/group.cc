#include "raft/group.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/planted.h"
#include "raft/core/membership.h"
#include "raft/replica_record.h"

namespace kronika::raft {
namespace {

// Until the first founder waits like everybody else: within its first election timeout.
constexpr int kFoundingAsksMax = 10;
constexpr std::uint64_t kFoundingAskTicks = 2;

std::size_t BytesOf(const Entry& entry) {
  return entry.payload.size() + kEntryOverhead;
}

std::deque<std::pair<Index, std::size_t>> BytesOf(const std::vector<Entry>& entries) {
  std::deque<std::pair<Index, std::size_t>> out;
  for (const Entry& entry : entries) out.emplace_back(entry.index, BytesOf(entry));
  return out;
}

// What the journal has to have room for before they are taken. The protocol's own entries are
// always taken: without them nothing would be committed, and no room be made (SAFETY B11).
std::size_t BytesToAdmit(const std::vector<Entry>& entries) {
  if (std::ranges::all_of(entries, IsProtocolOwn)) return 0;
  std::size_t out = 0;
  for (const Entry& entry : entries) out += BytesOf(entry);
  return out;
}

}  // namespace

Group::Group(const GroupEnvironment& environment, GroupSpec spec,
             std::unique_ptr<StateMachine> state_machine)
    : loop_(environment.loop),
      store_(environment.store),
      host_(environment.host),
      id_(spec.id),
      generation_(spec.generation),
      self_(spec.self),
      created_(std::move(spec.created)),
      succeeds_(spec.succeeds),
      hard_state_(spec.recovered.hard_state),
      applied_term_(spec.recovered.start.term),
      uncommitted_(BytesOf(spec.recovered.entries)),
      node_(spec.self, environment.options, std::move(spec.recovered), environment.rng),
      status_(node_.status()),
      membership_told_(status_.membership),
      state_machine_(std::move(state_machine)),
      applied_(status_.applied) {
  std::int64_t recovered = 0;
  for (const auto& [index, bytes] : uncommitted_) recovered += static_cast<std::int64_t>(bytes);
  if (recovered != 0) host_.CountUncommitted(recovered);
  CountCommitted(node_.commit());
}

Group::~Group() {
  CountCommitted(Index{UINT64_MAX});
  host_.CountAdmitted(-admitted_);
  for (auto& [context, done] : reads_) done(Fail(ErrorCode::kShutdown, "the group is closing"));
  for (auto& read : granted_reads_) read.done(Fail(ErrorCode::kShutdown, "the group is closing"));
}

void Group::Start() {
  if (!created_) return Activate();
  first_life_ = true;
  store_.Append({.group = id_, .created = std::move(created_), .removed = succeeds_},
                [self = weak_from_this()](Status written) {
                  auto group = self.lock();
                  if (!group) return;
                  if (!written) return group->host_.StoreFailed(written.error());
                  group->Activate();
                });
}

void Group::Activate() {
  active_ = true;
  state_machine_->OnStatus(status_);
  host_.StatusChanged(*this);
  // The first live founder campaigns at once (decision D8).
  if (first_life_ && host_.IsFirstLive(*this)) {
    founding_asks_left_ = kFoundingAsksMax;
    node_.Campaign();
  }
  host_.MarkDirty(*this);
}

// The other founders learn of the group and write their records in their own time; who asked for
// their votes before that asked nobody. Whoever creates a topic waits for its leader.
void Group::AskFoundersAgain(std::uint64_t shared) {
  if (founding_asks_left_ == 0 || shared % kFoundingAskTicks != 0) return;
  // A candidate has pre-votes of a majority, and waits for its own record and votes.
  if (node_.role() != Role::kPreCandidate || KRONIKA_PLANTED("founders-are-asked-once")) return;
  --founding_asks_left_;
  node_.Campaign();
}

void Group::Tick(std::uint64_t shared) {
  if (!active_ || adopting_) return;
  node_.Tick(shared);
  AskFoundersAgain(shared);
  if (node_.HasReady()) host_.MarkDirty(*this);
}

void Group::Step(Message message) {
  if (!active_) return;  // as if lost: the sender tries again
  const std::size_t bytes = BytesToAdmit(message.entries);
  bool append = message.type == MessageType::kAppend;
  if (append &&
      (adopting_ || !Fit(message.entries) || (bytes > 0 && !Admit(bytes, EntriesOf::kLeader)))) {
    node_.Refuse(std::move(message));
  } else {
    if (append) CountAdmitted(bytes);
    node_.Step(std::move(message));
  }
  host_.MarkDirty(*this);
}

std::int64_t Group::AppendTime() {
  last_append_time_ms_ = std::max(last_append_time_ms_, loop_.WallNowMs());
  return last_append_time_ms_;
}

Result<Index> Group::Propose(EntryType type, Slice payload) {
  if (!active_ || adopting_) return Fail(ErrorCode::kNotLeader, "the replica is not ready");
  if (payload.size() > store_.EntryBytesMax()) {
    return Fail(ErrorCode::kInvalidArgument, "an entry is larger than the journal takes");
  }
  const std::size_t bytes = payload.size() + kEntryOverhead;
  KRONIKA_TRY(Admit(bytes, EntriesOf::kOwnProposal));
  auto index = node_.Propose(type, std::move(payload), AppendTime());
  if (!index) return index;
  CountAdmitted(bytes);
  host_.MarkDirty(*this);
  return index;
}

Result<Index> Group::ProposeMembership(Membership target) {
  if (!active_ || adopting_) return Fail(ErrorCode::kNotLeader, "the replica is not ready");
  auto index = node_.ProposeMembership(std::move(target), AppendTime());
  if (index) host_.MarkDirty(*this);
  return index;
}

void Group::ReadIndex(Done<Index> done) {
  if (!active_ || adopting_) {
    return loop_.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kNotLeader, "the replica is not ready"));
    });
  }
  std::uint64_t context = next_read_++;
  reads_.emplace(context, std::move(done));
  node_.ReadIndex(context);
  host_.MarkDirty(*this);
}

void Group::Campaign() {
  if (!active_ || adopting_) return;
  node_.Campaign();
  host_.MarkDirty(*this);
}

Status Group::TransferLeadership(BrokerId to) {
  if (!active_ || adopting_) return Fail(ErrorCode::kNotLeader, "the replica is not ready");
  const auto& voters = status_.membership.voters;
  const auto voter = std::ranges::find(voters, to, &ReplicaId::broker);
  if (voter == voters.end()) return Fail(ErrorCode::kInvalidArgument, "only a voter can lead");
  KRONIKA_TRY(node_.TransferLeadership(*voter));
  host_.MarkDirty(*this);
  return {};
}

void Group::StandAside() {
  if (KRONIKA_PLANTED("stopping-broker-campaigns")) return;
  node_.StandAside();
  host_.MarkDirty(*this);
}

void Group::Process() {
  queued_ = false;
  if (!active_) return;
  host_.CountAdmitted(-std::exchange(admitted_, 0));
  bool changed = false;
  const bool served = status_.serving, lost = status_.lost_quorum;
  const Term epoch = status_.leader_epoch;
  do {
    while (node_.HasReady()) {
      Ready ready = node_.TakeReady();
      if (ready.write.id != 0) Persist(std::move(ready.write));                    // 1
      for (auto& message : ready.messages) host_.Send(*this, std::move(message));  // 2
      Hold(ready.committed);                                                       // 3
      AnswerReads(ready.reads);                                                    // 4
      for (const auto& wanted : ready.entries_wanted) ReadForFollower(wanted);     // 5
      for (ReplicaId to : ready.installs_wanted) host_.InstallWanted(*this, to);   // 6
      changed = changed || ready.role_changed;
    }
    ReadStatus();
    if (ApplyDurable()) ReadStatus();  // 7
  } while (node_.HasReady());
  changed = changed || served != status_.serving || lost != status_.lost_quorum ||
            epoch != status_.leader_epoch || membership_told_ != status_.membership;
  if (status_.role == Role::kLeader && status_.term != std::exchange(led_term_, status_.term)) {
    host_.LeadershipGained(*this);
  }
  if (changed) {  // 8
    membership_told_ = status_.membership;
    state_machine_->OnStatus(status_);
    host_.StatusChanged(*this);
  }
  RunWaitingReads();
  state_machine_->OnAdvance(status_);
}

void Group::ReadStatus() {
  node_.ReadStatus(status_);
  if (status_.leader.valid()) founding_asks_left_ = 0;
  if (KRONIKA_PLANTED("served-before-applied")) status_.serving = status_.role == Role::kLeader;
}

void Group::Persist(Write write) {
  wrote_since_checkpoint_ = true;
  CountAppended(write);
  NoteCommit(write);
  std::uint64_t id = write.id;
  store_.Append({.group = id_, .raft = std::move(write)},
                [self = weak_from_this(), id](Status written) {
                  auto group = self.lock();
                  if (!group) return;
                  if (!written) return group->host_.StoreFailed(written.error());
                  group->node_.OnWritten(id);
                  group->host_.MarkDirty(*group);
                });
}

// With its entries a write says what is committed, so that after a restart only the last entries
// wait for a leader's word: all others are applied at once and pin no file of the journal. Only
// what earlier writes hold counts: of this one a crash may leave a part.
void Group::NoteCommit(Write& write) {
  if (write.hard_state) {
    write.hard_state->commit = std::max(write.hard_state->commit, hard_state_.commit);
    hard_state_ = *write.hard_state;
  }
  if (write.entries.empty()) return;
  const Index first = std::min(write.entries.front().index,
                               write.truncate_from.value_or(write.entries.front().index));
  const Index commit = std::min(node_.commit(), first - 1);
  if (commit <= hard_state_.commit) return;
  hard_state_.commit = commit;
  write.hard_state = hard_state_;
}

// A leader whose journal has larger files may send what this one can never take: refused for ever,
// which leaves this replica behind, where an append would end the process at every start.
bool Group::Fit(const std::vector<Entry>& entries) const {
  const std::size_t bytes_max = store_.EntryBytesMax();
  return KRONIKA_PLANTED("too-large-entry-appended") ||
         std::ranges::all_of(entries,
                             [&](const Entry& entry) { return entry.payload.size() <= bytes_max; });
}

Status Group::Admit(std::size_t bytes, EntriesOf whose) const {
  if (id_ == kMetadataGroup || KRONIKA_PLANTED("journal-admits-everything")) return {};
  return host_.Admit(bytes, whose);
}

void Group::CountAdmitted(std::size_t bytes) {
  if (id_ == kMetadataGroup || KRONIKA_PLANTED("turn-admitted-entry-by-entry")) return;
  admitted_ += static_cast<std::int64_t>(bytes);
  host_.CountAdmitted(static_cast<std::int64_t>(bytes));
}

void Group::CountAppended(const Write& write) {
  std::int64_t change = 0;
  Index cut = write.truncate_from.value_or(write.entries.empty() ? Index{UINT64_MAX}
                                                                 : write.entries.front().index);
  for (; !uncommitted_.empty() && uncommitted_.back().first >= cut; uncommitted_.pop_back()) {
    change -= static_cast<std::int64_t>(uncommitted_.back().second);
  }
  for (const auto& entry : write.entries) {
    uncommitted_.emplace_back(entry.index, BytesOf(entry));
    change += static_cast<std::int64_t>(uncommitted_.back().second);
  }
  if (change != 0) host_.CountUncommitted(change);
}

void Group::CountCommitted(Index committed) {
  std::int64_t change = 0;
  for (; !uncommitted_.empty() && uncommitted_.front().first <= committed;
       uncommitted_.pop_front()) {
    change -= static_cast<std::int64_t>(uncommitted_.front().second);
  }
  if (change != 0) host_.CountUncommitted(change);
}

void Group::Hold(std::vector<Entry>& committed) {
  if (committed.empty()) return;
  CountCommitted(committed.back().index);
  if (adopting_ && KRONIKA_PLANTED("install-forgets-what-follows")) return;
  held_back_.insert(held_back_.end(), std::make_move_iterator(committed.begin()),
                    std::make_move_iterator(committed.end()));
}

// Only what this replica's own log has: then whatever is captured of the state may be made durable
// at once (SAFETY A6), and no checkpoint waits for writes that wait for a checkpoint (B11).
bool Group::ApplyDurable() {
  Index before = applied_;
  while (!held_back_.empty() && !adopting_ &&
         (held_back_.front().index <= status_.durable ||
          KRONIKA_PLANTED("checkpoint-beyond-own-log"))) {
    Entry entry = std::move(held_back_.front());
    held_back_.pop_front();
    KRONIKA_CHECK(entry.index == applied_ + 1, "entries are applied in order");
    last_append_time_ms_ = std::max(last_append_time_ms_, entry.append_time_ms);
    state_machine_->Apply(entry);
    applied_ = entry.index;
    applied_term_ = entry.term;
  }
  if (applied_ == before) return false;
  // A checkpoint that captured less has not released these.
  if (!KRONIKA_PLANTED("applied-after-a-capture")) wrote_since_checkpoint_ = true;
  node_.OnApplied(applied_);
  node_.Compact(applied_);
  return true;
}

void Group::AnswerReads(std::vector<ReadGrant>& grants) {
  for (const auto& grant : grants) {
    auto found = reads_.find(grant.context);
    if (found == reads_.end()) continue;
    Done<Index> done = std::move(found->second);
    reads_.erase(found);
    if (grant.granted) {
      granted_reads_.push_back({grant.index, std::move(done)});
    } else {
      done(Fail(ErrorCode::kNotLeader, "leadership was not confirmed"));
    }
  }
}

void Group::RunWaitingReads() {
  while (!granted_reads_.empty() && granted_reads_.front().index <= applied_) {
    auto read = std::move(granted_reads_.front());
    granted_reads_.pop_front();
    read.done(read.index);
  }
}

void Group::ReadForFollower(const EntriesWanted& wanted) {
  auto given = [self = weak_from_this(), to = wanted.to,
                first = wanted.first](Result<std::vector<Entry>> entries) {
    auto group = self.lock();
    if (!group) return;
    // Nothing readable: the core finds the follower below the log's start and asks for an install.
    if (!entries) entries = std::vector<Entry>{};
    group->node_.ProvideEntries(to, first, std::move(*entries));
    group->host_.MarkDirty(*group);
  };
  store_.Read(id_, wanted.first, wanted.last, wanted.bytes_max, std::move(given));
}

}  // namespace kronika::raft
