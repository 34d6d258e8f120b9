// Result<T>: a value or an Error. `Status` is a Result without a value.
#pragma once

#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace kronika {

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// The completion of an asynchronous call: called exactly once, on the loop that the call was made
// from, never from inside the call itself.
template <class T>
using Done = std::move_only_function<void(Result<T>)>;

inline std::unexpected<Error> Fail(ErrorCode code, std::string text, std::string where = {}) {
  return std::unexpected(Error{code, std::move(text), std::move(where)});
}

// Drops an error on purpose; `why` is for the reader.
template <class T>
void IgnoreError(const Result<T>&, std::string_view /*why*/) {}

// KRONIKA_TRY(expr): returns the Error of a Result from the enclosing function, for statements
// without a value.
#define KRONIKA_TRY(expr)                                            \
  do {                                                               \
    if (auto kronika_try_result = (expr); !kronika_try_result) {     \
      return std::unexpected(std::move(kronika_try_result).error()); \
    }                                                                \
  } while (false)

}  // namespace kronika
