// LeaveGroup (key 13), versions 0-5: members leave, or are removed by an administrator.
//
//   v0-v2   one member, and its error at the top
//   v3      many; a static member may be named by its instance alone
#include "proto/kafka/leave_group.h"

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::LeaveGroupRequest;
using kafka::LeaveGroupResponse;

constexpr std::int16_t kManyFirstVersion = 3;

void Answer(const Services& services, const RequestContext& context, LeaveGroupRequest request,
            Reply<LeaveGroupResponse> reply) {
  if (request.group_id.empty())
    return reply(MakeErrorResponse(request, KafkaError::kInvalidGroupId));
  LeaveCall call{.group = std::string(request.group_id), .members = {}};
  LeaveGroupResponse response;
  if (context.version < kManyFirstVersion) {
    call.members.push_back({std::string(request.member_id), std::nullopt});
  } else {
    response = MakeErrorResponse(request, KafkaError::kNone);
    for (const auto& member : request.members)
      call.members.push_back({std::string(member.member_id), Own(member.group_instance_id)});
  }
  auto done = [response = std::move(response),
               reply = std::move(reply)](GroupAnswer answer) mutable {
    const ManyAnswer many = Unpack<ManyAnswer>(answer);
    response.error_code = many.error;
    for (std::size_t i = 0; i < response.members.size(); ++i)
      response.members[i].error_code = i < many.each.size() ? many.each[i] : many.error;
    if (reply.version() < kManyFirstVersion && !many.each.empty())
      response.error_code = many.each.front();
    if (response.error_code != KafkaError::kNone) response.members.clear();
    reply(response);
  };
  services.groups->Call(
      request.group_id,
      [call = std::move(call)](Coordinator& coordinator, Ticket ticket, GroupTime now) mutable {
        coordinator.Leave(ticket, std::move(call), now);
      },
      std::move(done));
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(LeaveGroup, &broker::Answer)
