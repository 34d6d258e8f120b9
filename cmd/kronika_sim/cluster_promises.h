// DurablePromises: what one life of a broker may promise its peers, judged from what its log store
// took and what it reported durable. A replica's own marks are not asked: they are what is judged.
//
// One thread. PromiseStore stands between the groups and the journal, PromiseTransport between the
// groups and the network. Of every accepted append and granted vote that leaves:
//   the entry at the acknowledged index is durable, and none that is not yet durable replaced it
//   (SAFETY A2); the vote is durable (R1).
// What was recovered at start-up counts as durable; a vote and a term are judged from the first
// hard state that this life made durable. Of a group that was removed nothing is judged: what still
// leaves was made before (kronika-sim cluster, seed 600).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "raft/log_store.h"
#include "raft/super_frame.h"
#include "raft/transport.h"

namespace kronika::sim {

class DurablePromises {
 public:
  explicit DurablePromises(std::function<void(const std::string&)> violate)
      : violate_(std::move(violate)) {}

  void OnAppend(const raft::GroupWrite& write);
  // Writes of a group become durable in the order of OnAppend.
  void OnDurable(GroupId group);
  void OnSend(const raft::GroupMessage& message);

 private:
  struct Issued {
    bool fresh = false;  // what the group had before no longer counts
    std::optional<Index> installed;
    std::optional<raft::HardState> hard_state;
    std::optional<Index> truncate_from;
    std::vector<std::pair<Index, Term>> entries;
  };
  struct Log {
    Index base;  // all of the log up to here is durable
    std::map<Index, Term> entries;
    void Take(const Issued& write);
  };
  struct Group {
    std::optional<Log> durable;  // none: nothing was written in this life
    std::deque<Issued> in_flight;
    std::optional<raft::HardState> durable_state;  // none: it has what was recovered
    std::optional<raft::HardState> issued_state;
    bool removed = false;  // what still leaves was made before
  };

  void CheckAcknowledged(const Group& group, const raft::GroupMessage& message);

  std::function<void(const std::string&)> violate_;
  std::map<GroupId, Group> groups_;
};

class PromiseStore final : public raft::LogStore {
 public:
  PromiseStore(std::unique_ptr<raft::LogStore> store, std::shared_ptr<DurablePromises> promises)
      : store_(std::move(store)), promises_(std::move(promises)) {}

  void Append(raft::GroupWrite write, Done<void> done) override;
  Status Admit(std::size_t bytes) const override { return store_->Admit(bytes); }
  std::size_t EntryBytesMax() const override { return store_->EntryBytesMax(); }
  std::optional<Instant> WriteSince() const override { return store_->WriteSince(); }
  void Read(GroupId group, Index first, Index last, std::size_t bytes_max,
            Done<std::vector<raft::Entry>> done) override {
    store_->Read(group, first, last, bytes_max, std::move(done));
  }
  Index FirstReadable(GroupId group) const override { return store_->FirstReadable(group); }
  void ReleaseTo(GroupId group, Index index) override { store_->ReleaseTo(group, index); }

 private:
  std::unique_ptr<raft::LogStore> store_;
  std::shared_ptr<DurablePromises> promises_;
};

class PromiseTransport final : public raft::Transport {
 public:
  PromiseTransport(BrokerId self, std::unique_ptr<raft::Transport> transport,
                   std::shared_ptr<DurablePromises> promises)
      : self_(self), transport_(std::move(transport)), promises_(std::move(promises)) {}

  void SetHandlers(FrameHandler on_frame, PeerHandler on_peer) override {
    transport_->SetHandlers(std::move(on_frame), std::move(on_peer));
  }
  bool Send(BrokerId to, raft::Lane lane, raft::Frame frame) override;
  void Reset(BrokerId peer, raft::Lane lane) override { transport_->Reset(peer, lane); }

 private:
  const BrokerId self_;
  std::unique_ptr<raft::Transport> transport_;
  std::shared_ptr<DurablePromises> promises_;
};

}  // namespace kronika::sim
