#include "broker/cluster/calls.h"

#include <cstring>

#include "base/bytes.h"

namespace kronika::broker {
namespace {

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(ErrorCode::kCorruption, "a malformed call: " + std::string(what));
}

void Put(LeWriter& out, const Uuid& id) {
  out.Raw(std::as_bytes(std::span(id.bytes)));
}

Uuid GetUuid(LeReader& in) {
  Uuid out;
  Bytes bytes = in.Take(out.bytes.size());
  if (bytes.size() == out.bytes.size()) std::memcpy(out.bytes.data(), bytes.data(), bytes.size());
  return out;
}

std::string GetText(LeReader& in) {
  return std::string(AsText(in.Blob()));
}

// Reads `count` items, one after the other, as long as there are bytes for them.
template <class Item, class Read>
void GetList(LeReader& in, std::vector<Item>& to, Read read) {
  auto count = in.Int<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) to.push_back(read());
}

void PutConfig(LeWriter& out, const std::pair<std::string, std::optional<std::string>>& config) {
  out.Blob(config.first)
      .Int(static_cast<std::uint8_t>(config.second.has_value()))
      .Blob(config.second.value_or(""));
}

std::pair<std::string, std::optional<std::string>> GetConfig(LeReader& in) {
  std::pair<std::string, std::optional<std::string>> out;
  out.first = GetText(in);
  bool set = in.Int<std::uint8_t>() != 0;
  std::string value = GetText(in);
  if (set) out.second = std::move(value);
  return out;
}

template <class T>
Result<T> Whole(const LeReader& in, T value, std::string_view what) {
  if (!in.ok() || in.left() != 0) return Malformed(what);
  return value;
}

}  // namespace

std::string EncodeCreateTopics(const CreateTopicsPayload& payload) {
  LeWriter out;
  out.Int(static_cast<std::uint8_t>(payload.validate_only))
      .Int(static_cast<std::uint32_t>(payload.topics.size()));
  for (const auto& topic : payload.topics) {
    out.Blob(topic.name)
        .Int(topic.partitions)
        .Int(topic.replication_factor)
        .Int(static_cast<std::uint32_t>(topic.assignment.size()));
    for (const auto& replicas : topic.assignment) {
      out.Int(static_cast<std::uint32_t>(replicas.size()));
      for (BrokerId broker : replicas) out.Int(broker.value);
    }
    out.Int(static_cast<std::uint32_t>(topic.configs.size()));
    for (const auto& config : topic.configs) PutConfig(out, config);
  }
  return out.Take();
}

Result<CreateTopicsPayload> DecodeCreateTopics(Bytes bytes) {
  LeReader in(bytes);
  CreateTopicsPayload out;
  out.validate_only = in.Int<std::uint8_t>() != 0;
  GetList(in, out.topics, [&] {
    metadata::TopicRequest topic;
    topic.name = GetText(in);
    topic.partitions = in.Int<std::int32_t>();
    topic.replication_factor = in.Int<std::int32_t>();
    GetList(in, topic.assignment, [&] {
      std::vector<BrokerId> replicas;
      GetList(in, replicas, [&] { return BrokerId{in.Int<std::int32_t>()}; });
      return replicas;
    });
    GetList(in, topic.configs, [&] { return GetConfig(in); });
    return topic;
  });
  return Whole(in, std::move(out), "create topics");
}

std::string EncodeDeleteTopics(const std::vector<metadata::DeleteRequest>& requests) {
  LeWriter out;
  out.Int(static_cast<std::uint32_t>(requests.size()));
  for (const auto& request : requests) {
    out.Blob(request.name);
    Put(out, request.id);
    out.Int(request.highest_leader_epoch.value);
  }
  return out.Take();
}

Result<std::vector<metadata::DeleteRequest>> DecodeDeleteTopics(Bytes bytes) {
  LeReader in(bytes);
  std::vector<metadata::DeleteRequest> out;
  GetList(in, out, [&] {
    metadata::DeleteRequest request;
    request.name = GetText(in);
    request.id = GetUuid(in);
    request.highest_leader_epoch = Term{in.Int<std::uint64_t>()};
    return request;
  });
  return Whole(in, std::move(out), "delete topics");
}

