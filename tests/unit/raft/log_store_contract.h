// What every LogStore keeps (log_store.h), as a suite that runs against the journal's and the fake.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/sim_loop.h"
#include "raft/log_store.h"

namespace kronika::raft {

// A store on something that survives, with crashes.
class LogStoreWorld {
 public:
  virtual ~LogStoreWorld() = default;
  virtual LogStore& store() = 0;
  virtual SimScheduler& scheduler() = 0;
  // Power loss, and a new store on what is left.
  virtual std::map<GroupId, RecoveredGroup> Restart() = 0;
  // The next sync fails.
  virtual void FailNextSync() = 0;
};

using MakeLogStoreWorld = std::function<std::unique_ptr<LogStoreWorld>(std::uint64_t seed)>;

class LogStoreContract : public testing::TestWithParam<MakeLogStoreWorld> {
 protected:
  void SetUp() override { world_ = GetParam()(1); }
  LogStore& store() { return world_->store(); }

  static GroupWrite Entries(std::uint32_t group, std::uint64_t first, std::size_t count,
                            std::uint64_t term = 1) {
    GroupWrite write{.group = {group}};
    for (std::size_t i = 0; i < count; ++i) {
      write.raft.entries.push_back(
          {.index = {first + i},
           .term = {term},
           .type = EntryType::kData,
           .append_time_ms = 7,
           .payload = Slice::CopyOf("payload " + std::to_string(first + i))});
    }
    return write;
  }
  static std::string Line(const std::vector<Entry>& entries) {
    std::string out;
    for (const Entry& entry : entries) {
      out += std::to_string(entry.index.value) + "@" + std::to_string(entry.term.value) + " ";
    }
    return out;
  }
  bool RunUntil(const std::function<bool()>& condition) {
    return world_->scheduler().RunUntilTrue(condition, std::chrono::minutes(1));
  }
  Status Append(GroupWrite write) {
    auto status = std::make_shared<std::optional<Status>>();
    store().Append(std::move(write), [status](Status result) { *status = std::move(result); });
    EXPECT_FALSE(status->has_value()) << "completed inside the call";
    if (!RunUntil([&] { return status->has_value(); })) {
      return Fail(ErrorCode::kTimedOut, "the append never completed");
    }
    return **status;
  }
  Result<std::vector<Entry>> Read(std::uint32_t group, std::uint64_t first, std::uint64_t last,
                                  std::size_t bytes_max = 1 << 20) {
    auto out = std::make_shared<std::optional<Result<std::vector<Entry>>>>();
    store().Read({group}, {first}, {last}, bytes_max, [out](auto result) { *out = result; });
    if (!RunUntil([&] { return out->has_value(); })) {
      return Fail(ErrorCode::kTimedOut, "the read never completed");
    }
    return **out;
  }

  std::unique_ptr<LogStoreWorld> world_;
};

TEST_P(LogStoreContract, WhatWasReportedDurableIsRecovered) {
  // Caught journal-ack-before-sync and fake-log-store-ack-before-sync.
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    world_ = GetParam()(seed);
    std::uint64_t durable = 0;
    for (std::uint64_t index = 1; index <= 12; ++index) {
      store().Append(Entries(3, index, 1), [&durable, index](Status status) {
        if (status) durable = index;
      });
      world_->scheduler().RunFor(std::chrono::microseconds(20 * seed));
    }
    const std::uint64_t promised = durable;
    const auto groups = world_->Restart();
    const auto it = groups.find({3});
    EXPECT_GE(it == groups.end() ? 0 : it->second.entries.size(), promised);
  }
}

TEST_P(LogStoreContract, EveryPartOfAWriteComesBack) {
  GroupWrite write = Entries(5, 1, 2, 4);
  write.created = Created{.self = {{2}, {17}}, .floor = {3}};
  write.created->membership.voters = {{{1}, {17}}, {{2}, {17}}};
  write.raft.hard_state = HardState{.term = {4}, .vote = {{1}, {17}}, .commit = {3}};
  ASSERT_TRUE(Append(std::move(write)));
  GroupWrite installed{.group = {6}};
  installed.created = Created{.self = {{2}, {18}}};
  installed.installed = Installed{.start = {{90}, {3}, {}}, .manifest = "manifest"};
  ASSERT_TRUE(Append(std::move(installed)));
  auto groups = world_->Restart();
  const RecoveredGroup& group = groups[{5}];
  EXPECT_EQ(Line(group.entries), "1@4 2@4 ");
  EXPECT_EQ(group.entries.at(0).payload.text(), "payload 1");
  EXPECT_EQ(group.entries.at(0).type, EntryType::kData);
  EXPECT_EQ(group.entries.at(0).append_time_ms, 7);
  ASSERT_TRUE(group.created && group.hard_state);
  EXPECT_EQ(group.created->self.incarnation.value, 17U);
  EXPECT_EQ(group.created->membership.voters.size(), 2U);
  EXPECT_EQ(group.hard_state->vote.broker.value, 1);
  EXPECT_EQ(group.hard_state->commit.value, 3U);
  ASSERT_TRUE(groups[{6}].installed && groups[{6}].created);
  EXPECT_EQ(groups[{6}].installed->start.index.value, 90U);
  EXPECT_EQ(groups[{6}].installed->manifest, "manifest");
  EXPECT_TRUE(groups[{6}].created->membership.voters.empty());
}

