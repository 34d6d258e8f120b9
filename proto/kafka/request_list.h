// Lists of request types, and the proof that each advertised one has a handler.
//
// The dispatcher specialises Handler for each request that it serves and calls
// RequireHandlers(AdvertisedRequests{}): an API that the schema advertises and nobody handles does
// not compile.
#pragma once

namespace kronika::kafka {

template <class... Requests>
struct RequestList {};

// Specialised by the dispatcher: Handler<FetchRequest> and so on. What it holds is the dispatcher's
// business.
template <class Request>
struct Handler;

template <class Request>
concept Handled = requires { sizeof(Handler<Request>); };

template <class... Requests>
consteval void RequireHandlers(RequestList<Requests...>) {
  static_assert((Handled<Requests> && ...),
                "an advertised API has no handler: specialise kafka::Handler for it");
}

// visit.template operator()<Request>() for each request of the list, in order.
template <class... Requests, class Visit>
constexpr void ForEachRequest(RequestList<Requests...>, Visit visit) {
  (visit.template operator()<Requests>(), ...);
}

}  // namespace kronika::kafka
