// What brokers ask the controller and each other, as bytes: the kinds of raft::Calls and their
// payloads.
//
// Pure; any thread. Little-endian; lists and texts are a u32 count and the items. Decoding trusts
// nothing (kCorruption). A payload is only ever read by a broker of a version that knows its kind.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "broker/partition_id.h"
#include "metadata/controller.h"
#include "metadata/records.h"

namespace kronika::broker {

enum class CallKind : std::uint32_t {
  kRegister = 1,             // records: one BrokerRegistered → nothing
  kCreateTopics = 2,         // CreateTopicsPayload → TopicResults
  kDeleteTopics = 3,         // DeleteTopicsPayload → TopicResults
  kAllocateProducerIds = 4,  // broker id → first id, count
  kReplaceBroker = 5,        // records: one BrokerReplaced → nothing
  kReportMembership = 6,     // records: one MembershipDone → nothing
  kLiveBrokers = 7,  // term, broker ids; from the controller to everybody; no answer is waited for
  // 8 is not used again: no version asks it.
  kReplaceReplica = 9,  // group, damaged replica → nothing
  // Broker, directory → incarnation in the metadata group; any broker answers, from its image.
  kWhoAmI = 10,
  // Partitions → their high watermarks; any leader answers, -1 for what it does not lead.
  kHighWatermarks = 11,
  // Partitions → a TransferAnswer each; any leader begins to hand over to the preferred replica.
  kElectPreferred = 12,
  kStopping = 13,  // nothing; to everybody, from a broker that is about to stop
};

// What a leader's broker says of handing a partition over.
enum class TransferAnswer : std::uint8_t {
  kStarted = 0,
  kBusy = 1,          // not now: it may be asked again
  kNotLeader = 2,     // it does not lead the partition
  kNotAvailable = 3,  // the preferred replica is not in sync, or its broker is down or stopping
};

// Without ids, which the controller draws.
struct CreateTopicsPayload {
  std::vector<metadata::TopicRequest> topics;
  bool validate_only = false;
};

// A result with the index at which it is applied (0: nothing was proposed).
struct TopicResults {
  Index applied;
  std::vector<metadata::TopicResult> results;
};

struct LiveBrokers {
  Term term;
  std::vector<BrokerId> brokers;
};

struct ProducerIdBlock {
  std::int64_t first = 0;
  std::int32_t count = 0;
};

std::string EncodeCreateTopics(const CreateTopicsPayload& payload);
Result<CreateTopicsPayload> DecodeCreateTopics(Bytes bytes);
std::string EncodeDeleteTopics(const std::vector<metadata::DeleteRequest>& requests);
Result<std::vector<metadata::DeleteRequest>> DecodeDeleteTopics(Bytes bytes);
std::string EncodeTopicResults(const TopicResults& results);
Result<TopicResults> DecodeTopicResults(Bytes bytes);
std::string EncodeLiveBrokers(const LiveBrokers& live);
Result<LiveBrokers> DecodeLiveBrokers(Bytes bytes);
std::string EncodePartitions(const std::vector<PartitionId>& partitions);
Result<std::vector<PartitionId>> DecodePartitions(Bytes bytes);
std::string EncodeWatermarks(const std::vector<std::int64_t>& watermarks);
Result<std::vector<std::int64_t>> DecodeWatermarks(Bytes bytes);
std::string EncodeTransferAnswers(const std::vector<TransferAnswer>& answers);
Result<std::vector<TransferAnswer>> DecodeTransferAnswers(Bytes bytes);
std::string EncodeProducerIdBlock(const ProducerIdBlock& block);
Result<ProducerIdBlock> DecodeProducerIdBlock(Bytes bytes);

}  // namespace kronika::broker
