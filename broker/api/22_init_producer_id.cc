// InitProducerId (key 22), versions 0-5: an id for an idempotent producer.
//
//   v3   a producer may say which id and epoch it had; without a transactional id it gets a fresh
//   one all the same
//
// There are no transactions yet: a transactional id is answered INVALID_REQUEST.
#include "proto/kafka/init_producer_id.h"

#include <memory>

#include "broker/api/serve.h"

namespace kronika::broker {
namespace {

using kafka::InitProducerIdRequest;
using kafka::InitProducerIdResponse;

void Answer(const Services& services, const RequestContext&, InitProducerIdRequest request,
            Reply<InitProducerIdResponse> reply) {
  if (request.transactional_id.has_value()) {
    return reply(MakeErrorResponse(request, KafkaError::kInvalidRequest));
  }
  services.admin->AllocateProducerId([reply = std::move(reply)](ProducerIdentity given) mutable {
    InitProducerIdResponse response;
    response.error_code = given.error;
    response.producer_id = given.id;
    response.producer_epoch = given.epoch;
    reply(response);
  });
}

}  // namespace
}  // namespace kronika::broker

KRONIKA_SERVE_WITH(InitProducerId, &broker::Answer)
