// Services: everything that the Kafka handlers use of the broker. Handlers keep no state of their
// own.
//
// One broker's loop. All of it outlives the dispatcher.
#pragma once

#include <cstdint>

#include "base/ids.h"
#include "base/log.h"
#include "base/loop.h"
#include "broker/admin_forwarder.h"
#include "broker/leadership_view.h"
#include "broker/partition/partition.h"
#include "metadata/broker_configs.h"
#include "metadata/config_definition.h"
#include "metadata/image.h"

namespace kronika::broker {

// The newest metadata image of this broker; never null.
class MetadataView {
 public:
  virtual ~MetadataView() = default;
  virtual metadata::ImagePtr Image() const = 0;
};

class TopicCreator;
class GroupCoordinator;

struct Services {
  BrokerId broker = kNoBroker;
  Loop* loop = nullptr;
  Log* log = nullptr;
  const MetadataView* metadata = nullptr;
  const LeadershipView* leadership = nullptr;
  Partitions* partitions = nullptr;
  AdminForwarder* admin = nullptr;
  TopicCreator* creator = nullptr;
  GroupCoordinator* groups = nullptr;
  metadata::BrokerSettings settings = {};
  metadata::ConfigMap topic_defaults = {};
  metadata::ConfigMap broker_configs = {};
};

}  // namespace kronika::broker
