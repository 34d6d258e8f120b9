// A dispatcher that forgot Metadata, for the tests that compile this file: with HANDLE_ALL it must
// compile, without it must not.
#include "proto/kafka/advertised.h"

namespace kronika::kafka {

#if HANDLE_ALL
template <class Request>
struct Handler {};
#else
template <>
struct Handler<ApiVersionsRequest> {};
#endif

void Check() {
  RequireHandlers(AdvertisedRequests{});
}

}  // namespace kronika::kafka
