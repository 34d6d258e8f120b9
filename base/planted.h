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
// The exit code of a program that is to have a bug that is not in it: neither that of a test that
// passed nor of one that failed.
inline constexpr int kExitNoSuchBug = 2;
// Turns the bug `name` on ("" turns all off). Called before threads start. Ends the program if it
// was built without this bug: a test that passes then would prove nothing.
void Enable(std::string_view name);
bool Enabled(std::string_view name);
}  // namespace kronika::planted
#define KRONIKA_PLANTED(name) (::kronika::planted::Enabled("planted:" name))
#else
#define KRONIKA_PLANTED(name) false
#endif
