#include "broker/group/offsets_partition.h"

#include <utility>

#include "base/planted.h"
#include "wal/record_builder.h"
#include "wal/record_reader.h"

namespace kronika::broker {
namespace {

// A batch larger than this is compressed: assignments repeat themselves.
constexpr std::size_t kCompressFrom = 32 << 10;
constexpr std::int16_t kProduceVersion = 11;  // as which the partition takes our batches

// How the failure to write a record is told (Kafka's mapping).
KafkaError ToGroupError(KafkaError error) {
  switch (error) {
    case KafkaError::kNone:
      return KafkaError::kNone;
    case KafkaError::kNotLeaderOrFollower:
    case KafkaError::kKafkaStorageError:
      return KafkaError::kNotCoordinator;
    case KafkaError::kNotEnoughReplicas:
    case KafkaError::kNotEnoughReplicasAfterAppend:
    case KafkaError::kUnknownTopicOrPartition:
    case KafkaError::kRequestTimedOut:
      return KafkaError::kCoordinatorNotAvailable;
    case KafkaError::kMessageTooLarge:
    case KafkaError::kRecordListTooLarge:
      return KafkaError::kInvalidCommitOffsetSize;
    default:
      return KafkaError::kUnknownServerError;
  }
}

std::int64_t Ms(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}

Slice ToBatch(const GroupProposal& proposal, std::int64_t wall_ms) {
  std::size_t bytes = 0;
  for (const auto& record : proposal.records)
    bytes += record.key.size() + (record.value ? record.value->size() : 0);
  wal::RecordBuilder builder(
      {.codec = bytes >= kCompressFrom ? wal::Codec::kLz4 : wal::Codec::kNone});
  for (const auto& record : proposal.records) {
    std::optional<std::string_view> value;
    if (record.value) value = *record.value;
    builder.Add({.timestamp = wall_ms, .key = record.key, .value = value, .headers = {}});
  }
  return builder.Build();
}

}  // namespace

OffsetsPartition::OffsetsPartition(OffsetsEnvironment environment,
                                   std::function<void(OffsetsPartition*)> closed)
    : environment_(std::move(environment)), closed_(std::move(closed)) {}

OffsetsPartition::~OffsetsPartition() {
  alive_.reset();
  StepDown();
  environment_.loop.Cancel(timer_);
  closed_(this);
}

Duration OffsetsPartition::StoodStill() const {
  return KRONIKA_PLANTED("members-lost-by-a-standstill") ? Duration::zero()
                                                         : environment_.stood_still();
}

GroupTime OffsetsPartition::Now() const {
  return {.steady_ms = Ms(environment_.loop.Now().since_start - StoodStill()),
          .wall_ms = environment_.loop.WallNowMs()};
}

void OffsetsPartition::Load(std::string_view key, std::string_view value) {
  map_.Apply(AsBytes(key), AsBytes(value));
  map_.ForgetChanges();
}

void OffsetsPartition::Apply(const Slice& batch, const wal::BatchHeader& header) {
  if (header.control() || !header.has_known_codec()) return;
  wal::RecordReader reader(batch.bytes(), header);
  while (true) {
    auto record = reader.Next();
    if (!record || *record == nullptr) return;
    if ((*record)->key) map_.Apply(*(*record)->key, (*record)->value);
  }
}

void OffsetsPartition::OnLeadership(std::optional<Term> term) {
  if (!term) return StepDown();
  // In doubt for a moment, it goes on in the term in which it stepped down.
  const bool goes_on = coordinator_ || KRONIKA_PLANTED("coordinator-once-in-a-term");
  if (*term == term_ && goes_on) return;
  StepDown();
  term_ = *term;
  ++life_;
  coordinator_ = std::make_unique<Coordinator>(map_, environment_.options, Now());
  Arm();
}

CoordinatorCounters OffsetsPartition::counters() const {
  CoordinatorCounters out = past_;
  if (coordinator_) out += coordinator_->counters();
  return out;
}

void OffsetsPartition::StepDown() {
  if (coordinator_) past_ += coordinator_->counters();
  coordinator_.reset();
  for (auto& [ticket, open] : std::exchange(open_, {})) {
    environment_.loop.Cancel(open.limit);
    open.done({ticket, KafkaError::kNotCoordinator});
  }
}

KafkaError OffsetsPartition::Availability() const {
  if (coordinator_) return KafkaError::kNone;
  const Partition* partition = environment_.partition();
  return partition && partition->Status().begins_to_lead ? KafkaError::kCoordinatorLoadInProgress
                                                         : KafkaError::kNotCoordinator;
}

void OffsetsPartition::Call(Ask ask, Duration limit, GroupDone done) {
  const Ticket ticket = ++last_ticket_;
  if (const KafkaError error = Availability(); error != KafkaError::kNone)
    return done({ticket, error});
  Open& open = open_[ticket];
  open.done = std::move(done);
  if (limit > Duration::zero()) {
    open.limit = environment_.loop.RunAfter(
        limit, [this, ticket] { Deliver({ticket, KafkaError::kCoordinatorNotAvailable}); });
  }
  ask(*coordinator_, ticket, Now());
  Pump();
}

void OffsetsPartition::ForgetTopics(const std::set<Uuid>& topics) {
  if (!coordinator_) return;
  coordinator_->ForgetTopics(topics, Now());
  Pump();
}

void OffsetsPartition::Pump() {
  if (std::exchange(pumping_, true)) return;
  std::vector<GroupAnswer> unconfirmed;
  while (coordinator_) {
    GroupOutput output = coordinator_->Take();
    if (output.proposals.empty() && output.answers.empty()) break;
    for (auto& proposal : output.proposals) {
      if (coordinator_) Write(std::move(proposal));
    }
    for (auto& answer : output.answers) {
      if (answer.committed) {
        Deliver(std::move(answer));
      } else {
        unconfirmed.push_back(std::move(answer));
      }
    }
  }
  pumping_ = false;
  if (!unconfirmed.empty()) Confirm(std::move(unconfirmed));
  Arm();
}

void OffsetsPartition::Write(GroupProposal proposal) {
  Partition* partition = environment_.partition();
  if (!partition) return coordinator_->OnRefused(proposal.id, KafkaError::kNotCoordinator, Now());
  partition->Append({.batch = ToBatch(proposal, environment_.loop.WallNowMs()),
                     .acks = Acks::kAll,
                     .produce_version = kProduceVersion},
                    [this, alive = std::weak_ptr(alive_), life = life_,
                     id = proposal.id](const AppendResult& result) {
                      if (!alive.lock() || life != life_ || !coordinator_) return;
                      OnWritten(id, result);
                    });
}

void OffsetsPartition::OnWritten(std::uint64_t proposal, const AppendResult& result) {
  if (result.error == KafkaError::kNone) {
    coordinator_->OnApplied(proposal, Now());
  } else if (!result.may_be_in_log) {
    coordinator_->OnRefused(proposal, ToGroupError(result.error), Now());
  } else {
    // It may be in the log of the next leader: this one knows nothing any more.
    return StepDown();
  }
  Pump();
}

// What a deposed coordinator believes must not reach anybody.
void OffsetsPartition::Confirm(std::vector<GroupAnswer> answers) {
  Partition* partition = environment_.partition();
  if (!partition || KRONIKA_PLANTED("stale-coordinator-answers")) {
    for (auto& answer : answers) {
      if (!partition) answer.what = KafkaError::kNotCoordinator;
      Deliver(std::move(answer));
    }
    return;
  }
  partition->FindOffset({.kind = OffsetQuery::Kind::kLatest},
                        [this, alive = std::weak_ptr(alive_), life = life_,
                         answers = std::move(answers)](const OffsetAnswer& confirmed) mutable {
                          if (!alive.lock() || life != life_) return;
                          for (auto& answer : answers) {
                            if (confirmed.error != KafkaError::kNone)
                              answer.what = KafkaError::kNotCoordinator;
                            Deliver(std::move(answer));
                          }
                        });
}

void OffsetsPartition::Confirmed(Read read) {
  Partition* partition = environment_.partition();
  const KafkaError error = Availability();
  if (error != KafkaError::kNone || !partition) {
    return read(error == KafkaError::kNone ? KafkaError::kNotCoordinator : error, nullptr, nullptr);
  }
  if (KRONIKA_PLANTED("stale-coordinator-answers"))
    return read(KafkaError::kNone, &map_, coordinator_.get());
  partition->FindOffset({.kind = OffsetQuery::Kind::kLatest},
                        [this, alive = std::weak_ptr(alive_), life = life_,
                         read = std::move(read)](const OffsetAnswer& confirmed) mutable {
                          const bool still = alive.lock() && life == life_ && coordinator_;
                          if (!still || confirmed.error != KafkaError::kNone)
                            return read(KafkaError::kNotCoordinator, nullptr, nullptr);
                          read(KafkaError::kNone, &map_, coordinator_.get());
                        });
}

void OffsetsPartition::Deliver(GroupAnswer answer) {
  const auto found = open_.find(answer.ticket);
  if (found == open_.end()) return;  // its time was over
  Open open = std::move(found->second);
  open_.erase(found);
  environment_.loop.Cancel(open.limit);
  open.done(std::move(answer));
}

void OffsetsPartition::Arm() {
  if (!coordinator_) return;
  const std::int64_t next = coordinator_->NextDeadline();
  if (next >= timer_ms_) return;  // an early wake finds nothing to do and arms again
  environment_.loop.Cancel(timer_);
  timer_ms_ = next;
  timer_ = environment_.loop.RunAt(Instant{std::chrono::milliseconds(next) + StoodStill()},
                                   [this] { OnTimer(); });
}

void OffsetsPartition::OnTimer() {
  timer_ms_ = INT64_MAX;
  if (!coordinator_) return;
  coordinator_->Tick(Now());
  Pump();
}

}  // namespace kronika::broker
