// `kronika`: reads the command line and runs one command. The one file of the program that includes
// CLI11, whose exceptions end here.
#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <list>
#include <map>

#include "cmd/kronika/build_info.h"
#include "cmd/kronika/command.h"

namespace kronika::cmd {
namespace {

// One command's place in the parser: where CLI11 puts what it finds.
struct Parsed {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::map<std::string_view, std::vector<std::string>> values;
  std::map<std::string_view, bool> flags;
};

void AddOptions(Parsed& parsed) {
  for (const auto& option : parsed.command->options) {
    std::string name(option.name);
    if (!option.short_name.empty()) name = std::string(option.short_name) + "," + name;
    const std::string help(option.help);
    const bool positional = !option.name.starts_with('-');
    if (!positional && option.value.empty()) {
      parsed.app->add_flag(name, parsed.flags[option.name], help);
      continue;
    }
    auto* added = parsed.app->add_option(name, parsed.values[option.name], help);
    added->type_name(positional ? "" : std::string(option.value));
    added->required(option.required);
    if (!option.repeated) added->expected(1);
    if (option.repeated && !positional) added->allow_extra_args(false);
    if (!option.default_value.empty()) added->default_str(std::string(option.default_value));
  }
}

Arguments ArgumentsOf(const Parsed& parsed) {
  Arguments out;
  for (const auto& option : parsed.command->options) {
    if (const auto flag = parsed.flags.find(option.name);
        flag != parsed.flags.end() && flag->second) {
      out.AddFlag(option.name);
    }
    const auto values = parsed.values.find(option.name);
    if (values == parsed.values.end()) continue;
    for (const auto& value : values->second) out.Add(option.name, value);
    if (values->second.empty() && !option.default_value.empty()) {
      out.Add(option.name, std::string(option.default_value));
    }
  }
  return out;
}

// What help says of a noun whose verbs do the work.
std::string HelpOf(std::string_view noun) {
  static constexpr std::pair<std::string_view, std::string_view> kNouns[] = {
      {"config", "Check node files; list their keys; print an example"},
      {"topic", "Make, show and delete topics; write and read records"},
      {"group", "Show consumer groups and their lag; move their offsets; delete them"},
      {"cluster", "Show the brokers; say whether all is well"},
      {"broker", "Replace a broker that lost its disk"},
      {"verify", "Write to a cluster, then prove from every replica that nothing was lost"},
      {"bench", "Measure how fast a cluster takes and gives records"},
      {"dump", "Print and check what lies in a data directory, without a broker"}};
  for (const auto& [name, help] : kNouns) {
    if (name == noun) return std::string(help);
  }
  return {};
}

// A word that is no subcommand, or none where one is needed: CLI11 says neither which word was
// wrong nor what there is.
int MissingSubcommand(const CLI::App& app, const CLI::App& at) {
  const std::string path = (&at == &app ? "" : "kronika ") + at.get_name();
  const auto unknown = app.remaining(true);
  const std::string what =
      unknown.empty() ? "needs a subcommand" : "has no subcommand '" + unknown.front() + "'";
  std::fprintf(stderr, "kronika: '%s' %s\n\n%s", path.c_str(), what.c_str(), app.help().c_str());
  return kExitUsage;
}

int WrongUsage(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  const bool has_verbs = !at->get_subcommands(nullptr).empty();
  const bool missing = error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError);
  if (missing && has_verbs) return MissingSubcommand(app, *at);
  if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
  std::string path = at->get_name();
  for (const CLI::App* up = at->get_parent(); up != nullptr; up = up->get_parent())
    path = up->get_name() + " " + path;
  std::fprintf(stderr, "kronika: '%s': %s; '%s --help' tells what it takes\n", path.c_str(),
               error.what(), path.c_str());
  return kExitUsage;
}

int Run(int count, char** words) {
  const CommandList commands = AllCommands();
  CLI::App app("Kronika: a replicated log broker that speaks Kafka's protocol", "kronika");
  app.set_version_flag("--version", DescribeBuild());
  app.require_subcommand(1);
  std::map<std::string_view, CLI::App*> nouns;
  std::list<Parsed> all;
  for (const auto& command : commands) {
    CLI::App* parent = &app;
    if (!command.verb.empty()) {
      CLI::App*& noun = nouns[command.noun];
      if (noun == nullptr) {
        noun = app.add_subcommand(std::string(command.noun), HelpOf(command.noun));
        noun->require_subcommand(1);
      }
      parent = noun;
    }
    Parsed& parsed = all.emplace_back();
    parsed.command = &command;
    parsed.app = parent->add_subcommand(
        std::string(command.verb.empty() ? command.noun : command.verb), std::string(command.help));
    AddOptions(parsed);
  }
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    return WrongUsage(app, error);
  }
  for (const auto& parsed : all) {
    if (parsed.app->parsed()) return parsed.command->run(ArgumentsOf(parsed));
  }
  return kExitUsage;
}

}  // namespace
}  // namespace kronika::cmd

int main(int count, char** words) {
  return kronika::cmd::Run(count, words);
}
