#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace kronika {

void CheckFailed(const char* file, int line, const char* expression, std::string_view text) {
  std::fprintf(stderr, "%s:%d: check failed: %s %.*s\n", file, line, expression,
               static_cast<int>(text.size()), text.data());
  std::abort();
}

}  // namespace kronika
