// A state machine that keeps nothing, for tests of what drives groups.
#pragma once

#include <memory>
#include <string>

#include "raft/state_machine.h"

namespace kronika::raft {

class NoMachine : public StateMachine {
 public:
  void Checkpoint(CheckpointPoint, Done<KvBatch>) override {}
  void Apply(const Entry&) override {}
  void OnStatus(const NodeStatus&) override {}
  void OnAdvance(const NodeStatus&) override {}
  void OpenInstallSource(LogStart, Done<std::unique_ptr<InstallSource>>) override {}
  std::unique_ptr<InstallSink> OpenInstallSink(LogStart) override { return nullptr; }
  void AdoptInstall(LogStart, std::string, Done<void>) override {}
};

}  // namespace kronika::raft
