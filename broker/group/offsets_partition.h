// OffsetsPartition: one partition of __consumer_offsets on this broker: the map of its records, and
// while this replica leads, the coordinator of its groups with everybody who waits for an answer.
//
//   handler ▶ Coordinator ▶ proposal ▶ batch ▶ Partition::Append ▶ Apply ▶ map ▶ answer
//                        └▶ answer that rests on no record ▶ a quorum confirms ▶ answer
//
// The broker's loop.
// 1. The coordinator lives while this replica serves as the leader of one term. When that ends, or
//    the fate of a proposal is not known, everybody who waits is told NOT_COORDINATOR and nothing
//    is answered from old state. A leader that was in doubt for a moment (SAFETY B7) begins with
//    another coordinator in its term, once everything that it appended before is applied.
// 2. What rests on no record leaves only after a quorum confirmed this leader (C1).
// 3. Time that the process stood still is not time of the members: they could not be heard, and a
//    timer that is overdue runs before what they sent is read, and before the doubt (B7).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/loop.h"
#include "broker/group/coordinator.h"
#include "broker/partition/partition.h"
#include "broker/partition/partition_state.h"

namespace kronika::broker {

struct OffsetsEnvironment {
  Loop& loop;
  Log& log;
  GroupOptions options;
  // The replica whose records these are; null: not here any more. Good for the current turn.
  std::function<Partition*()> partition;
  // How long the process stood still in all.
  std::function<Duration()> stood_still;
};

using GroupDone = std::move_only_function<void(GroupAnswer)>;

class OffsetsPartition final : public PartitionState {
 public:
  explicit OffsetsPartition(OffsetsEnvironment environment,
                            std::function<void(OffsetsPartition*)> closed);
  ~OffsetsPartition() override;

  // PartitionState
  void Load(std::string_view key, std::string_view value) override;
  void Apply(const Slice& batch, const wal::BatchHeader& header) override;
  void Clear() override { map_.Clear(); }
  void OnLeadership(std::optional<Term> term) override;
  Changes TakeChanges() override { return map_.TakeChanges(); }
  void ChangesLost() override { map_.ChangesLost(); }
  std::vector<std::string> Keys() const override { return map_.Keys(); }

  // kNone: this broker coordinates the partition's groups; kNotCoordinator,
  // kCoordinatorLoadInProgress.
  KafkaError Availability() const;
  // Calls `ask` with the coordinator, a ticket and the time; `done` gets the ticket's answer: what
  // the coordinator says, or an error. `limit` is a time limit, 0 for none.
  using Ask = std::move_only_function<void(Coordinator&, Ticket, GroupTime)>;
  void Call(Ask ask, Duration limit, GroupDone done);
  // Runs `read` after a quorum confirmed this leader, or with an error and without anything else.
  using Read = std::move_only_function<void(KafkaError, const GroupMap*, const Coordinator*)>;
  void Confirmed(Read read);
  void ForgetTopics(const std::set<Uuid>& topics);

  const GroupMap& map() const { return map_; }
  // Null while this broker does not coordinate.
  const Coordinator* coordinator() const { return coordinator_.get(); }
  // Of all leaderships here.
  CoordinatorCounters counters() const;

 private:
  struct Open {
    GroupDone done;
    TimerId limit;
  };
  // The coordinator's steady clock leaves out what this is of the loop's.
  Duration StoodStill() const;
  GroupTime Now() const;
  void Pump();
  void Write(GroupProposal proposal);
  void OnWritten(std::uint64_t proposal, const AppendResult& result);
  void Confirm(std::vector<GroupAnswer> answers);
  void Deliver(GroupAnswer answer);
  void StepDown();
  void Arm();
  void OnTimer();

  OffsetsEnvironment environment_;
  std::function<void(OffsetsPartition*)> closed_;
  GroupMap map_;
  std::unique_ptr<Coordinator> coordinator_;
  CoordinatorCounters past_;  // of the coordinators before
  Term term_;                 // of the last coordinator
  std::uint64_t life_ = 0;    // counts coordinators
  std::map<Ticket, Open> open_;
  Ticket last_ticket_ = 0;
  bool pumping_ = false;
  TimerId timer_;
  std::int64_t timer_ms_ = INT64_MAX;  // by the coordinator's clock
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
