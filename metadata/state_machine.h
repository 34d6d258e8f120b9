// The metadata group's state machine: entries in, images out.
//
//   Apply(entry) ──> image ──> observers          snapshots since the last durable entry
//                                └──> Checkpoint: what changed, up to what the journal here is sure to hold
//
// Runs on the metadata group's loop. Invariants:
// 1. image() is the image at the last applied entry; observers have been told of it before Apply returns.
// 2. What a checkpoint or an install writes never runs ahead of this replica's own journal (safety rule A6).
// 3. A batch that does not apply is void: it moves the index and nothing else, the same on every broker.
// 4. Entries of a later version stop the state machine: nothing is applied or checkpointed any more, and the owner is
//    told to end the process.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/kv.h"
#include "base/log.h"
#include "base/loop.h"
#include "metadata/observer.h"
#include "metadata/store.h"
#include "raft/state_machine.h"

namespace kronika::metadata {

// An image and where the log goes on behind it.
struct Snapshot {
  ImagePtr image;
  raft::LogStart start;
};

class StateMachine final : public raft::StateMachine {
 public:
  // What became of an entry that was applied: the error says why it is void. For whoever proposed it.
  using OutcomeHandler = std::function<void(const raft::Entry& entry, const Status& outcome)>;
  using StatusHandler = std::function<void(const raft::NodeStatus& status)>;
  using FailureHandler = std::function<void(const Error& error)>;

  struct Environment {
    Loop& loop;
    Kv& kv;
    Log& log;
  };

  // What the store holds; none if it never held an image. Reads the disk: for start-up.
  static Result<std::optional<Snapshot>> Load(const Kv& kv);

  // `initial` comes from Load, or is the founding image and membership, or, for a broker that joins, both empty.
  StateMachine(const Environment& environment, Snapshot initial);
  ~StateMachine() override;

  const ImagePtr& image() const { return image_; }
  // Told of every image from now on; must outlive this object or be removed.
  void AddObserver(Observer* observer) { observers_.push_back(observer); }
  void RemoveObserver(Observer* observer) { std::erase(observers_, observer); }
  void SetOutcomeHandler(OutcomeHandler handler) { on_outcome_ = std::move(handler); }
  void SetStatusHandler(StatusHandler handler) { on_status_ = std::move(handler); }
  void SetFailureHandler(FailureHandler handler) { on_failure_ = std::move(handler); }

  // Adds what changed since the last checkpoint to `batch`, which the caller must apply before any later one, and
  // says where the log goes on once that is durable: everything up to there may be released.
  raft::LogStart AddCheckpoint(KvBatch& batch);

  // raft::StateMachine
  void Apply(const raft::Entry& entry) override;
  void OnStatus(const raft::NodeStatus& status) override;
  void OnAdvance(const raft::NodeStatus& status) override;
  void OpenInstallSource(raft::LogStart start,
                         Done<std::unique_ptr<raft::InstallSource>> done) override;
  std::unique_ptr<raft::InstallSink> OpenInstallSink(raft::LogStart start) override;
  // Also called at start-up, when the journal names an install whose swap the last run did not reach.
  void AdoptInstall(raft::LogStart start, std::string manifest, Done<void> done) override;

 private:
  // An install that is durable beside the image and waits for the journal's word.
  struct Staged {
    Snapshot snapshot;
    std::uint32_t chunks = 0;
  };
  class Source;
  class Sink;

  void ApplyRecords(const raft::Entry& entry);
  void ApplyMembership(const raft::Entry& entry);
  void Push();
  void Publish(const ImagePtr& next);
  void Swap(Staged staged);
  Result<Staged> LoadStaged() const;

  Loop& loop_;
  Kv& kv_;
  Log& log_;
  ImagePtr image_;
  raft::LogStart start_;  // of image_
  // Ascending; the first is durable in the journal here, the last is image_, those between have multiples of
  // snapshot_stride_.
  std::deque<Snapshot> snapshots_;
  std::uint64_t snapshot_stride_ = 1;
  Snapshot checkpointed_;  // what the store holds; a null image = nothing
  Index durable_;
  bool failed_ = false;
  std::optional<Staged> staged_;
  std::vector<Observer*> observers_;
  OutcomeHandler on_outcome_;
  StatusHandler on_status_;
  FailureHandler on_failure_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::metadata
