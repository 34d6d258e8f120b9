#include "broker/cluster/controller_calls.h"

#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/planted.h"
#include "metadata/codec.h"
#include "metadata/identity.h"

namespace kronika::broker {
namespace {

void Refuse(Done<Slice> done, const Error& error) {
  done(std::unexpected(error));
}

Done<Index> NothingBack(Done<Slice> done) {
  return [done = std::move(done)](Result<Index> index) mutable {
    if (!index) return done(std::unexpected(index.error()));
    done(Slice());
  };
}

// Decides on topics and answers with their results, refused ones included.
void Plan(ControllerService& service,
          std::function<metadata::TopicPlan(const metadata::ControllerView&)> plan, bool propose,
          Done<Slice> done) {
  auto results = std::make_shared<std::vector<metadata::TopicResult>>();
  auto decide = [plan = std::move(plan), results,
                 propose](const metadata::ControllerView& view) -> Result<metadata::Records> {
    auto planned = plan(view);
    *results = std::move(planned.results);
    return propose ? std::move(planned.records) : metadata::Records{};
  };
  service.Submit(std::move(decide), [results, done = std::move(done)](Result<Index> index) mutable {
    if (!index) return done(std::unexpected(index.error()));
    done(Slice::CopyOf(EncodeTopicResults({*index, std::move(*results)})));
  });
}

}  // namespace

void ControllerCalls::Serve(raft::Calls& calls) {
  for (CallKind kind : {CallKind::kRegister, CallKind::kCreateTopics, CallKind::kDeleteTopics,
                        CallKind::kAllocateProducerIds, CallKind::kReplaceBroker,
                        CallKind::kReportMembership, CallKind::kReplaceReplica}) {
    calls.SetHandler(std::to_underlying(kind),
                     [this, kind](BrokerId, const raft::Call& call, Done<Slice> answer) {
                       Handle(kind, call.payload, std::move(answer));
                     });
  }
}

void ControllerCalls::Handle(CallKind kind, const Slice& payload, Done<Slice> done) {
  switch (kind) {
    case CallKind::kRegister:
    case CallKind::kReplaceBroker:
    case CallKind::kReportMembership:
      return TakeRecord(payload, std::move(done));
    case CallKind::kCreateTopics:
      return CreateTopics(payload, std::move(done));
    case CallKind::kDeleteTopics:
      return DeleteTopics(payload, std::move(done));
    case CallKind::kAllocateProducerIds:
      return AllocateProducerIds(payload, std::move(done));
    case CallKind::kReplaceReplica:
      return ReplaceReplica(payload, std::move(done));
    case CallKind::kLiveBrokers:
    case CallKind::kWhoAmI:
    case CallKind::kHighWatermarks:
    case CallKind::kElectPreferred:
    case CallKind::kStopping:
      break;
  }
  done(Fail(ErrorCode::kUnsupported, "not a question for the controller"));
}

// A broker's own statement, as the record that it would become.
void ControllerCalls::TakeRecord(const Slice& payload, Done<Slice> done) {
  auto records = metadata::DecodeRecords(payload.bytes());
  if (!records) return Refuse(std::move(done), records.error());
  if (records->size() != 1) return done(Fail(ErrorCode::kCorruption, "one statement is expected"));
  if (auto* hello = std::get_if<metadata::BrokerRegistered>(&records->front()))
    service_.Heard(hello->broker);
  auto decide = [record = records->front()](
                    const metadata::ControllerView& view) -> Result<metadata::Records> {
    if (auto* hello = std::get_if<metadata::BrokerRegistered>(&record)) {
      return metadata::RegisterBroker(view.image, *hello);
    }
    if (auto* replaced = std::get_if<metadata::BrokerReplaced>(&record)) {
      return metadata::ReplaceBroker(view.image, replaced->broker, replaced->directory);
    }
    if (auto* carried_out = std::get_if<metadata::MembershipDone>(&record)) {
      return metadata::ConfirmMembership(view.image, carried_out->group,
                                         carried_out->metadata_index);
    }
    return Fail(ErrorCode::kInvalidArgument, "not a statement that a broker may make");
  };
  service_.Submit(std::move(decide), NothingBack(std::move(done)));
}

// A topic's id is drawn with each decision: a question that comes twice must not bring back the id
// of a topic that was deleted in between (SAFETY A4).
void ControllerCalls::CreateTopics(const Slice& payload, Done<Slice> done) {
  auto asked = DecodeCreateTopics(payload.bytes());
  if (!asked) return Refuse(std::move(done), asked.error());
  bool propose = !asked->validate_only;
  for (auto& topic : asked->topics) {
    topic.id = KRONIKA_PLANTED("topic-id-comes-back") ? Uuid{{1}} : metadata::DrawUuid(rng_);
  }
  auto plan = [topics = std::move(asked->topics)](const metadata::ControllerView& view) {
    return metadata::CreateTopics(view, topics);
  };
  Plan(service_, std::move(plan), propose, std::move(done));
}

void ControllerCalls::DeleteTopics(const Slice& payload, Done<Slice> done) {
  auto asked = DecodeDeleteTopics(payload.bytes());
  if (!asked) return Refuse(std::move(done), asked.error());
  auto plan = [requests = std::move(*asked)](const metadata::ControllerView& view) {
    return metadata::DeleteTopics(view.image, requests);
  };
  Plan(service_, std::move(plan), true, std::move(done));
}

void ControllerCalls::AllocateProducerIds(const Slice& payload, Done<Slice> done) {
  LeReader in(payload.bytes());
  BrokerId broker{in.Int<std::int32_t>()};
  if (!in.ok() || in.left() != 0)
    return done(Fail(ErrorCode::kCorruption, "a broker id is expected"));
  auto block = std::make_shared<ProducerIdBlock>();
  auto decide = [broker, block](const metadata::ControllerView& view) -> Result<metadata::Records> {
    auto records = metadata::AllocateProducerIds(view.image, broker);
    if (auto* allocated = std::get_if<metadata::ProducerIdsAllocated>(&records.front())) {
      *block = {allocated->first, allocated->count};
    }
    return records;
  };
  service_.Submit(std::move(decide), [block, done = std::move(done)](Result<Index> index) mutable {
    if (!index) return done(std::unexpected(index.error()));
    done(Slice::CopyOf(EncodeProducerIdBlock(*block)));
  });
}

void ControllerCalls::ReplaceReplica(const Slice& payload, Done<Slice> done) {
  LeReader in(payload.bytes());
  GroupId group{in.Int<std::uint32_t>()};
  BrokerId broker{in.Int<std::int32_t>()};
  raft::ReplicaId damaged{broker, Incarnation{in.Int<std::uint64_t>()}};
  if (!in.ok() || in.left() != 0)
    return done(Fail(ErrorCode::kCorruption, "a group and a replica are expected"));
  auto decide = [group, damaged](const metadata::ControllerView& view) {
    return metadata::ReplaceReplica(view.image, group, damaged);
  };
  service_.Submit(std::move(decide), NothingBack(std::move(done)));
}

}  // namespace kronika::broker
