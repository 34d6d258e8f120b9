// OffsetCommit (key 8), versions 2-8: offsets that a group's members, or somebody outside of it,
// want to be kept.
//
//   v2-v4   a retention time, in place of offsets.retention.minutes; -1: that
//   v6      the leader epoch of the last record that was consumed
//   v7      static members
//
// A topic or partition that does not exist is refused (3), and so is a text longer than
// offset.metadata.max.bytes (12); the rest is stored. Offsets are kept by topic id, which these
// versions do not name: a leader epoch that the topic here never had says that the offset is of
// another one of that name, and it is refused as that one's (3).
#include "proto/kafka/offset_commit.h"

#include <memory>

#include "base/planted.h"
#include "broker/api/group_answer.h"
#include "broker/api/serve.h"
#include "broker/api/utf8.h"

namespace kronika::broker {
namespace {

using kafka::OffsetCommitRequest;
using kafka::OffsetCommitResponse;

constexpr std::int16_t kGroupIdNotFoundFirstVersion = 9;
constexpr std::int64_t kRetentionOfTheBroker = -1;

// Whether the offset is of a topic that had the name before, or of one that got it since and that
// this broker's image does not know: a successor's epochs begin above the floor (safety rule C10).
bool IsOfAnother(const Services& services, const metadata::Topic& topic,
                 const OffsetCommitRequest::Partition& asked) {
  if (asked.committed_leader_epoch < 1 || KRONIKA_PLANTED("committed-epoch-ignored")) return false;
  const auto epoch = static_cast<std::uint64_t>(asked.committed_leader_epoch);
  const auto& partition = topic.partitions[static_cast<std::size_t>(asked.partition_index)];
  const std::int32_t heard =
      services.leadership->Find(topic.id, asked.partition_index).leader_epoch;
  const bool later =
      heard >= 0 && epoch > static_cast<std::uint64_t>(heard) + metadata::kEpochFloorMargin;
  return epoch <= partition->epoch_floor.value || later;
}

// Why this one cannot be stored; kNone: it is in `call` now.
KafkaError Take(const Services& services, const metadata::Image& image,
                const metadata::Topic* topic, const OffsetCommitRequest::Partition& asked,
                CommitCall& call) {
  if (!topic || asked.partition_index < 0 ||
      static_cast<std::size_t>(asked.partition_index) >= topic->partitions.size() ||
      IsOfAnother(services, *topic, asked))
    return KafkaError::kUnknownTopicOrPartition;
  const std::string_view text = asked.committed_metadata.value_or("");
  if (text.size() > static_cast<std::size_t>(services.settings.offsets_metadata_bytes_max))
    return KafkaError::kOffsetMetadataTooLarge;
  call.offsets.push_back({.topic = topic->name,
                          .partition = asked.partition_index,
                          .offset = {.offset = asked.committed_offset,
                                     .leader_epoch = asked.committed_leader_epoch,
                                     .metadata = std::string(text),
                                     .topic = topic->id,
                                     .metadata_index = image.applied}});
  return KafkaError::kNone;
}

void Answer(const Services& services, const RequestContext&, OffsetCommitRequest request,
            Reply<OffsetCommitResponse> reply) {
  if (!IsUtf8(request.group_id))
    return reply(MakeErrorResponse(request, KafkaError::kInvalidGroupId));
  OffsetCommitResponse response = MakeErrorResponse(request, KafkaError::kNone);
  CommitCall call{.from = ToMember(request, request.generation_id_or_member_epoch),
                  .retention_ms = {},
                  .offsets = {}};
  if (request.retention_time_ms != kRetentionOfTheBroker)
    call.retention_ms = request.retention_time_ms;
  const auto image = services.metadata->Image();
  for (std::size_t t = 0; t < request.topics.size(); ++t) {
    const auto topic = image->FindTopic(request.topics[t].name);
    for (std::size_t p = 0; p < request.topics[t].partitions.size(); ++p) {
      response.topics[t].partitions[p].error_code =
          Take(services, *image, topic.get(), request.topics[t].partitions[p], call);
    }
  }
  auto done = [response = std::move(response),
               reply = std::move(reply)](GroupAnswer answer) mutable {
    KafkaError error = UnpackError(answer);
    if (error == KafkaError::kGroupIdNotFound && reply.version() < kGroupIdNotFoundFirstVersion)
      error = KafkaError::kIllegalGeneration;
    for (auto& topic : response.topics) {
      for (auto& partition : topic.partitions) {
        if (partition.error_code == KafkaError::kNone) partition.error_code = error;
      }
    }
    reply(response);
  };
  services.groups->CallInTime(
      request.group_id,
      [call = std::move(call)](Coordinator& coordinator, Ticket ticket, GroupTime now) mutable {
        coordinator.Commit(ticket, std::move(call), now);
      },
      std::move(done));
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(OffsetCommit, &broker::Answer)
