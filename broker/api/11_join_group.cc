// JoinGroup (key 11), versions 0-9: a member joins its group and waits for the others.
//
//   v0      no rebalance timeout: the session timeout holds for both
//   v4      a new dynamic member is told its id and joins again with it (KIP-394)
//   v5      static members (KIP-345)
//   v7      the answer has the protocol type, and null where no protocol was chosen
//   v9      the leader may be told not to assign anew
#include "proto/kafka/join_group.h"

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"
#include "broker/api/utf8.h"

namespace kronika::broker {
namespace {

using kafka::JoinGroupRequest;
using kafka::JoinGroupResponse;

constexpr std::int16_t kIdRequiredFirstVersion = 4;
constexpr std::int16_t kNullProtocolFirstVersion = 7;
constexpr std::int16_t kSkipAssignmentFirstVersion = 9;

JoinCall ToCall(const Services& services, const RequestContext& context,
                const JoinGroupRequest& request) {
  JoinCall out{.group = std::string(request.group_id),
               .member = std::string(request.member_id),
               .instance = Own(request.group_instance_id),
               .new_member = "",
               .client_id = ToUtf8(context.client_id),
               .client_host = "/" + context.client_host,
               .session_timeout_ms = request.session_timeout_ms,
               .rebalance_timeout_ms = request.rebalance_timeout_ms,
               .protocol_type = std::string(request.protocol_type),
               .protocols = {},
               .id_required = context.version >= kIdRequiredFirstVersion,
               .may_skip_assignment = context.version >= kSkipAssignmentFirstVersion};
  if (context.version == 0) out.rebalance_timeout_ms = request.session_timeout_ms;
  if (out.member.empty())
    out.new_member = services.groups->NewMemberId(out.instance.value_or(out.client_id));
  for (const auto& protocol : request.protocols)
    out.protocols.push_back({std::string(protocol.name), std::string(protocol.metadata.text())});
  return out;
}

JoinGroupResponse ToResponse(JoinAnswer answer, std::int16_t version) {
  JoinGroupResponse out;
  out.error_code = answer.error;
  out.generation_id = answer.generation;
  out.protocol_name = std::move(answer.protocol);
  if (!out.protocol_name && version < kNullProtocolFirstVersion) out.protocol_name = "";
  if (answer.error == KafkaError::kNone) out.protocol_type = std::move(answer.protocol_type);
  out.leader = std::move(answer.leader);
  out.skip_assignment = answer.skip_assignment;
  out.member_id = std::move(answer.member);
  for (auto& member : answer.members) {
    auto& to = out.members.emplace_back();
    to.member_id = std::move(member.id);
    to.group_instance_id = std::move(member.instance);
    to.metadata = Slice::CopyOf(member.metadata);
  }
  return out;
}

// What others are told of the group later has to be text.
KafkaError CheckNames(const JoinGroupRequest& request) {
  if (request.group_id.empty() || !IsUtf8(request.group_id)) return KafkaError::kInvalidGroupId;
  return IsUtf8(request.group_instance_id.value_or("")) ? KafkaError::kNone
                                                        : KafkaError::kInvalidRequest;
}

void Answer(const Services& services, const RequestContext& context, JoinGroupRequest request,
            Reply<JoinGroupResponse> reply) {
  if (const KafkaError error = CheckNames(request); error != KafkaError::kNone) {
    return reply(
        ToResponse({.error = error, .member = std::string(request.member_id)}, context.version));
  }
  auto done = [member = std::string(request.member_id),
               reply = std::move(reply)](GroupAnswer answer) mutable {
    JoinAnswer joined = Unpack<JoinAnswer>(answer);
    if (joined.member.empty()) joined.member = member;
    reply(ToResponse(std::move(joined), reply.version()));
  };
  services.groups->Call(
      request.group_id,
      [call = ToCall(services, context, request)](Coordinator& coordinator, Ticket ticket,
                                                  GroupTime now) mutable {
        coordinator.Join(ticket, std::move(call), now);
      },
      std::move(done));
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(JoinGroup, &broker::Answer)
