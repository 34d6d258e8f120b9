#include "config/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace kronika::config {
namespace {

std::unexpected<Error> Refuse(std::string_view name, const YAML::Mark& mark, std::string why) {
  return Fail(ErrorCode::kInvalidArgument, std::move(why),
              fmt::format("{} line {}", name, mark.line + 1));
}

Result<std::string> JoinSequence(const YAML::Node& node, std::string_view key,
                                 std::string_view name) {
  std::string out;
  for (const auto& element : node) {
    if (!element.IsScalar())
      return Refuse(name, element.Mark(), fmt::format("{}: a list of plain values", key));
    if (!out.empty()) out += ',';
    out += element.Scalar();
  }
  return out;
}

Result<metadata::ConfigMap> ReadMap(const YAML::Node& node, std::string_view key,
                                    std::string_view name) {
  metadata::ConfigMap out;
  for (const auto& pair : node) {
    if (!pair.second.IsScalar()) {
      return Refuse(name, pair.second.Mark(),
                    fmt::format("{}.{}: a plain value", key, pair.first.Scalar()));
    }
    if (!out.emplace(pair.first.Scalar(), pair.second.Scalar()).second) {
      return Refuse(name, pair.first.Mark(),
                    fmt::format("{}.{} is there twice", key, pair.first.Scalar()));
    }
  }
  return out;
}

Status ReadPair(const std::pair<YAML::Node, YAML::Node>& pair, std::string_view name,
                RawOptions& out) {
  const std::string key = pair.first.Scalar();
  if (out.values.contains(key) || out.maps.contains(key)) {
    return Refuse(name, pair.first.Mark(), fmt::format("{} is there twice", key));
  }
  if (pair.second.IsMap()) {
    auto map = ReadMap(pair.second, key, name);
    if (!map) return std::unexpected(std::move(map).error());
    out.maps[key] = std::move(*map);
  } else if (pair.second.IsSequence()) {
    auto joined = JoinSequence(pair.second, key, name);
    if (!joined) return std::unexpected(std::move(joined).error());
    out.values[key] = std::move(*joined);
  } else {
    out.values[key] = pair.second.IsNull() ? "" : pair.second.Scalar();
  }
  return {};
}

}  // namespace

Result<RawOptions> ReadYaml(std::string_view text, std::string_view name) {
  // The library reports by exceptions; they end here.
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    RawOptions out;
    if (root.IsNull()) return out;
    if (!root.IsMap())
      return Refuse(name, root.Mark(), "the file must be a list of 'key: value' lines");
    for (const auto& pair : root) {
      if (auto read = ReadPair({pair.first, pair.second}, name, out); !read)
        return std::unexpected(read.error());
    }
    return out;
  } catch (const YAML::Exception& error) {
    return Refuse(name, error.mark, error.msg);
  }
}

}  // namespace kronika::config
