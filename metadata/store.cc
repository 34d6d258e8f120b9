#include "metadata/store.h"

#include <fmt/format.h>

#include <map>

#include "base/bytes.h"
#include "metadata/codec.h"
#include "metadata/delta.h"

namespace kronika::metadata {
namespace {

constexpr std::string_view kState = "state";
constexpr std::string_view kReplica = "replica";
constexpr std::string_view kCarriedOut = "carried-out";
constexpr std::string_view kBroker = "broker/";
constexpr std::string_view kTopic = "topic/";
constexpr std::string_view kPartition = "partition/";
constexpr std::string_view kConfig = "config/";

std::unexpected<Error> Corrupt(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "metadata store");
}

std::string Key(std::string_view kind, std::string_view id) {
  return std::string(kStorePrefix) + std::string(kind) + std::string(id);
}

// Big-endian, so that the store's order is the numbers' order.
std::string NumberKey(std::string_view kind, std::uint32_t number) {
  std::byte raw[sizeof number];
  StoreBe(raw, number);
  return Key(kind, AsText(raw));
}

std::string BrokerKey(BrokerId id) {
  return NumberKey(kBroker, static_cast<std::uint32_t>(id.value));
}
std::string PartitionKey(GroupId group) {
  return NumberKey(kPartition, group.value);
}
std::string TopicKey(const Uuid& id) {
  return Key(kTopic, AsText(std::as_bytes(std::span(id.bytes))));
}
std::string ConfigKey(const std::pair<std::string, std::string>& config) {
  return Key(kConfig, config.first + "/" + config.second);  // a broker id has no slash
}

// Gathers the parts of an image until they can be put together.
class Loader {
 public:
  Status Take(std::string_view key, std::string_view value) {
    if (!key.starts_with(kStorePrefix)) return Corrupt("a foreign key");
    key.remove_prefix(kStorePrefix.size());
    const Bytes bytes = AsBytes(value);
    if (key == kState) {
      seen_state_ = true;
      return DecodeState(bytes, *image_);
    }
    if (key == kReplica || key == kCarriedOut) return {};
    if (key.starts_with(kBroker)) return TakeBroker(bytes);
    if (key.starts_with(kTopic)) return TakeTopic(key.substr(kTopic.size()), bytes);
    if (key.starts_with(kPartition)) return TakePartition(key.substr(kPartition.size()), bytes);
    if (key.starts_with(kConfig)) return TakeConfig(key.substr(kConfig.size()), value);
    return Corrupt(fmt::format("an unknown key of {} bytes", key.size()));
  }

  Result<ImagePtr> Finish() {
    if (!seen_state_) return Corrupt("the state is missing");
    for (auto& [id, topic] : topics_) {
      if (topic->name.empty()) return Corrupt("partitions without their topic");
      for (const auto& partition : topic->partitions) {
        if (!partition) return Corrupt(fmt::format("topic {} lacks a partition", topic->name));
        image_->groups.Set(partition->group, {.topic = id, .partition = partition->number});
      }
      if (image_->topic_names.Find(topic->name))
        return Corrupt(fmt::format("topic {} is there twice", topic->name));
      image_->topic_names.Set(topic->name, id);
      image_->topics.Set(id, std::move(topic));
    }
    return ImagePtr(std::move(image_));
  }

 private:
  Status TakeBroker(Bytes bytes) {
    auto broker = DecodeBroker(bytes);
    if (!broker) return std::unexpected(std::move(broker).error());
    const BrokerId id = broker->id;
    image_->brokers.Set(id, std::move(*broker));
    return {};
  }

  // Topics come before partitions, whatever order the pairs are in.
  std::shared_ptr<Topic>& TopicOf(const Uuid& id) {
    auto& topic = topics_[id];
    if (!topic) topic = std::make_shared<Topic>();
    return topic;
  }

  Status TakeTopic(std::string_view key, Bytes bytes) {
    Uuid id;
    if (key.size() != id.bytes.size()) return Corrupt("a topic's key");
    std::memcpy(id.bytes.data(), key.data(), key.size());
    auto decoded = DecodeTopic(bytes);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    auto& topic = TopicOf(id);
    std::vector<PartitionPtr> partitions = std::move(topic->partitions);
    if (partitions.size() > decoded->partitions || decoded->partitions > kPartitionsMax) {
      return Corrupt("a topic has other partitions than it says");
    }
    partitions.resize(decoded->partitions);
    *topic = std::move(decoded->topic);
    topic->id = id;
    topic->partitions = std::move(partitions);
    return {};
  }

