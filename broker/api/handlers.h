// The handlers, one per advertised API; each is defined in the file of broker/api that has its key
// in the name.
//
// Called on the broker's loop. Serve() decodes the body and hands the request to the API's handler.
// An error means that the body does not decode: `path` is then unused, and the dispatcher closes
// the connection. The compiler refuses an advertised API that is missing here
// (proto/kafka/request_list.h).
#pragma once

#include "base/buffer.h"
#include "base/result.h"
#include "broker/request.h"
#include "broker/services.h"
#include "proto/kafka/advertised.h"
#include "proto/kafka/api_table.h"

namespace kronika::broker {

// ApiVersions in a version that is not served: version 0 with error 35 and the row of ApiVersions
// (KIP-511).
void AnswerUnknownApiVersions(ReplyPath path);

}  // namespace kronika::broker

namespace kronika::kafka {

#define KRONIKA_HANDLES(Api)                                                                     \
  template <>                                                                                    \
  struct Handler<Api##Request> {                                                                 \
    static constexpr ApiKey kKey = ApiKey::k##Api;                                               \
    static Status Serve(const broker::Services& services, const broker::RequestContext& context, \
                        Slice body, broker::ReplyPath& path);                                    \
  }

KRONIKA_HANDLES(Produce);
KRONIKA_HANDLES(Fetch);
KRONIKA_HANDLES(ListOffsets);
KRONIKA_HANDLES(Metadata);
KRONIKA_HANDLES(OffsetCommit);
KRONIKA_HANDLES(OffsetFetch);
KRONIKA_HANDLES(FindCoordinator);
KRONIKA_HANDLES(JoinGroup);
KRONIKA_HANDLES(Heartbeat);
KRONIKA_HANDLES(LeaveGroup);
KRONIKA_HANDLES(SyncGroup);
KRONIKA_HANDLES(DescribeGroups);
KRONIKA_HANDLES(ListGroups);
KRONIKA_HANDLES(ApiVersions);
KRONIKA_HANDLES(CreateTopics);
KRONIKA_HANDLES(DeleteTopics);
KRONIKA_HANDLES(InitProducerId);
KRONIKA_HANDLES(DescribeConfigs);
KRONIKA_HANDLES(DeleteGroups);
KRONIKA_HANDLES(ElectLeaders);
KRONIKA_HANDLES(OffsetDelete);
KRONIKA_HANDLES(DescribeCluster);

#undef KRONIKA_HANDLES

}  // namespace kronika::kafka
