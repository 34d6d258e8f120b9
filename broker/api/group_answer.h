// What the handlers of the group APIs share.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "broker/group/group_coordinator.h"

namespace kronika::broker {

// The coordinator's answer in the API's own words; an error alone is an answer, too.
template <class T>
T Unpack(GroupAnswer& answer) {
  if (auto* given = std::get_if<T>(&answer.what)) return std::move(*given);
  return T{.error = std::get<KafkaError>(answer.what)};
}

inline KafkaError UnpackError(const GroupAnswer& answer) {
  const auto* error = std::get_if<KafkaError>(&answer.what);
  return error ? *error : KafkaError::kUnknownServerError;
}

inline std::optional<std::string> Own(const std::optional<std::string_view>& text) {
  if (!text) return std::nullopt;
  return std::string(*text);
}

// Of Heartbeat, SyncGroup and OffsetCommit, whose requests have these fields.
template <class Request>
MemberRef ToMember(const Request& request, std::int32_t generation) {
  return {.group = std::string(request.group_id),
          .generation = generation,
          .member = std::string(request.member_id),
          .instance = Own(request.group_instance_id)};
}

}  // namespace kronika::broker
