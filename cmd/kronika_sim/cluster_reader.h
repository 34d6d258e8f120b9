// Live consumers of the simulated cluster.
//
// A reader follows one log by long-poll fetches, from its leader or from one replica: what it is
// shown is dense, stays as it is for ever, and lies below the high watermark, which never goes back
// on one connection; an answer is never empty below the high watermark.
// A prober asks the leader for the end of the log and then for a record: the end that a leader
// names lies behind everything that was acknowledged or shown before it was asked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cmd/kronika_sim/cluster_client.h"
#include "proto/kafka/fetch.h"
#include "proto/kafka/list_offsets.h"

namespace kronika::sim {

struct ReaderPlan {
  std::string topic;
  Uuid topic_id;
  std::int32_t partition = 0;
  BrokerId replica = kNoBroker;   // none: the leader
  bool by_id = false;             // a broker that is behind may still mean another by the name
  std::int32_t epoch_floor = -1;  // a predecessor of the topic had this leader epoch
};

class SimReader {
 public:
  SimReader(ClientWorld& world, ReaderPlan plan, std::uint64_t number);
  void Start() { RetryLater(); }
  void Stop();
  std::int64_t next() const { return next_; }
  const ReaderPlan& plan() const { return plan_; }
  std::string Describe() const;

 private:
  void Fetch();
  void Answered(BrokerId from, std::uint64_t link, Result<kafka::FetchResponse> answer);
  std::string Take(const kafka::FetchResponsePartition& partition);
  void RetryLater();

  SimClient client_;
  const ReaderPlan plan_;
  const std::int16_t version_;
  std::int64_t next_ = 0;
  std::uint64_t high_watermark_link_ = 0;
  std::int64_t high_watermark_ = -1;
  std::string last_failure_;
  TimerId timer_;
};

class SimProber {
 public:
  SimProber(ClientWorld& world, ReaderPlan plan, std::uint64_t number);
  void Start() { AskLater(); }
  void Stop();

 private:
  void AskLater();
  void AskEnd();
  void TakeEnd(BrokerId leader, std::int64_t floor, Result<kafka::ListOffsetsResponse> answer);
  void AskRecord(BrokerId leader, std::int32_t epoch, std::int64_t offset);
  void TakeRecord(std::int64_t offset, Result<kafka::FetchResponse> answer);

  SimClient client_;
  const ReaderPlan plan_;
  TimerId timer_;
};

}  // namespace kronika::sim
