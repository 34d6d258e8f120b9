// The table as text for people: the annotated example file and the help page.
#include <fmt/format.h>

#include "config/options.h"
#include "metadata/broker_configs.h"
#include "metadata/topic_configs.h"

namespace kronika::config {
namespace {

constexpr std::size_t kWidth = 100;

// `text` in lines of at most kWidth columns, each after `prefix`.
std::string Wrap(std::string_view text, std::string_view prefix) {
  std::string out;
  std::string line(prefix);
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() > prefix.size() && line.size() + 1 + word.size() > kWidth) {
      out += line + "\n";
      line = prefix;
    }
    if (line.size() > prefix.size()) line += ' ';
    line += word;
  }
  return out + line + "\n";
}

// What stands in the example where there is no default.
std::string_view ExampleOf(std::string_view name) {
  if (name == "node_id") return "1";
  if (name == "data_dir") return "/var/lib/kronika";
  return "";
}

std::string ConfigLines(std::span<const metadata::ConfigDefinition> table) {
  std::string out;
  for (const auto& definition : table) {
    if (definition.effect == metadata::ConfigEffect::kNoOp) continue;
    out += Wrap(definition.documentation, "#   # ");
    out += fmt::format("#   {}: {}\n", definition.name, definition.default_value);
  }
  return out;
}

std::string KeyLines(const OptionDefinition& definition) {
  const auto text =
      fmt::format("{} ({}; {})", definition.documentation, definition.type, definition.range);
  std::string out = "\n" + Wrap(text, "# ");
  if (definition.type == "map") {
    const bool topics = definition.name == "topic_defaults";
    out += fmt::format("# {}:\n", definition.name);
    return out + ConfigLines(topics ? metadata::TopicConfigs() : metadata::BrokerConfigs());
  }
  const auto example = ExampleOf(definition.name);
  if (!example.empty()) return out + fmt::format("{}: {}\n", definition.name, example);
  const auto space = definition.default_value.empty() ? "" : " ";
  return out + fmt::format("# {}:{}{}\n", definition.name, space, definition.default_value);
}

}  // namespace

std::string ExampleYaml() {
  std::string out =
      "# A node file with every key that there is. A line that is commented out shows the "
      "default.\n"
      "# KRONIKA_<KEY> in the environment and --set KEY=VALUE win over this file.\n";
  for (const auto& definition : OptionTable()) out += KeyLines(definition);
  return out;
}

std::string HelpText() {
  std::string out;
  for (const auto& definition : OptionTable()) {
    const auto shown =
        definition.default_value.empty() ? std::string_view("(empty)") : definition.default_value;
    out += fmt::format("  {:<22}{}, default {}\n", definition.name, definition.range, shown);
    out += Wrap(definition.documentation, "      ");
  }
  return out;
}

}  // namespace kronika::config
