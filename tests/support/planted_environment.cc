// Linked into a test program: switches on the planted bug that the environment variable
// KRONIKA_PLANTED names before main, so that one can see the test fail:
//   KRONIKA_PLANTED=chunk-sum-unchecked build/dev/tests/unit/wal/log/partition_log_test
//
// Runs once, before any thread starts.
#include <cstdlib>

#include "base/planted.h"

namespace kronika {
namespace {

const bool switched_on = [] {
  const char* name = std::getenv("KRONIKA_PLANTED");
  if (name != nullptr) planted::Enable(name);
  return name != nullptr;
}();

}  // namespace
}  // namespace kronika
