// The keys of the node file, each with the function that reads its text form.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/options.h"
#include "metadata/broker_configs.h"
#include "metadata/topic_configs.h"

namespace kronika::config {
namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

std::unexpected<Error> Refuse(std::string why) {
  return Fail(ErrorCode::kInvalidArgument, std::move(why));
}

struct Range {
  std::uint64_t min = 0;
  std::uint64_t max = 0;
};

Result<std::uint64_t> ParseCount(std::string_view text, Range range) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (whole && value >= range.min && value <= range.max) return value;
  return Refuse(
      fmt::format("'{}' is not a whole number from {} to {}", text, range.min, range.max));
}

template <class Field>
Status SetCount(Field& field, std::string_view text, Range range) {
  const auto value = ParseCount(text, range);
  if (!value) return std::unexpected(value.error());
  field = static_cast<Field>(*value);
  return {};
}

Status SetSize(std::uint64_t& field, std::string_view text, Range range) {
  const auto value = ParseSize(text);
  if (!value) return std::unexpected(value.error());
  if (*value < range.min || *value > range.max) {
    return Refuse(fmt::format("{} is not between {} and {}", text, FormatSize(range.min),
                              FormatSize(range.max)));
  }
  field = *value;
  return {};
}

template <class Choice>
struct Named {
  std::string_view name;
  Choice value;
};

template <class Choice, std::size_t kCount>
Status SetChoice(Choice& field, std::string_view text, const Named<Choice> (&choices)[kCount]) {
  std::string names;
  for (const auto& choice : choices) {
    if (choice.name == text) {
      field = choice.value;
      return {};
    }
    names += fmt::format("{}{}", names.empty() ? "" : ", ", choice.name);
  }
  return Refuse(fmt::format("'{}' is none of {}", text, names));
}

Result<HostPort> ParseAddress(std::string_view text) {
  auto address = HostPort::Parse(text);
  if (address && address->port == 0) return Refuse(fmt::format("'{}' has no port", text));
  return address;
}

Status SetAddress(HostPort& field, std::string_view text) {
  auto address = ParseAddress(text);
  if (!address) return std::unexpected(address.error());
  field = std::move(*address);
  return {};
}

// Calls take(part) for every part between commas, blanks around it removed; empty parts are passed
// over.
template <class Take>
Status EachPart(std::string_view text, Take&& take) {
  while (!text.empty()) {
    std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    while (part.starts_with(' ')) part.remove_prefix(1);
    while (part.ends_with(' ')) part.remove_suffix(1);
    if (!part.empty()) KRONIKA_TRY(take(part));
  }
  return {};
}

Status CheckListenerName(std::string_view name) {
  const bool shape = !name.empty() && std::ranges::all_of(name, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!shape)
    return Refuse(fmt::format("a listener's name has capital letters, digits and _: '{}'", name));
  if (name == "SSL" || name.starts_with("SASL")) {
    return Refuse(fmt::format("{} listeners are not offered yet; use PLAINTEXT", name));
  }
  return {};
}

Status SetListeners(std::vector<metadata::Listener>& field, std::string_view text) {
  field.clear();
  return EachPart(text, [&](std::string_view part) -> Status {
    const auto cut = part.find("://");
    if (cut == std::string_view::npos)
      return Refuse(fmt::format("'{}' is not NAME://HOST:PORT", part));
    const std::string_view name = part.substr(0, cut);
    KRONIKA_TRY(CheckListenerName(name));
    auto address = ParseAddress(part.substr(cut + 3));
    if (!address) return std::unexpected(address.error());
    if (std::ranges::find(field, name, &metadata::Listener::name) != field.end()) {
      return Refuse(fmt::format("listener {} is there twice", name));
    }
    field.push_back({.name = std::string(name), .address = std::move(*address)});
    return {};
  });
}

