// Heartbeat (key 12), versions 0-4: a member says that it lives, and hears whether it has to join
// again. From version 3 on static members are told apart from their former lives.
#include "proto/kafka/heartbeat.h"

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::HeartbeatRequest;
using kafka::HeartbeatResponse;

void Answer(const Services& services, const RequestContext&, HeartbeatRequest request,
            Reply<HeartbeatResponse> reply) {
  if (request.group_id.empty())
    return reply(MakeErrorResponse(request, KafkaError::kInvalidGroupId));
  services.groups->Call(
      request.group_id,
      [from = ToMember(request, request.generation_id)](Coordinator& coordinator, Ticket ticket,
                                                        GroupTime now) mutable {
        coordinator.Heartbeat(ticket, std::move(from), now);
      },
      [reply = std::move(reply)](GroupAnswer answer) mutable {
        HeartbeatResponse response;
        response.error_code = UnpackError(answer);
        reply(response);
      });
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(Heartbeat, &broker::Answer)
