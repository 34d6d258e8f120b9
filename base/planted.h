// Planted bugs: deliberate faults that prove that a test can fail. They exist only in test builds
// (KRONIKA_TEST_BUILD) and are switched on by name, per process, before anything runs.
//
//   if (KRONIKA_PLANTED("ack-before-sync")) { ... the bug ... }
//
// In a release the condition is the constant false, and the name is not in the binary (a test greps
// for it).
#pragma once

#if KRONIKA_TEST_BUILD
#include <string_view>

namespace kronika::planted {
// Turns the bug `name` on ("" turns all off). Called before threads start.
void Enable(std::string_view name);
bool Enabled(std::string_view name);
}  // namespace kronika::planted
#define KRONIKA_PLANTED(name) (::kronika::planted::Enabled("planted:" name))
#else
#define KRONIKA_PLANTED(name) false
#endif
