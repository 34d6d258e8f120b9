// KRONIKA_CHECK: a condition that only a bug can break. On in every build; prints file, line, text
// and aborts. Never CHECK bytes that came from a network or a disk: those are a Result.
#pragma once

#include <string_view>

namespace kronika {

[[noreturn]] void CheckFailed(const char* file, int line, const char* expression,
                              std::string_view text);

}  // namespace kronika

#define KRONIKA_CHECK(condition, ...)                                                          \
  do {                                                                                         \
    if (!(condition)) [[unlikely]] {                                                           \
      ::kronika::CheckFailed(__FILE__, __LINE__, #condition, ::std::string_view{__VA_ARGS__}); \
    }                                                                                          \
  } while (false)
