// Joiner: how a broker with an empty directory learns which replica of the metadata group it is: it
// asks whoever talks to it, until somebody's image knows its directory. On the worker's loop.
//
// 1. Peers refuse the hello of a directory that they do not know (D-8), so nothing is asked before
//    the operator's word.
// 2. The answer is a replica that was placed for this very directory, after it became the broker's
//    (SAFETY A4): the same whoever answers.
// 3. Until then this broker has no replica of anything, and nothing of its own to say.
#pragma once

#include <functional>
#include <memory>

#include "base/log.h"
#include "base/loop.h"
#include "metadata/image.h"
#include "raft/group_manager.h"

namespace kronika::broker {

class Joiner {
 public:
  struct Environment {
    Loop& loop;
    Log& log;
    raft::GroupManager& groups;
    BrokerId self;
    Uuid directory;
    // Called once.
    std::function<void(raft::ReplicaId)> placed;
  };

  explicit Joiner(Environment environment) : environment_(std::move(environment)) {}
  ~Joiner();

  void Start();
  // Lets other brokers ask: the answer is what `image` says.
  static void Serve(raft::Calls& calls, std::function<metadata::ImagePtr()> image);

 private:
  void Ask();
  void OnAnswer(const Result<Slice>& answer);

  Environment environment_;
  TimerId timer_;
  bool done_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
