// One line of a config table: the single source of names, types, defaults, ranges and words for
// CreateTopics, DescribeConfigs, the node file and the docs. The tables are topic_configs.h and
// broker_configs.h.
//
// Called from any thread: the tables are constants.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace kronika::metadata {

// Numbers as in Kafka's DescribeConfigs response.
enum class ConfigType : std::uint8_t {
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kLong = 5,
  kDouble = 6,
  kList = 7
};

enum class ConfigEffect : std::uint8_t {
  kHonoured,  // does what its documentation says
  kStored,  // checked, kept, described; takes effect in a later release, as its documentation says
  kNoOp,    // accepted because tools copy it; nothing is kept and the default is reported
};

struct ConfigDefinition {
  std::string_view name;
  ConfigType type = ConfigType::kString;
  std::string_view default_value;
  ConfigEffect effect = ConfigEffect::kHonoured;
  std::int64_t min = 0;  // of kInt and kLong
  std::int64_t max = 0;
  std::string_view one_of =
      {};  // of kString and kList: the values that are taken, by comma; empty = any
  std::string_view synonym = {};  // the broker config that gives the default in Kafka; empty = none
  std::string_view documentation;  // one or two sentences
};

// Name → value, as given by people. Ordered, so that output is stable.
using ConfigMap = std::map<std::string, std::string, std::less<>>;

// Null = unknown name.
const ConfigDefinition* FindConfig(std::span<const ConfigDefinition> table, std::string_view name);

// Whether `value` has the type and lies in the range; kInvalidArgument with a sentence for the
// client.
Status CheckConfig(const ConfigDefinition& definition, std::string_view value);

// Every entry of `configs` must be in the table and pass CheckConfig; an unknown name is answered
// with the nearest.
Status CheckConfigs(std::span<const ConfigDefinition> table, const ConfigMap& configs);

// The name of the table that a mistyped `name` most resembles; empty if none does.
std::string_view NearestName(std::span<const std::string_view> names, std::string_view name);

// Values that CheckConfig has passed.
std::int64_t ConfigAsInt(std::string_view value);
bool ConfigAsBool(std::string_view value);
double ConfigAsRatio(std::string_view value);

}  // namespace kronika::metadata
