// ListGroups (key 16), versions 0-5: the groups that this broker coordinates.
//
//   v4   only those in some states, by name in any case
//   v5   only those of some types; all groups here are "classic"
//
// Clients ask every broker. While a partition's leader is not ready the answer is
// COORDINATOR_LOAD_IN_PROGRESS; each partition's leadership is confirmed by a quorum (safety rule
// C1), and the groups of one that is led elsewhere by now are left out.
#include "proto/kafka/list_groups.h"

#include <algorithm>
#include <memory>

#include "broker/api/group_answer.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::ListGroupsRequest;
using kafka::ListGroupsResponse;

constexpr std::string_view kClassicType = "classic";

bool EqualNoCase(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return lower(x) == lower(y);
  });
}

bool Passes(const std::vector<std::string_view>& filter, std::string_view value) {
  return filter.empty() ||
         std::ranges::any_of(filter, [&](auto wanted) { return EqualNoCase(wanted, value); });
}

class ListThem : public std::enable_shared_from_this<ListThem> {
 public:
  ListThem(ListGroupsRequest request, Reply<ListGroupsResponse> reply)
      : request_(std::move(request)), reply_(std::move(reply)) {}

  void Start(GroupCoordinator& groups) {
    if (groups.Loading())
      return reply_(MakeErrorResponse(request_, KafkaError::kCoordinatorLoadInProgress));
    const auto led = groups.Led();
    waiting_ = led.size();
    if (waiting_ == 0) return reply_(response_);
    for (OffsetsPartition* partition : led) {
      partition->Confirmed([self = shared_from_this()](KafkaError error, const GroupMap*,
                                                       const Coordinator* coordinator) {
        if (error == KafkaError::kNone) self->Add(*coordinator);
        if (--self->waiting_ == 0) self->reply_(self->response_);
      });
    }
  }

 private:
  void Add(const Coordinator& coordinator) {
    if (!Passes(request_.types_filter, kClassicType)) return;
    for (const auto& [name, group] : coordinator.List()) {
      if (!Passes(request_.states_filter, Name(group.state))) continue;
      auto& out = response_.groups.emplace_back();
      out.group_id = name;
      out.protocol_type = group.protocol_type;
      out.group_state = Name(group.state);
      out.group_type = kClassicType;
    }
  }

  const ListGroupsRequest request_;
  Reply<ListGroupsResponse> reply_;
  ListGroupsResponse response_;
  std::size_t waiting_ = 0;
};

void Answer(const Services& services, const RequestContext&, ListGroupsRequest request,
            Reply<ListGroupsResponse> reply) {
  std::make_shared<ListThem>(std::move(request), std::move(reply))->Start(*services.groups);
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(ListGroups, &broker::Answer)