std::string EncodeTopicResults(const TopicResults& results) {
  LeWriter out;
  out.Int(results.applied.value).Int(static_cast<std::uint32_t>(results.results.size()));
  for (const auto& result : results.results) {
    out.Blob(result.name);
    Put(out, result.id);
    out.Int(result.partitions).Int(result.replication_factor);
    out.Int(static_cast<std::uint8_t>(result.refusal.has_value()));
    if (!result.refusal) continue;
    out.Int(static_cast<std::uint8_t>(result.refusal->code)).Blob(result.refusal->text);
  }
  return out.Take();
}

Result<TopicResults> DecodeTopicResults(Bytes bytes) {
  LeReader in(bytes);
  TopicResults out;
  bool known = true;
  out.applied = Index{in.Int<std::uint64_t>()};
  GetList(in, out.results, [&] {
    metadata::TopicResult result;
    result.name = GetText(in);
    result.id = GetUuid(in);
    result.partitions = in.Int<std::int32_t>();
    result.replication_factor = in.Int<std::int32_t>();
    if (in.Int<std::uint8_t>() == 0) return result;
    auto code = in.Int<std::uint8_t>();
    known = known && code <= static_cast<std::uint8_t>(metadata::RefusalCode::kPolicyViolation);
    result.refusal = metadata::Refusal{static_cast<metadata::RefusalCode>(code), GetText(in)};
    return result;
  });
  if (!known) return Malformed("an unknown refusal");
  return Whole(in, std::move(out), "topic results");
}

std::string EncodeLiveBrokers(const LiveBrokers& live) {
  LeWriter out;
  out.Int(live.term.value).Int(static_cast<std::uint32_t>(live.brokers.size()));
  for (BrokerId broker : live.brokers) out.Int(broker.value);
  return out.Take();
}

Result<LiveBrokers> DecodeLiveBrokers(Bytes bytes) {
  LeReader in(bytes);
  LiveBrokers out{.term = Term{in.Int<std::uint64_t>()}};
  GetList(in, out.brokers, [&] { return BrokerId{in.Int<std::int32_t>()}; });
  return Whole(in, std::move(out), "live brokers");
}

std::string EncodePartitions(const std::vector<PartitionId>& partitions) {
  LeWriter out;
  out.Int(static_cast<std::uint32_t>(partitions.size()));
  for (const auto& each : partitions) {
    Put(out, each.topic);
    out.Int(each.number);
  }
  return out.Take();
}

Result<std::vector<PartitionId>> DecodePartitions(Bytes bytes) {
  LeReader in(bytes);
  std::vector<PartitionId> out;
  GetList(in, out, [&] {
    const Uuid topic = GetUuid(in);
    return PartitionId{topic, in.Int<std::int32_t>()};
  });
  return Whole(in, std::move(out), "partitions");
}

std::string EncodeWatermarks(const std::vector<std::int64_t>& watermarks) {
  LeWriter out;
  out.Int(static_cast<std::uint32_t>(watermarks.size()));
  for (const auto each : watermarks) out.Int(each);
  return out.Take();
}

Result<std::vector<std::int64_t>> DecodeWatermarks(Bytes bytes) {
  LeReader in(bytes);
  std::vector<std::int64_t> out;
  GetList(in, out, [&] { return in.Int<std::int64_t>(); });
  return Whole(in, std::move(out), "high watermarks");
}

std::string EncodeTransferAnswers(const std::vector<TransferAnswer>& answers) {
  LeWriter out;
  out.Int(static_cast<std::uint32_t>(answers.size()));
  for (const auto each : answers) out.Int(std::to_underlying(each));
  return out.Take();
}

Result<std::vector<TransferAnswer>> DecodeTransferAnswers(Bytes bytes) {
  LeReader in(bytes);
  std::vector<std::uint8_t> codes;
  GetList(in, codes, [&] { return in.Int<std::uint8_t>(); });
  std::vector<TransferAnswer> out;
  for (const auto code : codes) {
    if (code > std::to_underlying(TransferAnswer::kNotAvailable)) return Malformed("transfers");
    out.push_back(TransferAnswer{code});
  }
  return Whole(in, std::move(out), "transfers");
}

std::string EncodeProducerIdBlock(const ProducerIdBlock& block) {
  LeWriter out;
  out.Int(block.first).Int(block.count);
  return out.Take();
}

Result<ProducerIdBlock> DecodeProducerIdBlock(Bytes bytes) {
  LeReader in(bytes);
  ProducerIdBlock out{.first = in.Int<std::int64_t>()};
  out.count = in.Int<std::int32_t>();
  return Whole(in, out, "producer ids");
}

}  // namespace kronika::broker
