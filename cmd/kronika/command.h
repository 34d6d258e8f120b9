// Command: one subcommand of `kronika` as plain data, so that the argument library stays in
// main.cc.
//
// Main thread. Each noun's file gives its commands; commands.cc is the one list of them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace kronika::cmd {

// Exit codes; documented in README.
inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
// The broker ended itself: its disk failed, and nothing it held in memory may be acknowledged any
// more.
inline constexpr int kExitFatal = 3;
inline constexpr int kExitUnhealthy = 10;

struct Option {
  std::string_view name;             // "--config", or "FILE" for a positional argument
  std::string_view short_name = {};  // "-c"
  std::string_view value =
      {};  // what the value is called; empty = a flag (positional arguments always have one)
  std::string_view help = {};
  bool required = false;
  bool repeated = false;
  std::string_view default_value = {};
};

// What the user gave, by the option's name.
class Arguments {
 public:
  bool Has(std::string_view name) const { return values_.contains(name); }
  // The last value; empty if there is none.
  const std::string& Text(std::string_view name) const;
  const std::vector<std::string>& List(std::string_view name) const;
  void Add(std::string_view name, std::string value);
  void AddFlag(std::string_view name) { values_[std::string(name)]; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Command {
  std::string_view noun;       // "config"; alone when `verb` is empty
  std::string_view verb = {};  // "check"
  std::string_view help;
  std::vector<Option> options = {};
  int (*run)(const Arguments& arguments);  // gives the exit code
};

using CommandList = std::vector<Command>;

// By noun, each in its own file.
CommandList StartCommands();
CommandList VersionCommands();
CommandList ConfigCommands();
CommandList FormatCommands();
CommandList TopicCommands();
CommandList GroupCommands();
CommandList ClusterCommands();
CommandList BrokerCommands();
CommandList VerifyCommands();
CommandList BenchCommands();
CommandList DumpCommands();

// All of the above, in the order in which help lists them.
CommandList AllCommands();

}  // namespace kronika::cmd
