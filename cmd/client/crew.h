// Crew: the one place of the command line that makes threads. Each runs one body to its end and
// shares nothing with the others but what the bodies guard themselves.
//
// Called from one thread at a time.
#pragma once

#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

namespace kronika::client {

class Crew {
 public:
  // Starts `body(i)` for i from 0 to `size` - 1, each on a thread of its own.
  Crew(std::size_t size, const std::function<void(std::size_t)>& body);
  // Waits until all have ended.
  ~Crew() = default;

 private:
  std::vector<std::jthread> threads_;
};

}  // namespace kronika::client
