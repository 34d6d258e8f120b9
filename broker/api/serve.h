// What the files of broker/api share.
#pragma once

#include <utility>

#include "base/result.h"
#include "broker/api/handlers.h"
#include "broker/kafka_error.h"

namespace kronika::broker {

// Decodes `body` and calls handle(services, context, request, reply).
template <class Request, class Handle>
Status ServeDecoded(const Services& services, const RequestContext& context, Slice body,
                    ReplyPath& path, Handle handle) {
  auto request = Request::Decode(std::move(body), context.version);
  if (!request) return std::unexpected(std::move(request).error());
  handle(services, context, std::move(*request),
         Reply<typename Request::Response>(std::move(path)));
  return {};
}

}  // namespace kronika::broker

// Defines the Serve() of an API through its handler function.
#define KRONIKA_SERVE_WITH(Api, handle)                                                          \
  ::kronika::Status kronika::kafka::Handler<kronika::kafka::Api##Request>::Serve(                \
      const broker::Services& services, const broker::RequestContext& context, Slice body,       \
      broker::ReplyPath& path) {                                                                 \
    return broker::ServeDecoded<Api##Request>(services, context, std::move(body), path, handle); \
  }
