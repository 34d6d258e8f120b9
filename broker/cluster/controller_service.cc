#include "broker/cluster/controller_service.h"

#include <utility>

#include "metadata/codec.h"
#include "metadata/wish.h"

namespace kronika::broker {
namespace {

constexpr std::size_t kReplacementsPerDecision = 200;

}  // namespace

ControllerService::~ControllerService() {
  FailAll({ErrorCode::kShutdown, "the broker is stopping"});
}

void ControllerService::Submit(Decide decide, Done<Index> done) {
  if (!leads()) {
    return environment_.loop.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kNotLeader, "this broker is not the controller"));
    });
  }
  jobs_.push_back({std::move(decide), std::move(done)});
  Next();
}

void ControllerService::Next() {
  while (!in_flight_ && !jobs_.empty() && leads()) {
    Job job = std::move(jobs_.front());
    jobs_.pop_front();
    metadata::ControllerView view{*environment_.machine.image(), Live(), environment_.settings,
                                  environment_.entry_bytes_max};
    auto records = job.decide(view);
    if (!records) {
      job.done(std::unexpected(records.error()));
      continue;
    }
    if (records->empty()) {
      job.done(view.image.applied);
      continue;
    }
    auto index =
        group_->Propose(raft::EntryType::kData, Slice::CopyOf(metadata::EncodeRecords(*records)));
    if (!index) {
      // Busy while it hands over, too: nothing was proposed, and whoever leads then is asked again.
      const bool again = index.error().code == ErrorCode::kBusy;
      job.done(Fail(again ? ErrorCode::kNotLeader : index.error().code, index.error().text));
      continue;
    }
    for (const auto& record : *records)
      environment_.log.Debug("controller: {}", metadata::Describe(record));
    in_flight_ = std::move(job.done);
    in_flight_index_ = *index;
  }
}

void ControllerService::OnOutcome(const raft::Entry& entry, const Status& outcome) {
  if (!in_flight_ || entry.index != in_flight_index_) return;
  Done<Index> done = std::exchange(in_flight_, nullptr);
  if (entry.term != led_term_) {
    done(Fail(ErrorCode::kUnavailable, "another controller took over"));
  } else if (!outcome) {
    done(std::unexpected(outcome.error()));
  } else {
    done(entry.index);
  }
  // The image of this entry was shown while it was in flight.
  Next();
  LookAround();
}

void ControllerService::OnStatus(const raft::NodeStatus& status) {
  if (status.serving && status.term != led_term_) {
    led_term_ = status.term;
    liveness_.BeginLeading(environment_.machine.image()->RegisteredBrokers(),
                           environment_.loop.Now());
    LookAround();
  }
  if (status.role != raft::Role::kLeader || (led_term_.value != 0 && status.term != led_term_)) {
    led_term_ = Term{};
    FailAll({ErrorCode::kUnavailable, "this broker is no longer the controller"});
  }
}

void ControllerService::FailAll(const Error& error) {
  if (in_flight_) std::exchange(in_flight_, nullptr)(std::unexpected(error));
  std::deque<Job> jobs;
  std::swap(jobs, jobs_);
  Error untouched{ErrorCode::kNotLeader, error.text};
  for (auto& job : jobs) job.done(std::unexpected(untouched));
}

void ControllerService::OnImage() {
  if (!leads()) return;
  Next();
  LookAround();
}

void ControllerService::LookAround() {
  if (!leads() || in_flight_ || !jobs_.empty()) return;
  const metadata::Image& image = *environment_.machine.image();
  auto records = metadata::FoundCluster(image, environment_.cluster, environment_.founders);
  if (records.empty()) records = metadata::PlanReplacements(image, kReplacementsPerDecision);
  if (records.empty()) return;
  Submit(
      [records](const metadata::ControllerView&) -> Result<metadata::Records> { return records; },
      [this](Result<Index> done) {
        if (!done)
          environment_.log.Warn("controller: a step was not taken: {}", done.error().Describe());
      });
}

void ControllerService::PursueOwnWish(int lag_ticks_max) {
  const auto& members = environment_.machine.image()->metadata_group;
  if (!leads() || !members.wish) return;
  auto step = metadata::NextWishStep(members, group_->node().status(), lag_ticks_max);
  if (step.propose) IgnoreError(group_->ProposeMembership(std::move(*step.propose)), "asked again");
  if (!step.done) return;
  Submit(
      [wish = members.wish->metadata_index](
          const metadata::ControllerView& view) -> Result<metadata::Records> {
        return metadata::ConfirmMembership(view.image, kMetadataGroup, wish);
      },
      [](Result<Index>) {});
}

}  // namespace kronika::broker
