// Which seeds a run covers, read from the command line; see subcommands.h.
#include <charconv>
#include <cstdio>

#include "cmd/kronika_sim/subcommands.h"

namespace kronika::sim {
namespace {

bool ParseNumber(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool ParseRange(std::string_view text, SeedArguments& out) {
  const auto dots = text.find("..");
  if (dots == std::string_view::npos) {
    return ParseNumber(text, out.first) && ParseNumber(text, out.last);
  }
  return ParseNumber(text.substr(0, dots), out.first) &&
         ParseNumber(text.substr(dots + 2), out.last);
}

bool ParseOne(const std::string& name, const std::string& value, SeedArguments& out) {
  if (name == "--seeds" || name == "--seed") return ParseRange(value, out);
  if (name == "--bug") {
    out.bug = value;
    return true;
  }
  if (name != "--log" || (value != "short" && value != "full")) return false;
  out.log = value == "short" ? SeedArguments::Log::kShort : SeedArguments::Log::kFull;
  return true;
}

}  // namespace

bool ParseSeedArguments(const std::vector<std::string>& arguments, SeedArguments& out) {
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (i + 1 < arguments.size() && ParseOne(arguments[i], arguments[i + 1], out)) continue;
    std::printf("cannot use %s\n", arguments[i].c_str());
    return false;
  }
  if (out.last >= out.first) return true;
  std::puts("give --seeds A..B or --seed N");
  return false;
}

}  // namespace kronika::sim
