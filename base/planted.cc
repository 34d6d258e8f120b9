#include "base/planted.h"

#if KRONIKA_TEST_BUILD
#include <string>

namespace kronika::planted {
namespace {
// The one mutable static of the tree: written before threads start, read afterwards, absent from a
// release.
std::string& Active() {
  static std::string name;
  return name;
}
}  // namespace

void Enable(std::string_view name) {
  Active() = name.empty() ? "" : "planted:" + std::string(name);
}
bool Enabled(std::string_view name) {
  return !Active().empty() && name == Active();
}

}  // namespace kronika::planted
#endif
