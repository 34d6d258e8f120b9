// ControllerCalls: what brokers ask of a controller that leads a metadata group of one.
//
// Planted bug that was seen to be caught: topic-id-comes-back.
#include "broker/cluster/controller_calls.h"

#include <gtest/gtest.h>

#include "base/fake_kv.h"
#include "base/sim_loop.h"
#include "metadata/codec.h"
#include "raft/fake_log_store.h"
#include "tests/unit/metadata/world.h"

namespace kronika::broker {
namespace {

constexpr raft::ReplicaId kSelf{BrokerId{1}, Incarnation{}};

class ControllerCallsTest : public testing::Test, public raft::GroupHost {
 public:
  void Send(raft::Group&, raft::Message) override {}
  void MarkDirty(raft::Group&) override {
    loop_.Post([this] { group_->Process(); });
  }
  void InstallWanted(raft::Group&, raft::ReplicaId) override {}
  void StatusChanged(raft::Group&) override {}
  Status Admit(std::size_t, raft::EntriesOf) const override { return {}; }
  void CountAdmitted(std::int64_t) override {}
  void LeadershipGained(const raft::Group&) override {}
  void CountUncommitted(std::int64_t) override {}
  bool IsFirstLive(const raft::Group&) const override { return true; }
  void StoreFailed(const Error& error) override { ADD_FAILURE() << error.Describe(); }

 protected:
  void SetUp() override {
    const metadata::World world(1);
    const Uuid cluster = metadata::TestUuid(200);
    auto machine = std::make_unique<metadata::StateMachine>(
        metadata::StateMachine::Environment{loop_, kv_, NullLog()}, std::nullopt,
        metadata::FoundingImage(cluster, world.voters));
    machine_ = machine.get();
    service_ = std::make_unique<ControllerService>(
        ControllerEnvironment{loop_, NullLog(), *machine_, {}, cluster, world.voters});
    calls_ = std::make_unique<ControllerCalls>(*service_, rng_);
    machine_->SetStatusHandler([this](const auto& status) { service_->OnStatus(status); });
    machine_->SetOutcomeHandler([this](const raft::Entry& entry, const Status& outcome) {
      service_->OnOutcome(entry, outcome);
    });
    raft::GroupSpec spec{
        .id = kMetadataGroup, .self = kSelf, .created = raft::Created{.self = kSelf}};
    spec.recovered.start.membership = machine_->image()->metadata_group.FoundingMembership();
    spec.created->membership = spec.recovered.start.membership;
    group_ = std::make_shared<raft::Group>(raft::GroupEnvironment{loop_, store_, *this, rng_, {}},
                                           std::move(spec), std::move(machine));
    service_->Bind(*group_);
    group_->Start();
    ASSERT_TRUE(
        scheduler_.RunUntilTrue([this] { return service_->leads(); }, std::chrono::seconds(10)));
    ASSERT_TRUE(Ask(CallKind::kRegister, metadata::EncodeRecords({metadata::Registration(1)})));
  }

  Result<Slice> Ask(CallKind kind, std::string_view payload) {
    std::optional<Result<Slice>> answer;
    calls_->Handle(kind, Slice::CopyOf(payload), [&](auto result) { answer = std::move(result); });
    if (!scheduler_.RunUntilTrue([&] { return answer.has_value(); }, std::chrono::seconds(10)))
      return Fail(ErrorCode::kTimedOut, "no answer");
    return std::move(*answer);
  }
  metadata::TopicResult OnTopic(CallKind kind, std::string_view payload) {
    const auto answer = Ask(kind, payload);
    EXPECT_TRUE(answer);
    auto results = answer ? DecodeTopicResults(answer->bytes()) : Result<TopicResults>();
    EXPECT_TRUE(results && results->results.size() == 1);
    return results && results->results.size() == 1 ? results->results[0] : metadata::TopicResult{};
  }

  SeededRng rng_{1};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  FakeKvStore kv_store_{rng_};
  FakeKv kv_{kv_store_, loop_};
  raft::FakeLogDisk disk_;
  raft::FakeLogStore store_{loop_, disk_};
  metadata::StateMachine* machine_ = nullptr;
  std::unique_ptr<ControllerService> service_;
  std::unique_ptr<ControllerCalls> calls_;
  std::shared_ptr<raft::Group> group_;
};

// A frame came once more, behind the deletion of what it had created, and the next start found two
// groups under one topic (kronika-sim cluster, seed 856).
TEST_F(ControllerCallsTest, AQuestionThatComesTwiceDoesNotBringBackATopicsId) {
  const std::string create = EncodeCreateTopics({.topics = {{.name = "d", .partitions = 1}}});
  const auto first = OnTopic(CallKind::kCreateTopics, create);
  ASSERT_FALSE(first.refusal);
  const auto there = OnTopic(CallKind::kCreateTopics, create);
  ASSERT_TRUE(there.refusal);
  EXPECT_EQ(there.refusal->code, metadata::RefusalCode::kTopicExists);
  const auto deleted = OnTopic(CallKind::kDeleteTopics, EncodeDeleteTopics({{"d", first.id, {}}}));
  ASSERT_FALSE(deleted.refusal);
  ASSERT_FALSE(machine_->image()->FindTopic("d"));
  const auto again = OnTopic(CallKind::kCreateTopics, create);
  ASSERT_FALSE(again.refusal);
  EXPECT_NE(again.id, first.id);
  EXPECT_EQ(machine_->image()->FindTopic("d")->id, again.id);
}

}  // namespace
}  // namespace kronika::broker
