// Membership: how this broker takes its place in the cluster: says who it is until the image shows
// it, keeps the peers' addresses, and spreads who is alive. On the worker's loop. Nothing in
// start-up waits for any of it (decision D14).
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/log.h"
#include "broker/cluster/controller_link.h"
#include "broker/cluster/controller_service.h"
#include "broker/cluster/leadership.h"
#include "metadata/observer.h"
#include "raft/group_manager.h"

namespace kronika::broker {

class ClusterMembership final : public metadata::Observer {
 public:
  struct Environment {
    Loop& loop;
    Log& log;
    raft::GroupManager& groups;
    ControllerLink& controller;
    ControllerService& service;
    Leadership& leadership;
    metadata::BrokerRegistered self;
    // A broker's address is (perhaps newly) known.
    std::function<void(BrokerId, const HostPort&)> peer_address;
  };

  explicit ClusterMembership(Environment environment) : environment_(std::move(environment)) {}
  ~ClusterMembership() override;

  void Start(const metadata::ImagePtr& image);
  // Before the groups end, as the metadata group has the controller in it.
  void Stop() { environment_.loop.Cancel(timer_); }
  void OnImage(const metadata::ImagePtr& image, const metadata::Delta& delta) override;
  bool registered() const { return registered_; }
  // Every broker that the controller calls live has once said what it leads, so that clients do not
  // hear here of partitions without a leader that others name; or it did not for some seconds, as
  // over a link that is cut. Once true, always true.
  bool KnowsLeaders();

 private:
  void Register();
  void OnTimer();
  void LearnPeers(const metadata::Image& image);

  Environment environment_;
  TimerId timer_;
  bool registered_ = false;
  bool knows_leaders_ = false;
  std::optional<Instant> leaders_awaited_since_;
  bool asking_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::broker
