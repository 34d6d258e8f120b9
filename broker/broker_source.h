// BrokerSource: what the admin port tells of a broker: readiness, status and metrics, read from its
// parts at each request. On the broker's loop.
#pragma once

#include <string>

#include "broker/admin/routes.h"
#include "broker/broker.h"
#include "broker/server.h"

namespace kronika::broker {

class BrokerSource final : public admin::Source {
 public:
  // What is known before the broker exists.
  BrokerSource(BrokerId id, std::string version) : id_(id), version_(std::move(version)) {}

  // Each outlives this object's use, and may be missing.
  void Attach(const Server* server) { server_ = server; }
  void Attach(Broker* broker, std::string journal_io) {
    broker_ = broker;
    journal_io_ = std::move(journal_io);
  }
  void SetStopping() { stopping_ = true; }

  admin::Readiness Ready() const override;
  admin::BrokerStatus Describe() const override;
  void Collect(admin::MetricsText& out) const override;
  admin::HttpAnswer ReplaceBroker(BrokerId broker, const Uuid& directory) const override;

 private:
  bool running() const { return broker_ != nullptr && broker_->started(); }

  const BrokerId id_;
  const std::string version_;
  std::string journal_io_;
  const Server* server_ = nullptr;
  Broker* broker_ = nullptr;
  bool stopping_ = false;
};

}  // namespace kronika::broker
