// OffsetDelete (key 47), version 0: offsets of a group go that nobody in it subscribes to.
//
// A partition that does not exist is UNKNOWN_TOPIC_OR_PARTITION; a topic in use is
// GROUP_SUBSCRIBED_TO_TOPIC; a group with members of another kind than
// consumers is NON_EMPTY_GROUP.
#include "proto/kafka/offset_delete.h"

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::OffsetDeleteRequest;
using kafka::OffsetDeleteResponse;

void Answer(const Services& services, const RequestContext&, OffsetDeleteRequest request,
            Reply<OffsetDeleteResponse> reply) {
  OffsetDeleteResponse response = MakeErrorResponse(request, KafkaError::kNone);
  DeleteOffsetsCall call{.group = std::string(request.group_id), .partitions = {}};
  const auto image = services.metadata->Image();
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto topic = image->FindTopic(request.topics[t].name);
    for (std::size_t p = 0; p < request.topics[t].partitions.size(); ++p) {
      const std::int32_t number = request.topics[t].partitions[p].partition_index;
      const bool known =
          topic && number >= 0 && static_cast<std::size_t>(number) < topic->partitions.size();
      if (known) {
        call.partitions.emplace_back(request.topics[t].name, number);
      } else {
        response.topics[t].partitions[p].error_code = KafkaError::kUnknownTopicOrPartition;
      }
    }
  }
  auto done = [response = std::move(response),
               reply = std::move(reply)](GroupAnswer answer) mutable {
    const ManyAnswer many = Unpack<ManyAnswer>(answer);
    response.error_code = many.error;
    if (many.error != KafkaError::kNone) response.topics.clear();
    std::size_t next = 0;
    for (auto& topic : response.topics) {
      for (auto& partition : topic.partitions) {
        if (partition.error_code == KafkaError::kNone && next < many.each.size())
          partition.error_code = many.each[next++];
      }
    }
    reply(response);
  };
  services.groups->CallInTime(
      request.group_id,
      [call = std::move(call)](Coordinator& coordinator, Ticket ticket, GroupTime now) mutable {
        coordinator.DeleteOffsets(ticket, std::move(call), now);
      },
      std::move(done));
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(OffsetDelete, &broker::Answer)
