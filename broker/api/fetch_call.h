// FetchCall: one Fetch under way: reads its partitions in order, answers, or waits at them and
// reads again.
//
//   read all ──enough, error, or time over──> answer
//      ^  └──too little──> wait at every partition ──enough bytes more / a change / time over──┐
//      └───────────────────────────────────────────────────────────────────────────────────────┘
//
// The broker's loop. Invariants:
// 1. It joins the partitions' wait lists before it reads, so that nothing that is appended
//    meanwhile is missed.
// 2. Being woken costs a count; the second read is posted once, however many appends a turn brings.
// 3. At most `max_bytes` are answered (and fetch.max.bytes), except that the first batch found is
//    given whole.
// 4. It ends with its connection, and answers what there is when memory for requests is short.
//
// Source: Kafka's fetch semantics (limits, minimum bytes, order of partitions as the client gave
// it).
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "broker/partition/wait_list.h"
#include "broker/request.h"
#include "broker/services.h"
#include "proto/kafka/fetch.h"

namespace kronika::broker {

class FetchCall : public std::enable_shared_from_this<FetchCall> {
 public:
  static void Start(const Services& services, const RequestContext& context,
                    const kafka::FetchRequest& request, Reply<kafka::FetchResponse> reply);

  FetchCall(const Services& services, const RequestContext& context,
            const kafka::FetchRequest& request, Reply<kafka::FetchResponse> reply);

 private:
  // One place in a partition's wait list, or in the connection's.
  class Place final : public Waiter {
   public:
    explicit Place(FetchCall* call) : call_(call) {}
    void OnAppended(std::uint64_t bytes) override { call_->OnGrown(bytes); }
    void OnChanged() override { call_->OnChanged(); }

   private:
    FetchCall* const call_;
  };
  class ConnectionPlace final : public Waiter {
   public:
    explicit ConnectionPlace(FetchCall* call) : call_(call) {}
    void OnAppended(std::uint64_t) override { call_->Hurry(); }
    void OnChanged() override { call_->Drop(); }

   private:
    FetchCall* const call_;
  };

  struct Target {
    Uuid topic;
    KafkaError error = KafkaError::kNone;  // known before anything is read
    std::int32_t partition = 0;
    std::int32_t leader_epoch = -1;  // the client's
    std::int64_t offset = 0;
    std::size_t bytes_max = 0;
    kafka::FetchResponse::Partition* out = nullptr;  // in response_
  };

  void AddTargets(const kafka::FetchRequest& request);
  void ReadAll();
  void ReadOn();
  void ReadOne(Target& target);
  void OnRead(Target& target, ReadResult result);
  void Refuse(Target& target, KafkaError error);
  void OnAllRead();
  void OnGrown(std::uint64_t bytes);
  void OnChanged();
  void Hurry();
  void ReadAgainSoon();
  void OnTimeOver();
  void Finish();
  void Drop();

  const Services& services_;
  const RequestContext context_;
  Reply<kafka::FetchResponse> reply_;
  kafka::FetchResponse response_;
  const Isolation isolation_;
  const std::size_t bytes_max_;
  const std::size_t bytes_min_;
  const Instant deadline_;
  std::vector<Target> targets_;
  std::deque<Place> places_;  // at the targets that can be waited for
  ConnectionPlace connection_place_{this};
  TimerId timer_;

  std::size_t reading_ = 0;  // the target whose turn it is
  bool read_done_ = false;   // its completion ran inside the call
  bool in_read_on_ = false;
  std::size_t bytes_read_ = 0;     // in this round
  std::uint64_t bytes_grown_ = 0;  // since this round began
  bool must_answer_ = false;       // this round is the last: an error, a change, or no time left
  bool changed_ = false;           // a partition said so; the next round is the last
  bool is_parked_ = false;
  bool read_is_posted_ = false;
  bool finished_ = false;
};

}  // namespace kronika::broker