TEST_P(LogStoreContract, CompletionsComeInOrder) {
  std::vector<int> order;
  for (int i = 0; i < 10; ++i) {
    store().Append(Entries(1, static_cast<std::uint64_t>(i) + 1, 1),
                   [&order, i](Status) { order.push_back(i); });
    if (i == 4) world_->scheduler().RunFor(std::chrono::microseconds(60));
  }
  ASSERT_TRUE(RunUntil([&] { return order.size() == 10; }));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST_P(LogStoreContract, AnOverwrittenSuffixIsGone) {
  ASSERT_TRUE(Append(Entries(1, 1, 5)));
  GroupWrite write = Entries(1, 3, 1, 2);
  write.raft.truncate_from = Index{3};
  ASSERT_TRUE(Append(std::move(write)));
  const auto entries = Read(1, 1, 5);
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "1@1 2@1 3@2 ");
  EXPECT_EQ(Line(world_->Restart()[{1}].entries), "1@1 2@1 3@2 ");
}

TEST_P(LogStoreContract, ACutAloneIsDurable) {
  ASSERT_TRUE(Append(Entries(1, 1, 5)));
  GroupWrite write{.group = {1}};
  write.raft.truncate_from = Index{4};
  ASSERT_TRUE(Append(std::move(write)));
  EXPECT_EQ(Read(1, 4, 5).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Line(world_->Restart()[{1}].entries), "1@1 2@1 3@1 ");
}

TEST_P(LogStoreContract, ReadsAreBoundedButReturnAtLeastOneEntry) {
  ASSERT_TRUE(Append(Entries(1, 1, 5)));
  auto entries = Read(1, 2, 4);
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "2@1 3@1 4@1 ");
  entries = Read(1, 2, 4, 1);
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "2@1 ");
  EXPECT_EQ(Read(1, 6, 7).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Read(2, 1, 1).error().code, ErrorCode::kNotFound);
}

TEST_P(LogStoreContract, FirstReadableFollowsTheLog) {
  EXPECT_EQ(store().FirstReadable({1}), Index{1});
  ASSERT_TRUE(Append(Entries(1, 1, 3)));
  EXPECT_EQ(store().FirstReadable({1}), Index{1});
  GroupWrite write{.group = {1}};
  write.installed = Installed{.start = {{50}, {2}, {}}, .manifest = ""};
  ASSERT_TRUE(Append(std::move(write)));
  EXPECT_EQ(store().FirstReadable({1}), Index{51});
  ASSERT_TRUE(Append(Entries(1, 51, 2, 2)));
  const auto entries = Read(1, 51, 52);
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "51@2 52@2 ");
}

TEST_P(LogStoreContract, AnInstallKeepsWhatMatchesAndDropsTheRest) {
  ASSERT_TRUE(Append(Entries(1, 1, 5)));
  GroupWrite matching{.group = {1}};
  matching.installed = Installed{.start = {{3}, {1}, {}}, .manifest = ""};
  ASSERT_TRUE(Append(std::move(matching)));
  ASSERT_TRUE(Append(Entries(2, 1, 5)));
  GroupWrite other{.group = {2}};
  other.installed = Installed{.start = {{3}, {2}, {}}, .manifest = ""};
  ASSERT_TRUE(Append(std::move(other)));
  auto groups = world_->Restart();
  EXPECT_EQ(groups[{1}].entries.back().index, Index{5});
  EXPECT_TRUE(groups[{2}].entries.empty());
}

TEST_P(LogStoreContract, ARemovedGroupIsRemovedUntilItIsCreatedAgain) {
  ASSERT_TRUE(Append(Entries(1, 1, 5)));
  GroupWrite removal{.group = {1}};
  removal.removed = true;
  ASSERT_TRUE(Append(std::move(removal)));
  auto groups = world_->Restart();
  EXPECT_TRUE(groups[{1}].removed);
  EXPECT_TRUE(groups[{1}].entries.empty());
  GroupWrite again{.group = {1}};
  again.created = Created{.self = {{1}, {40}}};
  ASSERT_TRUE(Append(std::move(again)));
  ASSERT_TRUE(Append(Entries(1, 1, 2, 9)));
  groups = world_->Restart();
  EXPECT_FALSE(groups[{1}].removed);
  EXPECT_EQ(Line(groups[{1}].entries), "1@9 2@9 ");
}

TEST_P(LogStoreContract, AFailedSyncIsFinal) {
  ASSERT_TRUE(Append(Entries(1, 1, 1)));
  world_->FailNextSync();
  EXPECT_FALSE(Append(Entries(1, 2, 1)));
  EXPECT_FALSE(Append(Entries(2, 1, 1)));
  EXPECT_FALSE(Append(Entries(1, 2, 1)));
}

TEST_P(LogStoreContract, WhatWasNotReleasedStaysReadable) {
  ASSERT_TRUE(Append(Entries(1, 1, 6)));
  store().ReleaseTo({1}, {3});
  const auto entries = Read(1, 4, 6);
  ASSERT_TRUE(entries);
  EXPECT_EQ(Line(*entries), "4@1 5@1 6@1 ");
  EXPECT_LE(store().FirstReadable({1}), Index{4});
}

}  // namespace kronika::raft
