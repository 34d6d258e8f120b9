// What the user gave; see command.h.
#include "cmd/kronika/command.h"

namespace kronika::cmd {

const std::vector<std::string>& Arguments::List(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

const std::string& Arguments::Text(std::string_view name) const {
  static const std::string kNone;
  const auto& list = List(name);
  return list.empty() ? kNone : list.back();
}

void Arguments::Add(std::string_view name, std::string value) {
  values_[std::string(name)].push_back(std::move(value));
}

}  // namespace kronika::cmd
