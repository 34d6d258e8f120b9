// DescribeGroups (key 15), versions 0-6: states and members of groups.
//
//   v0-v5   an unknown group is "Dead", without an error
//   v3      what the client may do with the group; without access control that is everything
//   v6      an unknown group is GROUP_ID_NOT_FOUND
//
// A quorum confirms the coordinator first (safety rule C1).
#include "proto/kafka/describe_groups.h"

#include <fmt/core.h>

#include <functional>
#include <memory>

#include "broker/api/group_answer.h"
#include "broker/api/lookup.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::DescribeGroupsRequest;
using kafka::DescribeGroupsResponse;
using Described = DescribeGroupsResponse::Group;

constexpr std::int16_t kNotFoundFirstVersion = 6;
// READ, DELETE, DESCRIBE, as bits of Kafka's numbers of operations.
constexpr std::int32_t kAllOperations = 1 << 3 | 1 << 6 | 1 << 8;

void Fill(const DescribedGroup& group, Described& to) {
  to.group_state = Name(group.state);
  to.protocol_type = group.protocol_type;
  to.protocol_data = group.protocol;
  for (const StoredMember& member : group.members) {
    auto& out = to.members.emplace_back();
    out.member_id = member.id;
    out.group_instance_id = member.instance;
    out.client_id = member.client_id;
    out.client_host = member.client_host;
    out.member_metadata = Slice::CopyOf(member.subscription);
    out.member_assignment = Slice::CopyOf(member.assignment);
  }
}

class DescribeThem : public std::enable_shared_from_this<DescribeThem> {
 public:
  DescribeThem(DescribeGroupsRequest request, Reply<DescribeGroupsResponse> reply)
      : request_(std::move(request)), reply_(std::move(reply)), waiting_(request_.groups.size()) {
    response_.groups.resize(waiting_);
  }

  void Start(GroupCoordinator& groups) {
    if (waiting_ == 0) return reply_(response_);
    for (std::size_t i = 0; i < request_.groups.size(); ++i) {
      groups.Confirmed(request_.groups[i],
                       [self = shared_from_this(), i](KafkaError error, const GroupMap*,
                                                      const Coordinator* coordinator) {
                         self->Set(i, error, coordinator);
                       });
    }
  }

 private:
  void Set(std::size_t i, KafkaError error, const Coordinator* coordinator) {
    Described& out = response_.groups[i];
    out.group_id = request_.groups[i];
    out.error_code = error;
    if (error == KafkaError::kNone) {
      if (const auto group = coordinator->Describe(out.group_id)) {
        Fill(*group, out);
      } else {
        out.group_state = "Dead";
        if (reply_.version() >= kNotFoundFirstVersion) {
          out.error_code = KafkaError::kGroupIdNotFound;
          out.error_message = fmt::format("Group {} not found.", out.group_id);
        }
      }
      if (request_.include_authorized_operations && out.error_code == KafkaError::kNone)
        out.authorized_operations = kAllOperations;
    }
    if (--waiting_ == 0) reply_(response_);
  }

  const DescribeGroupsRequest request_;
  Reply<DescribeGroupsResponse> reply_;
  DescribeGroupsResponse response_;
  std::size_t waiting_;
};

void Answer(const Services& services, const RequestContext&, DescribeGroupsRequest request,
            Reply<DescribeGroupsResponse> reply) {
  DropRepeats(request.groups, std::identity());
  std::make_shared<DescribeThem>(std::move(request), std::move(reply))->Start(*services.groups);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(DescribeGroups, &broker::Answer)
