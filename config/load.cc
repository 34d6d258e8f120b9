// From sources to checked Options: defaults, file, environment, overrides; then the checks that see
// several keys.
#include <fmt/format.h>

#include <algorithm>

#include "config/options.h"
#include "config/yaml.h"
#include "wal/journal/options.h"

namespace kronika::config {
namespace {

constexpr std::string_view kRequired = "(required)";
constexpr std::string_view kEnvironmentPrefix = "KRONIKA_";

std::unexpected<Error> Refuse(std::string_view key, std::string_view why, std::string_view where) {
  return Fail(ErrorCode::kInvalidArgument, fmt::format("{}: {}", key, why), std::string(where));
}

std::string_view NearestKey(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& definition : OptionTable()) names.push_back(definition.name);
  return metadata::NearestName(names, name);
}

Result<const OptionDefinition*> FindKey(std::string_view name, std::string_view where) {
  const auto table = OptionTable();
  const auto found = std::ranges::find(table, name, &OptionDefinition::name);
  if (found != table.end()) return &*found;
  const auto nearest = NearestKey(name);
  return Fail(ErrorCode::kInvalidArgument,
              nearest.empty() ? fmt::format("unknown key '{}'", name)
                              : fmt::format("unknown key '{}'; did you mean '{}'?", name, nearest),
              std::string(where));
}

Status SetKey(Options& options, std::string_view name, std::string_view value,
              std::string_view where) {
  const auto definition = FindKey(name, where);
  if (!definition) return std::unexpected(definition.error());
  auto set = (*definition)->set(options, value);
  if (!set) return Refuse(name, set.error().text, where);
  return {};
}

Status FromYaml(Options& options, const Sources& sources) {
  auto raw = ReadYaml(sources.yaml, sources.yaml_name);
  if (!raw) return std::unexpected(std::move(raw).error());
  for (const auto& [name, value] : raw->values)
    KRONIKA_TRY(SetKey(options, name, value, sources.yaml_name));
  for (const auto& [name, map] : raw->maps) {
    const auto definition = FindKey(name, sources.yaml_name);
    if (!definition) return std::unexpected(definition.error());
    if ((*definition)->type != "map") return Refuse(name, "must not be a map", sources.yaml_name);
    for (const auto& [inner, value] : map) {
      KRONIKA_TRY(SetKey(options, name, fmt::format("{}={}", inner, value), sources.yaml_name));
    }
  }
  return {};
}

Status FromEnvironment(Options& options, const Sources& sources) {
  for (const auto& [variable, value] : sources.environment) {
    if (!variable.starts_with(kEnvironmentPrefix)) continue;
    std::string name = variable.substr(kEnvironmentPrefix.size());
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    // Other programs' variables may share the prefix: only what looks like a mistyped key is an
    // error.
    if (NearestKey(name).empty()) continue;
    KRONIKA_TRY(SetKey(options, name, value, variable));
  }
  return {};
}

Status FromOverrides(Options& options, const Sources& sources) {
  for (const auto& text : sources.overrides) {
    const std::string_view override = text;
    const auto equals = override.find('=');
    if (equals == std::string_view::npos)
      return Refuse("--set", fmt::format("'{}' is not KEY=VALUE", text), "--set");
    std::string_view name = override.substr(0, equals);
    std::string value(override.substr(equals + 1));
    // topic_defaults.retention.ms=1000: the first dot ends the key.
    if (const auto dot = name.find('.'); dot != std::string_view::npos) {
      value = override.substr(dot + 1);
      name = name.substr(0, dot);
    }
    KRONIKA_TRY(SetKey(options, name, value, "--set"));
  }
  return {};
}

Status CheckAdvertised(Options& options) {
  if (options.listeners.empty()) return Refuse("listeners", "at least one is needed", "");
  if (options.advertised_listeners.empty()) options.advertised_listeners = options.listeners;
  for (const auto& advertised : options.advertised_listeners) {
    if (std::ranges::find(options.listeners, advertised.name, &metadata::Listener::name) ==
        options.listeners.end()) {
      return Refuse("advertised_listeners", fmt::format("there is no listener {}", advertised.name),
                    "");
    }
    if (advertised.address.wildcard()) {
      return Refuse(
          "advertised_listeners",
          fmt::format(
              "clients cannot connect to {}; name the address under which they reach this broker",
              advertised.address.Describe()),
          "");
    }
  }
  if (options.PeerAddress().wildcard()) {
    return Refuse(
        "peer_listener",
        fmt::format("other brokers cannot connect to {}; add {}@HOST:PORT to cluster_peers",
                    options.peer_listener.Describe(), options.node_id.value),
        "");
  }
  return {};
}

Status CheckExposure(const Options& options) {
  if (options.allow_insecure) return {};
  auto check = [](std::string_view key, const HostPort& address) -> Status {
    if (address.loopback()) return {};
    return Refuse(
        key,
        fmt::format("{} is reachable from other machines, without encryption or login; say "
                    "'allow_insecure: true' if that is meant",
                    address.Describe()),
        "");
  };
  for (const auto& listener : options.listeners) KRONIKA_TRY(check("listeners", listener.address));
  KRONIKA_TRY(check("peer_listener", options.peer_listener));
  return check("admin_listener", options.admin_listener);
}

Status CheckTogether(Options& options) {
  if (options.node_id == kNoBroker) return Refuse("node_id", "is required", "");
  if (options.data_dir.empty()) return Refuse("data_dir", "is required", "");
  KRONIKA_TRY(CheckAdvertised(options));
  KRONIKA_TRY(CheckExposure(options));
  const auto found = options.topic_defaults.find("max.message.bytes");
  if (found == options.topic_defaults.end()) return {};
  if (static_cast<std::uint64_t>(metadata::ConfigAsInt(found->second)) <= options.EntryBytesMax())
    return {};
  return Refuse("topic_defaults.max.message.bytes",
                fmt::format("{} is more than the journal takes as one entry, {}", found->second,
                            options.EntryBytesMax()),
                "");
}

}  // namespace

std::uint64_t Options::EntryBytesMax() const {
  return wal::JournalOptions{.file_bytes = journal_file_bytes}.EntryBytesMax();
}

HostPort Options::PeerAddress() const {
  const auto own = std::ranges::find(cluster_peers, node_id, &Peer::broker);
  return own == cluster_peers.end() ? peer_listener : own->address;
}

Result<Options> Load(const Sources& sources) {
  Options options;
  auto load = [&]() -> Status {
    for (const auto& definition : OptionTable()) {
      if (definition.default_value != kRequired) {
        KRONIKA_TRY(SetKey(options, definition.name, definition.default_value, "default"));
      }
    }
    KRONIKA_TRY(FromYaml(options, sources));
    KRONIKA_TRY(FromEnvironment(options, sources));
    KRONIKA_TRY(FromOverrides(options, sources));
    return CheckTogether(options);
  };
  if (auto loaded = load(); !loaded) return std::unexpected(std::move(loaded).error());
  return options;
}

}  // namespace kronika::config
