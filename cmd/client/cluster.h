// Cluster: the brokers, topics and leaders as the cluster tells them, and one connection to each
// broker that was needed.
//
// One thread at a time; each thread of a command has its own. Whatever broker answers is asked; a
// broker that did not answer is asked last. Nothing is remembered of a broker's connection after an
// error on it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cmd/client/connection.h"
#include "proto/kafka/errors.h"

namespace kronika::client {

struct ClientOptions {
  std::vector<HostPort> brokers;         // where to ask first; at least one
  Milliseconds request_timeout{10'000};  // of one request, its connection included
  Milliseconds metadata_timeout{2'000};  // of asking one broker for the cluster's state
  Milliseconds retry_pause{100};         // between two attempts
  Milliseconds missing_patience{1'000};  // until a topic that brokers do not name is believed gone
  // Told before each pause, and while answers are due, why a call still waits; may be empty.
  std::function<void(const Error&)> waits;
};

// Brokers learn of a new topic one after the other: that one does not name it is believed once it
// was said for a while.
class MissingTopic {
 public:
  explicit MissingTopic(Milliseconds patience) : patience_(patience) {}
  // Whether DescribeTopic's `error` is final.
  bool Believed(const Error& error) {
    if (error.code != ErrorCode::kNotFound) return false;
    if (!until_) until_ = Now() + patience_;
    return Left(*until_) == Milliseconds(0);
  }

 private:
  Milliseconds patience_;
  std::optional<Moment> until_;
};

struct BrokerInfo {
  std::int32_t id = -1;
  HostPort address;
  std::string rack;
};

struct PartitionInfo {
  std::int32_t index = 0;
  std::int32_t leader = -1;
  std::int32_t leader_epoch = -1;
  std::vector<std::int32_t> replicas;
  std::vector<std::int32_t> in_sync;
  std::vector<std::int32_t> offline;
};

struct TopicInfo {
  std::string name;
  Uuid id;
  bool internal = false;
  kafka::KafkaError error = kafka::KafkaError::kNone;
  std::vector<PartitionInfo> partitions;  // by rising index
  const PartitionInfo* Find(std::int32_t partition) const;
};

struct ClusterInfo {
  std::string cluster_id;
  std::int32_t controller = -1;
  std::vector<BrokerInfo> brokers;  // by rising id
  std::vector<TopicInfo> topics;    // by name
};

// An error of the cluster as ours: code, Kafka's name, its meaning.
Error FromKafka(kafka::KafkaError error, std::string where, std::string_view detail = {});

class Cluster {
 public:
  explicit Cluster(ClientOptions options) : options_(std::move(options)) {}

  const ClientOptions& options() const { return options_; }
  // All topics, or (without making them) those named. Brokers that are learned here are connected
  // to by their id.
  Result<ClusterInfo> Describe(const std::optional<std::vector<std::string>>& topics);
  // One topic, its error as a result. kNotFound names the way out.
  Result<TopicInfo> DescribeTopic(const std::string& topic);
  // Until every partition has a leader that the cluster names. kTimedOut; kNotFound, as soon as
  // options().missing_patience is over.
  Result<TopicInfo> AwaitLeaders(const std::string& topic, Moment deadline);

  void TellWaiting(const Error& why) const {
    if (options_.waits) options_.waits(why);
  }
  // Before asking again what `why` was the answer to.
  void PauseAfter(const Error& why) const {
    TellWaiting(why);
    Pause(options_.retry_pause);
  }

  // The connection to a broker of the last Describe(); made if there is none.
  Result<Connection*> To(std::int32_t broker);
  void Drop(std::int32_t broker) { connections_.erase(broker); }
  const std::map<std::int32_t, BrokerInfo>& brokers() const { return brokers_; }

  // Asks brokers in turn until one answers.
  template <class Request>
  Result<typename Request::Response> CallAny(const Request& request, Milliseconds timeout) {
    Error last{ErrorCode::kUnavailable, "no broker is known"};
    for (const auto& address : Candidates()) {
      const Moment deadline = Now() + timeout;
      auto connection = AnyAt(address, deadline);
      if (connection) {
        auto answer = (*connection)->Call(request, deadline);
        if (answer) return answer;
        connection = std::unexpected(std::move(answer).error());
      }
      last = std::move(connection).error();
      GiveUpOn(address);
    }
    return std::unexpected(std::move(last));
  }

 private:
  std::vector<HostPort> Candidates() const;
  Result<Connection*> AnyAt(const HostPort& address, Moment deadline);
  void GiveUpOn(const HostPort& address);

  ClientOptions options_;
  std::map<std::int32_t, BrokerInfo> brokers_;
  std::map<std::int32_t, std::unique_ptr<Connection>> connections_;
  std::optional<Connection> any_;  // for what any broker answers
  std::vector<HostPort> silent_;   // did not answer lately; asked last
};

}  // namespace kronika::client
