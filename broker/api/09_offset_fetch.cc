// OffsetFetch (key 9), versions 1-8: the offsets that groups have committed.
//
//   v1      one group, and its topics by name
//   v2      null topics: all that the group has; an error at the top
//   v7      require_stable: nothing is ever pending while there are no transactions
//   v8      many groups
//
// What is not there has offset -1 and no error, as has what was committed for a topic that had the
// name before. A quorum confirms the coordinator first (safety rule C1). A coordinator whose image
// is older than a commit for a topic that it does not know answers COORDINATOR_LOAD_IN_PROGRESS: an
// earlier coordinator knew the topic, and -1 would send the consumer back to the beginning.
#include "proto/kafka/offset_fetch.h"

#include <memory>

#include "base/planted.h"
#include "broker/api/group_answer.h"
#include "broker/api/lookup.h"
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

// What the map has, as far as this broker's image says whose it is.
class Reader {
 public:
  Reader(const GroupMap& map, const metadata::Image& image, std::string_view group)
      : map_(map), image_(image), group_(group) {}

  // Fills `to` with what was asked for; nothing in `asked` means everything. False: the image is
  // older than a commit, and cannot tell whether its topic still has the name.
  template <class Topics, class Asked>
  bool Fill(const std::optional<std::vector<Asked>>& asked, Topics& to) {
    if (!asked) return FillAll(to);
    using Topic = typename Topics::value_type;
    using Partition = typename decltype(Topic::partitions)::value_type;
    for (const auto& wanted : *asked) {
      Topic& topic = to.emplace_back();
      topic.name = wanted.name;
      const auto known = image_.FindTopic(wanted.name);
      for (const std::int32_t number : wanted.partition_indexes) {
        const auto* stored = map_.FindOffset({group_, topic.name, number});
        topic.partitions.push_back(ToPartition<Partition>(number, Live(known.get(), stored)));
      }
    }
    return !behind_;
  }

 private:
  template <class Topics>
  bool FillAll(Topics& to) {
    using Topic = typename Topics::value_type;
    using Partition = typename decltype(Topic::partitions)::value_type;
    for (const auto& [name, partitions] : map_.OffsetsOf(group_)) {
      const auto known = image_.FindTopic(name);
      Topic topic;
      topic.name = name;
      for (const auto& [number, stored] : partitions) {
        if (const auto* live = Live(known.get(), &stored))
          topic.partitions.push_back(ToPartition<Partition>(number, live));
      }
      if (!topic.partitions.empty()) to.push_back(std::move(topic));
    }
    return !behind_;
  }

  // Null: never committed, or for another topic of that name, or not to be told.
  const StoredOffset* Live(const metadata::Topic* topic, const StoredOffset* stored) {
    if (!stored) return nullptr;
    if (topic && (stored->topic == topic->id || KRONIKA_PLANTED("offsets-kept-by-name")))
      return stored;
    behind_ = behind_ || stored->metadata_index > image_.applied;
    return nullptr;
  }

  const GroupMap& map_;
  const metadata::Image& image_;
  const std::string group_;
  bool behind_ = false;
};

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
  // Into `to`, or why not.
  template <class Topics, class Asked>
  KafkaError Read(const GroupMap& map, std::string_view group,
                  const std::optional<std::vector<Asked>>& asked, Topics& to) const {
    const bool known = Reader(map, *services_.metadata->Image(), group).Fill(asked, to);
    if (known || KRONIKA_PLANTED("old-image-answers")) return KafkaError::kNone;
    to.clear();
    return KafkaError::kCoordinatorLoadInProgress;
  }

  void AnswerOne(KafkaError error, const GroupMap* map) {
    if (error == KafkaError::kNone)
      error = Read(*map, request_.group_id, request_.topics, response_.topics);
    if (error != KafkaError::kNone) {
      response_ = MakeErrorResponse(request_, error);
      if (reply_.version() >= kTopErrorFirstVersion) response_.topics.clear();
    }
    reply_(response_);
  }

  void SetGroup(std::size_t i, KafkaError error, const GroupMap* map) {
    auto& out = response_.groups[i];
    out.group_id = request_.groups[i].group_id;
    if (error == KafkaError::kNone)
      error = Read(*map, request_.groups[i].group_id, request_.groups[i].topics, out.topics);
    out.error_code = error;
    if (--waiting_ == 0) reply_(response_);
  }

  const Services& services_;
  const OffsetFetchRequest request_;
  Reply<OffsetFetchResponse> reply_;
  OffsetFetchResponse response_;
  std::size_t waiting_;
};

// A topic may stand more than once, with other partitions.
template <class Topics>
void DropRepeatedPartitions(std::optional<Topics>& asked) {
  if (!asked) return;
  std::set<std::pair<std::string_view, std::int32_t>> seen;
  for (auto& topic : *asked) {
    std::erase_if(topic.partition_indexes, [&](std::int32_t number) {
      return !seen.emplace(topic.name, number).second && !KRONIKA_PLANTED("repeats-answered");
    });
  }
}

void Answer(const Services& services, const RequestContext&, OffsetFetchRequest request,
            Reply<OffsetFetchResponse> reply) {
  DropRepeats(request.groups, [](const auto& asked) { return asked.group_id; });
  for (auto& group : request.groups) DropRepeatedPartitions(group.topics);
  DropRepeatedPartitions(request.topics);
  std::make_shared<FetchOffsets>(services, std::move(request), std::move(reply))->Start();
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(OffsetFetch, &broker::Answer)
