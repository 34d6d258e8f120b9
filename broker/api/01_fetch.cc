// Fetch (key 1), versions 4-17: reads record batches, and waits for them without polling.
//
//   up to v5   KAFKA_STORAGE_ERROR is NOT_LEADER_OR_FOLLOWER
//   v7         sessions; none is opened: session id 0 is answered, which clients take as "full
//   requests only"
//   v9         the client's leader epoch is checked
//   v11        any replica that is readable answers, up to its high watermark; before, the leader
//   only
//   v13        topics by id
//   v16        NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH come with the leader and its address
//   (KIP-951)
//
// The waiting itself is in fetch_call.h. A replica id in the request is ignored: replicas do not
// use this API.
#include "proto/kafka/fetch.h"

#include "broker/api/fetch_call.h"
#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::FetchRequest;
using kafka::FetchResponse;

void Answer(const Services& services, const RequestContext& context, FetchRequest request,
            Reply<FetchResponse> reply) {
  // Epochs above 0 continue a session; -1 and 0 are whole requests, the latter with the wish for a
  // session.
  if (request.session_epoch > 0) {
    FetchResponse response;
    response.error_code = KafkaError::kFetchSessionIdNotFound;
    return reply(response);
  }
  FetchCall::Start(services, context, request, std::move(reply));
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(Fetch, &broker::Answer)
