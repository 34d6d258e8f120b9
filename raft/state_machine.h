// StateMachine: what a group's committed entries are applied to: a partition, or the metadata
// image.
//
// 1. Apply runs on the group's loop, in index order, each committed entry exactly once per life of
//    the object; it depends on the entry alone (SAFETY R7) and does not block.
// 2. Install: the leader's side reads a consistent state at one index as chunks; the follower's
//    side stages them beside the old state and swaps in Finish(), which completes when everything
//    is durable.
#pragma once

#include <memory>
#include <string>

#include "base/kv.h"
#include "base/result.h"
#include "raft/core/node.h"

namespace kronika::raft {

class InstallSource {
 public:
  virtual ~InstallSource() = default;
  virtual const LogStart& start() const = 0;
  // The next chunk (a header the sink understands, and bytes); an empty header ends the stream.
  struct Chunk {
    std::string header;
    Slices payload;
  };
  virtual void Next(std::size_t bytes_max, Done<Chunk> done) = 0;
};

class InstallSink {
 public:
  virtual ~InstallSink() = default;  // before Finish: the staged state is dropped
  virtual void Write(InstallSource::Chunk chunk, Done<void> done) = 0;
  // Everything staged is durable; gives the manifest for the log store's `installed` record, which
  // has to be small: what finds it, where it may be large. The swap itself happens in
  // StateMachine::AdoptInstall, after that record is durable.
  virtual void Finish(Done<std::string> done) = 0;
};

// The applied point of a checkpoint, which is durable in this replica's own log (SAFETY A6).
struct CheckpointPoint {
  Index applied;
  Term applied_term;
  std::int64_t append_time_ms = 0;
  std::string replica;  // an encoded ReplicaRecord, to be kept with the state
};

class StateMachine {
 public:
  virtual ~StateMachine() = default;
  // Makes everything applied so far durable but for the batch that it gives back: one Kv batch with
  // the whole state at `point` (SAFETY A5). The state is captured inside the call.
  virtual void Checkpoint(CheckpointPoint point, Done<KvBatch> done) = 0;
  // There was no such batch, or it did not reach the store: the next one has to make up for it.
  virtual void CheckpointFailed() {}
  virtual void Apply(
      const Entry& entry) = 0;  // kData and kControl carry meaning; the others only move the index
  // Role, term, leader, serving, epoch or membership changed.
  virtual void OnStatus(const NodeStatus& status) = 0;
  // Commit, match or durable may have moved; once a processing turn, after Apply. Only entries up
  // to min(applied, durable) may reach anything durable outside of the log (SAFETY A6).
  virtual void OnAdvance(const NodeStatus& status) = 0;
  virtual void OpenInstallSource(LogStart start, Done<std::unique_ptr<InstallSource>> done) = 0;
  virtual std::unique_ptr<InstallSink> OpenInstallSink(LogStart start) = 0;
  virtual void AdoptInstall(LogStart start, std::string manifest, Done<void> done) = 0;
};

}  // namespace kronika::raft