Status SetPeers(std::vector<Peer>& field, std::string_view text) {
  field.clear();
  return EachPart(text, [&](std::string_view part) -> Status {
    const auto at = part.find('@');
    if (at == std::string_view::npos) return Refuse(fmt::format("'{}' is not ID@HOST:PORT", part));
    const auto id = ParseCount(part.substr(0, at), {.min = 1, .max = 0x7fffffff});
    if (!id) return std::unexpected(id.error());
    auto address = ParseAddress(part.substr(at + 1));
    if (!address) return std::unexpected(address.error());
    const BrokerId broker{static_cast<std::int32_t>(*id)};
    if (std::ranges::find(field, broker, &Peer::broker) != field.end()) {
      return Refuse(fmt::format("broker {} is there twice", broker.value));
    }
    field.push_back({.broker = broker, .address = std::move(*address)});
    return {};
  });
}

// "name=value,name=value"; a part without '=' belongs to the value before it (lists have commas,
// too).
Status SetConfigs(metadata::ConfigMap& field, std::string_view text,
                  std::span<const metadata::ConfigDefinition> table) {
  metadata::ConfigMap given;
  std::string* last = nullptr;
  KRONIKA_TRY(EachPart(text, [&](std::string_view part) -> Status {
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) {
      if (!last) return Refuse(fmt::format("'{}' is not NAME=VALUE", part));
      *last += fmt::format(",{}", part);
      return {};
    }
    last = &given[std::string(part.substr(0, equals))];
    *last = part.substr(equals + 1);
    return {};
  }));
  KRONIKA_TRY(metadata::CheckConfigs(table, given));
  for (auto& [name, value] : given) field.insert_or_assign(name, std::move(value));
  return {};
}