  Status TakePartition(std::string_view key, Bytes bytes) {
    if (key.size() != sizeof(std::uint32_t)) return Corrupt("a partition's key");
    auto decoded = DecodePartition(bytes);
    if (!decoded) return std::unexpected(std::move(decoded).error());
    decoded->partition.group = {LoadBe<std::uint32_t>(AsBytes(key).data())};
    const auto number = static_cast<std::size_t>(decoded->partition.number);
    auto& topic = TopicOf(decoded->topic);
    if (number >= kPartitionsMax) return Corrupt("a partition's number");
    if (topic->name.empty() && topic->partitions.size() <= number)
      topic->partitions.resize(number + 1);
    if (topic->partitions.size() <= number || topic->partitions[number]) {
      return Corrupt("a topic has other partitions than it says");
    }
    topic->partitions[number] = std::make_shared<const Partition>(std::move(decoded->partition));
    return {};
  }

  Status TakeConfig(std::string_view key, std::string_view value) {
    const auto slash = key.find('/');
    if (slash == std::string_view::npos) return Corrupt("a config's key");
    image_->broker_configs.Set(
        {std::string(key.substr(0, slash)), std::string(key.substr(slash + 1))},
        std::string(value));
    return {};
  }

  static constexpr std::size_t kPartitionsMax = 1'000'000;
  std::shared_ptr<Image> image_ = std::make_shared<Image>();
  std::map<Uuid, std::shared_ptr<Topic>> topics_;
  bool seen_state_ = false;
};

}  // namespace

Pairs Dump(const Image& image) {
  KvBatch batch;
  AddChanges(Image{}, image, batch);
  Pairs pairs;
  for (auto& op : batch.ops) pairs.emplace_back(std::move(op.key), std::move(*op.value));
  return pairs;
}

Result<ImagePtr> LoadImage(const Pairs& pairs) {
  Loader loader;
  for (const auto& [key, value] : pairs) KRONIKA_TRY(loader.Take(key, value));
  return loader.Finish();
}

void AddChanges(const Image& before, const Image& after, KvBatch& batch) {
  const Delta delta = Diff(before, after);
  batch.Put(Key(kState, ""), EncodeState(after));
  for (const auto id : delta.brokers) {
    const Broker* broker = after.FindBroker(id);
    broker ? batch.Put(BrokerKey(id), EncodeBroker(*broker)) : batch.Delete(BrokerKey(id));
  }
  for (const auto& [topic_before, topic_after] : delta.topics) {
    topic_after ? batch.Put(TopicKey(topic_after->id), EncodeTopic(*topic_after))
                : batch.Delete(TopicKey(topic_before->id));
  }
  for (const auto& change : delta.groups) {
    const PartitionPtr& partition = change.after.partition;
    partition ? batch.Put(PartitionKey(partition->group),
                          EncodePartition(change.after.topic->id, *partition))
              : batch.Delete(PartitionKey(change.before.partition->group));
  }
  for (const auto& config : delta.broker_configs) {
    const std::string* value = after.broker_configs.Find(config);
    value ? batch.Put(ConfigKey(config), *value) : batch.Delete(ConfigKey(config));
  }
}

std::string EncodePairs(const Pairs& pairs) {
  LeWriter out;
  out.Int(static_cast<std::uint32_t>(pairs.size()));
  for (const auto& [key, value] : pairs) out.Blob(key).Blob(value);
  return out.Take();
}

Result<Pairs> DecodePairs(Bytes bytes) {
  LeReader in(bytes);
  Pairs pairs;
  const auto count = in.Int<std::uint32_t>();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    const Bytes key = in.Blob();
    const Bytes value = in.Blob();
    pairs.emplace_back(AsText(key), AsText(value));
  }
  if (!in.ok() || in.left() != 0) return Corrupt("a chunk of pairs does not decode");
  return pairs;
}

std::string ReplicaKey() {
  return Key(kReplica, "");
}

std::string CarriedOutKey() {
  return Key(kCarriedOut, "");
}

std::string EncodeIndex(Index index) {
  LeWriter out;
  return out.Int(index.value).Take();
}

Index DecodeIndex(Bytes bytes) {
  return {LeReader(bytes).Int<std::uint64_t>()};
}

}  // namespace kronika::metadata
