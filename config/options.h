// The node file: what one broker must be told before it can start. Everything else is cluster
// state.
//
//   table of keys ──> node file (YAML), KRONIKA_<KEY>, --set KEY=VALUE, help, kronika.yaml, docs
//
// Called from the main thread before anything runs; Options is a plain value afterwards.
// Invariants:
// 1. The table is the only list of keys. A key that is not in it is an error that names the nearest
//    one.
// 2. An Options that Load() returned is usable as it is: every value was checked, alone and with
//    the others.
// 3. Later sources win: defaults, then the file, then the environment, then --set.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_port.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/result.h"
#include "metadata/config_definition.h"
#include "metadata/records.h"

namespace kronika::config {

enum class JournalIo : std::uint8_t { kAuto, kUring, kThread };
enum class LogFormat : std::uint8_t { kText, kJson };

struct Peer {
  BrokerId broker = kNoBroker;
  HostPort address;
  bool operator==(const Peer&) const = default;
};

struct Options {
  BrokerId node_id = kNoBroker;
  std::string rack;
  std::string data_dir;
  std::vector<metadata::Listener> listeners;  // where to listen
  std::vector<metadata::Listener>
      advertised_listeners;  // what clients are told; complete after Load()
  HostPort peer_listener;
  HostPort admin_listener;
  std::vector<Peer> cluster_peers;  // the first contact; later addresses come from the metadata log
  std::string durability;           // "fsync", the only mode that exists
  std::uint32_t journal_files = 0;
  std::uint64_t journal_file_bytes = 0;
  JournalIo journal_io = JournalIo::kAuto;
  std::uint64_t tail_cache_bytes = 0;
  std::uint64_t disk_reserve_bytes = 0;
  std::uint32_t workers = 0;
  bool allow_insecure = false;
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  metadata::ConfigMap topic_defaults;
  metadata::ConfigMap broker_defaults;

  // How other brokers reach this one: its own entry in cluster_peers, else peer_listener.
  HostPort PeerAddress() const;
  // The largest entry that the journal takes (safety rule B11).
  std::uint64_t EntryBytesMax() const;
};

// One row of the table. `set` parses the text form into the field; kInvalidArgument with a
// sentence.
struct OptionDefinition {
  std::string_view name;
  std::string_view
      type;  // "integer", "size", "text", "address", "list", "choice", "boolean", "map"
  std::string_view default_value;  // text form; "(required)" = there is none
  std::string_view range;          // for people
  std::string_view documentation;
  Status (*set)(Options& options, std::string_view value);
};

std::span<const OptionDefinition> OptionTable();

struct Sources {
  std::string yaml;                         // the file's text; may be empty
  std::string yaml_name = "configuration";  // for messages
  std::map<std::string, std::string>
      environment;  // every variable; those that are not KRONIKA_<KEY> are ignored
  std::vector<std::string> overrides;  // "key=value", "topic_defaults.NAME=value"
};

// kInvalidArgument: one sentence that names the key, the value and what would be right.
Result<Options> Load(const Sources& sources);

// The annotated example file, made from the table. config/kronika.yaml is a copy, held to it by a
// test.
std::string ExampleYaml();
// The table for `kronika start --help`.
std::string HelpText();

// "4096", "64KiB", "64MiB", "1GiB" (also without the B), and back in the largest unit that divides
// it.
Result<std::uint64_t> ParseSize(std::string_view text);
std::string FormatSize(std::uint64_t bytes);

}  // namespace kronika::config