constexpr OptionDefinition kTable[] = {
    {"node_id", "integer", "(required)", "1 to 2147483647",
     "This broker's number; no other broker of the cluster has it.",
     [](Options& o, std::string_view text) {
       return SetCount(o.node_id.value, text, {1, 0x7fffffff});
     }},
    {"rack", "text", "", "any text",
     "Where the broker stands. Replicas of a partition are spread over racks. Empty: no rack.",
     [](Options& o, std::string_view text) -> Status {
       o.rack = text;
       return {};
     }},
    {"data_dir", "text", "(required)", "a folder",
     "Journal, segments and state. Made ready by `kronika format`.",
     [](Options& o, std::string_view text) -> Status {
       o.data_dir = text;
       return {};
     }},
    {"listeners", "list", "PLAINTEXT://127.0.0.1:9092", "NAME://HOST:PORT",
     "Where Kafka clients are listened for.",
     [](Options& o, std::string_view text) { return SetListeners(o.listeners, text); }},
    {"advertised_listeners", "list", "", "NAME://HOST:PORT",
     "What clients are told to connect to, by listener name. Empty: the same as listeners. An "
     "address that can only be "
     "listened on (0.0.0.0) is refused.",
     [](Options& o, std::string_view text) { return SetListeners(o.advertised_listeners, text); }},
    {"peer_listener", "address", "127.0.0.1:9192", "HOST:PORT",
     "Where other brokers are listened for.",
     [](Options& o, std::string_view text) { return SetAddress(o.peer_listener, text); }},
    {"admin_listener", "address", "127.0.0.1:9644", "HOST:PORT",
     "Where /livez, /readyz, /metrics and /v1/status are.",
     [](Options& o, std::string_view text) { return SetAddress(o.admin_listener, text); }},
    {"cluster_peers", "list", "", "ID@HOST:PORT",
     "The brokers' peer listeners, for the first contact, where they are not those of the founding "
     "text; this broker may be among them. Later addresses come from the cluster itself.",
     [](Options& o, std::string_view text) { return SetPeers(o.cluster_peers, text); }},
    {"durability", "choice", "fsync", "fsync",
     "A record is acknowledged when it is on the disks of a majority.",
     [](Options& o, std::string_view text) {
       return SetChoice(o.durability, text, (const Named<std::string>[]){{"fsync", "fsync"}});
     }},
    {"journal_files", "integer", "8", "4 to 1024", "Files of the journal; its size is fixed.",
     [](Options& o, std::string_view text) { return SetCount(o.journal_files, text, {4, 1024}); }},
    {"journal_file_bytes", "size", "64MiB", "16MiB to 1GiB",
     "Size of one journal file. A record batch can be an eighth of it at most, and 8 MiB.",
     [](Options& o, std::string_view text) -> Status {
       KRONIKA_TRY(SetSize(o.journal_file_bytes, text, {16 * kMiB, kGiB}));
       if (o.journal_file_bytes % kMiB == 0) return {};
       return Refuse(fmt::format("{} is not a whole number of MiB", text));
     }},
    {"journal_io", "choice", "auto", "auto, uring, thread",
     "How the journal is written: io_uring, or a thread with pwritev and fdatasync. auto takes the "
     "first that works.",
     [](Options& o, std::string_view text) {
       return SetChoice(o.journal_io, text,
                        {{"auto", JournalIo::kAuto},
                         {"uring", JournalIo::kUring},
                         {"thread", JournalIo::kThread}});
     }},
    {"tail_cache_bytes", "size", "256MiB", "16MiB to 1024GiB",
     "Memory for the newest records of all partitions.",
     [](Options& o, std::string_view text) {
       return SetSize(o.tail_cache_bytes, text, {16 * kMiB, 1024 * kGiB});
     }},
    {"disk_reserve_bytes", "size", "1GiB", "0 to 1024GiB",
     "Records are refused by the partitions that this broker leads (KAFKA_STORAGE_ERROR) while "
     "less "
     "than this is free on the disk of data_dir; reads go on.",
     [](Options& o, std::string_view text) {
       return SetSize(o.disk_reserve_bytes, text, {0, 1024 * kGiB});
     }},
    {"workers", "integer", "1", "1",
     "Threads that serve clients and groups. Only 1 is offered yet.",
     [](Options& o, std::string_view text) { return SetCount(o.workers, text, {1, 1}); }},
    {"allow_insecure", "boolean", "false", "true, false",
     "Listeners have neither encryption nor login yet. Listening beyond this machine must be "
     "allowed here.",
     [](Options& o, std::string_view text) {
       return SetChoice(o.allow_insecure, text, {{"true", true}, {"false", false}});
     }},
    {"log_level", "choice", "info", "trace, debug, info, warn, error, off",
     "The least important line that is written.",
     [](Options& o, std::string_view text) {
       return SetChoice(o.log_level, text,
                        {{"trace", LogLevel::kTrace},
                         {"debug", LogLevel::kDebug},
                         {"info", LogLevel::kInfo},
                         {"warn", LogLevel::kWarn},
                         {"error", LogLevel::kError},
                         {"off", LogLevel::kOff}});
     }},
    {"log_format", "choice", "text", "text, json", "Lines for people, or one JSON object a line.",
     [](Options& o, std::string_view text) {
       return SetChoice(o.log_format, text,
                        {{"text", LogFormat::kText}, {"json", LogFormat::kJson}});
     }},
    {"topic_defaults", "map", "", "Kafka's topic config names",
     "What topics have that do not set it themselves.",
     [](Options& o, std::string_view text) {
       return SetConfigs(o.topic_defaults, text, metadata::TopicConfigs());
     }},
    {"broker_defaults", "map", "", "Kafka's broker config names",
     "Behaviour of the broker, under Kafka's names.",
     [](Options& o, std::string_view text) {
       return SetConfigs(o.broker_defaults, text, metadata::BrokerConfigs());
     }},
};
static_assert(std::size(kTable) == 20);

struct Unit {
  std::string_view name;
  std::uint64_t bytes;
};
constexpr Unit kUnits[] = {{"GiB", kGiB}, {"MiB", kMiB}, {"KiB", kKiB}};

}  // namespace

std::span<const OptionDefinition> OptionTable() {
  return kTable;
}

Result<std::uint64_t> ParseSize(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
  std::uint64_t unit_bytes = suffix.empty() || suffix == "B" ? 1 : 0;
  for (const auto& unit : kUnits) {
    if (suffix == unit.name || suffix == unit.name.substr(0, 2)) unit_bytes = unit.bytes;
  }
  std::uint64_t bytes = 0;
  if (error != std::errc{} || unit_bytes == 0 ||
      __builtin_mul_overflow(value, unit_bytes, &bytes)) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("'{}' is not a size such as 4096, 64KiB, 64MiB or 1GiB", text));
  }
  return bytes;
}

std::string FormatSize(std::uint64_t bytes) {
  for (const auto& unit : kUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0)
      return fmt::format("{}{}", bytes / unit.bytes, unit.name);
  }
  return fmt::format("{}", bytes);
}

}  // namespace kronika::config
