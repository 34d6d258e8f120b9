// OffsetFetch (key 9), versions 1-8: the offsets that groups have committed.
//
//   v1      one group, and its topics by name
//   v2      null topics: all that the group has; an error at the top
//   v7      require_stable: nothing is ever pending while there are no transactions
//   v8      many groups
//
// What is not there has offset -1 and no error, as has what was committed for a topic that had the
// name before. A quorum confirms the coordinator first (safety rule C1).
#include "proto/kafka/offset_fetch.h"

#include <memory>

#include "base/planted.h"
#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::OffsetFetchRequest;
using kafka::OffsetFetchResponse;

constexpr std::int16_t kTopErrorFirstVersion = 2;
constexpr std::int16_t kManyFirstVersion = 8;

template <class Partition>
Partition ToPartition(std::int32_t number, const StoredOffset* stored) {
  Partition out;
  out.partition_index = number;
  out.committed_offset = stored ? stored->offset : -1;
  out.committed_leader_epoch = stored ? stored->leader_epoch : -1;
  out.metadata = stored ? stored->metadata : "";
  return out;
}

// Null: never committed, or for another topic of that name.
const StoredOffset* FindLive(const GroupMap& map, const metadata::Topic* topic,
                             const OffsetKey& key) {
  const StoredOffset* stored = topic ? map.FindOffset(key) : nullptr;
  const bool live =
      stored && (stored->topic == topic->id || KRONIKA_PLANTED("offsets-kept-by-name"));
  return live ? stored : nullptr;
}

// Fills `to` with what was asked for; nothing in `asked` means everything.
template <class Topics, class Asked>
void Fill(const GroupMap& map, const metadata::Image& image, const std::string& group,
          const std::optional<std::vector<Asked>>& asked, Topics& to) {
  using Topic = typename Topics::value_type;
  using Partition = typename decltype(Topic::partitions)::value_type;
  if (asked) {
    for (const auto& wanted : *asked) {
      Topic& topic = to.emplace_back();
      topic.name = wanted.name;
      const auto known = image.FindTopic(wanted.name);
      for (const std::int32_t number : wanted.partition_indexes) {
        topic.partitions.push_back(ToPartition<Partition>(
            number, FindLive(map, known.get(), {group, topic.name, number})));
      }
    }
    return;
  }
  for (const auto& [name, partitions] : map.OffsetsOf(group)) {
    const auto known = image.FindTopic(name);
    Topic topic;
    topic.name = name;
    for (const auto& [number, stored] : partitions) {
      if (const auto* live = FindLive(map, known.get(), {group, name, number}))
        topic.partitions.push_back(ToPartition<Partition>(number, live));
    }
    if (!topic.partitions.empty()) to.push_back(std::move(topic));
  }
}

// One request; every group's answer fills its part, the last one sends it.
class FetchOffsets : public std::enable_shared_from_this<FetchOffsets> {
 public:
  FetchOffsets(const Services& services, OffsetFetchRequest request,
               Reply<OffsetFetchResponse> reply)
      : services_(services),
        request_(std::move(request)),
        reply_(std::move(reply)),
        waiting_(request_.groups.size()) {}

  void Start() {
    if (reply_.version() < kManyFirstVersion) {
      return services_.groups->Confirmed(
          request_.group_id,
          [self = shared_from_this()](KafkaError error, const GroupMap* map, const Coordinator*) {
            self->AnswerOne(error, map);
          });
    }
    response_.groups.resize(request_.groups.size());
    if (waiting_ == 0) return reply_(response_);
    for (std::size_t i = 0; i < request_.groups.size(); ++i) {
      services_.groups->Confirmed(
          request_.groups[i].group_id,
          [self = shared_from_this(), i](KafkaError error, const GroupMap* map,
                                         const Coordinator*) { self->SetGroup(i, error, map); });
    }
  }

 private:
  void AnswerOne(KafkaError error, const GroupMap* map) {
    if (error != KafkaError::kNone) {
      response_ = MakeErrorResponse(request_, error);
      if (reply_.version() >= kTopErrorFirstVersion) response_.topics.clear();
      return reply_(response_);
    }
    Fill(*map, *services_.metadata->Image(), std::string(request_.group_id), request_.topics,
         response_.topics);
    reply_(response_);
  }

  void SetGroup(std::size_t i, KafkaError error, const GroupMap* map) {
    auto& out = response_.groups[i];
    out.group_id = request_.groups[i].group_id;
    out.error_code = error;
    if (error == KafkaError::kNone)
      Fill(*map, *services_.metadata->Image(), out.group_id, request_.groups[i].topics, out.topics);
    if (--waiting_ == 0) reply_(response_);
  }

  const Services& services_;
  const OffsetFetchRequest request_;
  Reply<OffsetFetchResponse> reply_;
  OffsetFetchResponse response_;
  std::size_t waiting_;
};

void Answer(const Services& services, const RequestContext&, OffsetFetchRequest request,
            Reply<OffsetFetchResponse> reply) {
  std::make_shared<FetchOffsets>(services, std::move(request), std::move(reply))->Start();
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(OffsetFetch, &broker::Answer)
