// The metadata group's state machine: entries in, images out.
//
//   Apply(entry) ──> image ──> observers
//                      └──> Checkpoint: what changed since the last one, as one batch for the store
//
// Runs on the metadata group's loop. Invariants:
// 1. image() is the image at the last applied entry; observers have been told of it before Apply
//    returns.
// 2. The store holds the image of one index, whole; the group asks for a checkpoint only where its
//    own log is durable (safety rule A6).
// 3. A batch that does not apply is void: it moves the index and nothing else, the same on every
//    broker.
// 4. Entries of a later version stop the state machine: nothing is applied or checkpointed any
//    more, and the owner is told to end the process.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/kv.h"
#include "base/log.h"
#include "base/loop.h"
#include "metadata/observer.h"
#include "metadata/store.h"
#include "raft/state_machine.h"

namespace kronika::metadata {

// What the store held when the process began.
struct StoredImage {
  ImagePtr image;
  // The group's replica record of the last checkpoint, as it was given; empty before the first. It
  // is older than the image if an install was adopted since: then the journal's `installed` record
  // says where the log goes on.
  std::string replica;
  // Set if an install was adopted since the last checkpoint: the index of the image before it.
  std::optional<Index> carried_out;
};

class StateMachine final : public raft::StateMachine {
 public:
  // What became of an entry that was applied: the error says why it is void. For whoever proposed
  // it.
  using OutcomeHandler = std::function<void(const raft::Entry& entry, const Status& outcome)>;
  using StatusHandler = std::function<void(const raft::NodeStatus& status)>;
  using FailureHandler = std::function<void(const Error& error)>;

  struct Environment {
    Loop& loop;
    Kv& kv;
    Log& log;
  };

  // What the store holds; none if it never held an image. Reads the disk: for start-up.
  static Result<std::optional<StoredImage>> Load(const Kv& kv);

  // `stored` is what Load gave; `initial` is the image to begin with where there is none: the
  // founding image, or for a broker that joins an empty one.
  StateMachine(const Environment& environment, const std::optional<StoredImage>& stored,
               ImagePtr initial);
  ~StateMachine() override;

  const ImagePtr& image() const { return image_; }
  // What the records up to here ask of this broker was durably carried out, or is in the journal.
  // Behind the image after an install that no checkpoint has followed yet: its swap comes before
  // anybody acts on it.
  Index carried_out() const { return carried_out_.value_or(image_->applied); }
  // Told of every image from now on; must outlive this object or be removed.
  void AddObserver(Observer* observer) { observers_.push_back(observer); }
  void RemoveObserver(Observer* observer) { std::erase(observers_, observer); }
  void SetOutcomeHandler(OutcomeHandler handler) { on_outcome_ = std::move(handler); }
  void SetStatusHandler(StatusHandler handler) { on_status_ = std::move(handler); }
  void SetFailureHandler(FailureHandler handler) { on_failure_ = std::move(handler); }

  // raft::StateMachine. A checkpoint's batch holds what changed since the last one: batches are
  // applied in order, all of them but those that CheckpointFailed() takes back.
  void Checkpoint(raft::CheckpointPoint point, Done<KvBatch> done) override;
  void CheckpointFailed() override;
  void Apply(const raft::Entry& entry) override;
  void OnStatus(const raft::NodeStatus& status) override;
  void OnAdvance(const raft::NodeStatus& status) override;
  void OpenInstallSource(raft::LogStart start,
                         Done<std::unique_ptr<raft::InstallSource>> done) override;
  std::unique_ptr<raft::InstallSink> OpenInstallSink(raft::LogStart start) override;
  // Also called at start-up, when the journal names an install whose swap the last run did not
  // reach.
  void AdoptInstall(raft::LogStart start, std::string manifest, Done<void> done) override;

 private:
  // An install that is durable beside the image and waits for the journal's word.
  struct Staged {
    ImagePtr image;
    std::uint32_t chunks = 0;
  };
  class Source;
  class Sink;

  void ApplyRecords(const raft::Entry& entry);
  void Publish(const ImagePtr& next);
  Result<Staged> LoadStaged() const;

  Loop& loop_;
  Kv& kv_;
  Log& log_;
  ImagePtr image_;
  ImagePtr
      checkpointed_;  // what the store holds once all batches given out are applied; null = nothing
  std::optional<Index> carried_out_;
  // Both as before the last Checkpoint(), should its batch be lost.
  std::pair<ImagePtr, std::optional<Index>> before_checkpoint_;
  bool failed_ = false;
  std::optional<Staged> staged_;
  std::vector<Observer*> observers_;
  OutcomeHandler on_outcome_;
  StatusHandler on_status_;
  FailureHandler on_failure_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::metadata
