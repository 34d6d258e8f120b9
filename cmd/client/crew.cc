// Crew; see crew.h.
#include "cmd/client/crew.h"

namespace kronika::client {

Crew::Crew(std::size_t size, const std::function<void(std::size_t)>& body) {
  for (std::size_t i = 0; i < size; ++i) threads_.emplace_back(body, i);
}

}  // namespace kronika::client
