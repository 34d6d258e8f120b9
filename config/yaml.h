// A node file's text as names and values. The only user of the YAML library is yaml.cc.
//
// Called from the main thread.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "metadata/config_definition.h"

namespace kronika::config {

struct RawOptions {
  std::map<std::string, std::string> values;        // scalars; a list is joined by commas
  std::map<std::string, metadata::ConfigMap> maps;  // nested maps, one level deep
};

// kInvalidArgument: not YAML, a key twice, or a value nested deeper than the node file has any.
// Where it is, is said.
Result<RawOptions> ReadYaml(std::string_view text, std::string_view name);

}  // namespace kronika::config
