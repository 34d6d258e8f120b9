// SyncGroup (key 14), versions 0-5: the leader hands out assignments, the others wait for theirs.
// From version 5 on the protocol is named, and has to be the group's.
#include "proto/kafka/sync_group.h"

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::SyncGroupRequest;
using kafka::SyncGroupResponse;

void Answer(const Services& services, const RequestContext&, SyncGroupRequest request,
            Reply<SyncGroupResponse> reply) {
  if (request.group_id.empty())
    return reply(MakeErrorResponse(request, KafkaError::kInvalidGroupId));
  SyncCall call{.from = ToMember(request, request.generation_id),
                .protocol_type = Own(request.protocol_type),
                .protocol = Own(request.protocol_name),
                .assignments = {}};
  for (const auto& item : request.assignments)
    call.assignments.emplace_back(item.member_id, item.assignment.text());
  services.groups->Call(
      request.group_id,
      [call = std::move(call)](Coordinator& coordinator, Ticket ticket, GroupTime now) mutable {
        coordinator.Sync(ticket, std::move(call), now);
      },
      [reply = std::move(reply)](GroupAnswer answer) mutable {
        SyncAnswer synced = Unpack<SyncAnswer>(answer);
        SyncGroupResponse response;
        response.error_code = synced.error;
        if (synced.error == KafkaError::kNone) {
          response.protocol_type = std::move(synced.protocol_type);
          response.protocol_name = std::move(synced.protocol);
        }
        response.assignment = Slice::CopyOf(synced.assignment);
        reply(response);
      });
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(SyncGroup, &broker::Answer)
