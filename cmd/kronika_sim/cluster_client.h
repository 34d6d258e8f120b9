// A Kafka client of the simulated cluster: frames over wires to brokers, answers in order, and what
// it knows of leaders.
//
// One thread, on the clients' loop. 1. A request that is not answered in time ends its connection,
// and with it every request on it: as stock clients do. 2. Answers that do not decode, or come to
// another request, are violations. 3. After Stop() nothing is called back.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "cmd/kronika_sim/cluster_oracle.h"
#include "cmd/kronika_sim/cluster_wire.h"
#include "cmd/kronika_sim/run_seeds.h"
#include "proto/kafka/frame.h"
#include "proto/kafka/metadata.h"

namespace kronika::sim {

// What all clients of one world share.
struct ClientWorld {
  SimLoop& loop;
  Rng& rng;
  SimWires& wires;
  Oracle& oracle;
  SeedReport& report;
  std::size_t batch_bytes_max;  // that the brokers' journals take
  std::int32_t brokers = 3;
  bool keyed = false;  // there is a compacted topic

  void Count(const std::string& name) const { ++report.counts[name]; }
  void Violation(const std::string& what) const {
    if (report.violation.empty()) report.violation = what;
  }
  // A version of [first, last], by the seed.
  std::int16_t Version(std::int16_t first, std::int16_t last) const {
    return static_cast<std::int16_t>(first +
                                     rng.Below(static_cast<std::uint64_t>(last - first + 1)));
  }
  BrokerId AnyBroker() const {
    return BrokerId{static_cast<std::int32_t>(1 + rng.Below(static_cast<std::uint64_t>(brokers)))};
  }
};

struct KnownLeader {
  BrokerId broker = kNoBroker;
  std::int32_t epoch = -1;
};

class SimClient {
 public:
  static constexpr Duration kPatience = std::chrono::milliseconds(1500);

  SimClient(ClientWorld& world, std::string name);
  ~SimClient() { Stop(); }

  template <class Request>
  void Ask(BrokerId to, const Request& request, std::int16_t version,
           std::function<void(Result<typename Request::Response>)> done);
  // Asks a random broker who leads the topic; `done` also when that failed.
  void Refresh(const std::string& topic, Thunk done);
  // As of the last Refresh of its topic.
  KnownLeader Leader(std::int32_t partition) const;
  // Zero: no broker has named the topic yet, or it is gone.
  const Uuid& topic_id() const { return topic_id_; }
  kafka::KafkaError topic_error() const { return topic_error_; }
  // The number of the connection that the next request to `broker` takes; connected if it was not.
  std::uint64_t Connect(BrokerId broker);
  void Stop();
  ClientWorld& world() { return world_; }
  const std::string& name() const { return name_; }

 private:
  using Answer = std::function<void(Result<Slice> frame)>;
  struct Pending {
    std::int32_t correlation = 0;
    Answer answer;
    TimerId timer;
  };
  struct Link {
    std::uint64_t number = 0;
    std::shared_ptr<SimWire> wire;
    std::deque<Pending> pending;
  };
  const std::shared_ptr<Link>& LinkTo(BrokerId broker);
  void SendFrame(BrokerId to, std::int32_t correlation, const Slices& frame, Answer answer);
  void OnFrame(const std::shared_ptr<Link>& link, Slice frame);
  void Lose(BrokerId broker, const std::shared_ptr<Link>& link, ErrorCode code);

  ClientWorld& world_;
  const std::string name_;
  const std::int16_t metadata_version_;
  std::map<BrokerId, std::shared_ptr<Link>> links_;
  std::map<std::int32_t, KnownLeader> leaders_;
  Uuid topic_id_;
  kafka::KafkaError topic_error_ = kafka::KafkaError::kNone;
  std::int32_t last_correlation_ = 0;
  std::uint64_t last_link_ = 0;
  bool stopped_ = false;
};

template <class Request>
void SimClient::Ask(BrokerId to, const Request& request, std::int16_t version,
                    std::function<void(Result<typename Request::Response>)> done) {
  const std::int32_t correlation = ++last_correlation_;
  auto frame = kafka::EncodeRequest(
      request, {.version = version, .correlation_id = correlation, .client_id = name_});
  SendFrame(
      to, correlation, frame,
      [this, version, correlation, done = std::move(done)](Result<Slice> answer) {
        if (!answer) return done(std::unexpected(answer.error()));
        auto split = kafka::SplitResponse(*answer, kafka::GetApi(Request::kApiKey), version);
        if (!split || split->header.correlation_id != correlation) {
          return world_.Violation(std::string(Request::kName) +
                                  " is answered with another request's or no whole header");
        }
        auto response = Request::Response::Decode(split->body, version);
        if (!response) {
          return world_.Violation(std::string(Request::kName) +
                                  " has an undecodable answer: " + response.error().Describe());
        }
        done(std::move(*response));
      });
}

}  // namespace kronika::sim
