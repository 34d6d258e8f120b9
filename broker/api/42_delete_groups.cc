// DeleteGroups (key 42), versions 0-3: groups without members go, with their offsets. From
// version 3 on an error has a text.
#include "proto/kafka/delete_groups.h"

#include <memory>

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::DeleteGroupsRequest;
using kafka::DeleteGroupsResponse;

struct DeleteThem {
  Reply<DeleteGroupsResponse> reply;
  DeleteGroupsResponse response;
  std::size_t waiting = 0;

  void Set(std::size_t i, KafkaError error) {
    response.results[i].error_code = error;
    if (error != KafkaError::kNone) response.results[i].error_message = kafka::Text(error);
    if (--waiting == 0) reply(response);
  }
};

void Answer(const Services& services, const RequestContext&, DeleteGroupsRequest request,
            Reply<DeleteGroupsResponse> reply) {
  const std::size_t count = request.groups_names.size();
  auto call = std::make_shared<DeleteThem>(std::move(reply));
  call->response.results.resize(count);
  call->waiting = count;
  if (count == 0) return call->reply(call->response);
  for (std::size_t i = 0; i < count; ++i) {
    std::string group(request.groups_names[i]);
    call->response.results[i].group_id = group;
    services.groups->CallInTime(
        request.groups_names[i],
        [group = std::move(group)](Coordinator& coordinator, Ticket ticket, GroupTime now) {
          coordinator.DeleteGroup(ticket, group, now);
        },
        [call, i](const GroupAnswer& answer) { call->Set(i, UnpackError(answer)); });
  }
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(DeleteGroups, &broker::Answer)
