// librdkafka's consumer groups: subscribe, rebalance as members come and go (eager and
// incremental), static members, commit and resume, and the admin calls about groups that it has.
//
// The planted bug that was seen to be caught: member-kept-twice.
//
// Started by tests/support/with_cluster.py, which names the brokers in KRONIKA_BOOTSTRAP.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace kronika {
namespace {

constexpr int kTimeoutMs = 20'000;
constexpr int kPartitions = 6;

using Settings = std::map<std::string, std::string>;
using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;
using List = std::unique_ptr<rd_kafka_topic_partition_list_t,
                             decltype(&rd_kafka_topic_partition_list_destroy)>;
using Event = std::unique_ptr<rd_kafka_event_t, decltype(&rd_kafka_event_destroy)>;

List MakeList() {
  return {rd_kafka_topic_partition_list_new(8), &rd_kafka_topic_partition_list_destroy};
}

Client Make(rd_kafka_type_t type, Settings settings, void* opaque = nullptr,
            void (*rebalance)(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*,
                              void*) = nullptr) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  settings["bootstrap.servers"] = std::getenv("KRONIKA_BOOTSTRAP");
  char text[512];
  for (const auto& [name, value] : settings) {
    EXPECT_EQ(RD_KAFKA_CONF_OK,
              rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text))
        << text;
  }
  rd_kafka_conf_set_opaque(conf, opaque);
  if (rebalance != nullptr) rd_kafka_conf_set_rebalance_cb(conf, rebalance);
  rd_kafka_t* client = rd_kafka_new(type, conf, text, sizeof text);
  EXPECT_NE(nullptr, client) << text;
  if (type == RD_KAFKA_CONSUMER) rd_kafka_poll_set_consumer(client);
  return {client, &rd_kafka_destroy};
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

// A consumer on a thread of its own that polls, and commits what it read every 200 ms.
class Member {
 public:
  Member(const std::string& topic, Settings settings)
      : client_(Make(RD_KAFKA_CONSUMER, WithDefaults(std::move(settings)), this, &OnRebalance)) {
    List topics = MakeList();
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_subscribe(client_.get(), topics.get()));
    thread_ = std::thread([this] { Poll(); });
  }
  ~Member() { Stop(); }

  // Commits and closes; a dynamic member leaves its group.
  void Stop() {
    ending_ = true;
    if (thread_.joinable()) thread_.join();
    client_.reset();
  }

  std::set<int> owned() {
    const std::lock_guard lock(mutex_);
    return owned_;
  }
  std::vector<std::string> values() {
    const std::lock_guard lock(mutex_);
    return values_;
  }
  int assigned() const { return assigned_; }
  int revoked() const { return revoked_; }
  rd_kafka_resp_err_t fatal() const { return fatal_; }

 private:
  static Settings WithDefaults(Settings settings) {
    for (const auto& [name, value] : Settings{{"auto.offset.reset", "earliest"},
                                              {"heartbeat.interval.ms", "200"},
                                              {"session.timeout.ms", "6000"},
                                              {"auto.commit.interval.ms", "200"}}) {
      settings.try_emplace(name, value);
    }
    return settings;
  }

  static void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                          rd_kafka_topic_partition_list_t* partitions, void* opaque) {
    auto* member = static_cast<Member*>(opaque);
    const bool assign = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    const bool incremental = std::string(rd_kafka_rebalance_protocol(client)) == "COOPERATIVE";
    if (incremental) {
      auto* error = assign ? rd_kafka_incremental_assign(client, partitions)
                           : rd_kafka_incremental_unassign(client, partitions);
      if (error != nullptr) rd_kafka_error_destroy(error);
    } else {
      rd_kafka_assign(client, assign ? partitions : nullptr);
    }
    const std::lock_guard lock(member->mutex_);
    if (!incremental) member->owned_.clear();
    for (int i = 0; i < partitions->cnt; ++i) {
      const int partition = partitions->elems[i].partition;
      if (assign) member->owned_.insert(partition);
      if (!assign) member->owned_.erase(partition);
    }
    (assign ? member->assigned_ : member->revoked_) += partitions->cnt > 0 ? 1 : 0;
  }

  void Poll() {
    while (!ending_) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), 50);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const std::lock_guard lock(mutex_);
        values_.emplace_back(static_cast<char*>(message->payload), message->len);
      } else if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        char text[256];
        fatal_ = rd_kafka_fatal_error(client_.get(), text, sizeof text);
      }
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(client_.get());
  }

  std::mutex mutex_;
  std::set<int> owned_;
  std::vector<std::string> values_;
  std::atomic<int> assigned_ = 0;
  std::atomic<int> revoked_ = 0;
  std::atomic<rd_kafka_resp_err_t> fatal_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::atomic<bool> ending_ = false;
  Client client_;
  std::thread thread_;
};

using Members = std::vector<std::unique_ptr<Member>>;

// Every partition is some member's, no two have the same, and loads are level.
bool SharedOut(const Members& members) {
  std::set<int> all;
  std::size_t total = 0;
  std::size_t least = kPartitions;
  std::size_t most = 0;
  for (const auto& member : members) {
    const auto owned = member->owned();
    all.insert(owned.begin(), owned.end());
    total += owned.size();
    least = std::min(least, owned.size());
    most = std::max(most, owned.size());
  }
  return total == kPartitions && all.size() == kPartitions && most <= least + 1;
}

class RdkafkaGroups : public testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("KRONIKA_BOOTSTRAP") == nullptr) GTEST_SKIP() << "KRONIKA_BOOTSTRAP is not set";
    name_ = std::string("rdkafka-") + testing::UnitTest::GetInstance()->current_test_info()->name();
    admin_.emplace(Make(RD_KAFKA_PRODUCER, {}));
    rd_kafka_NewTopic_t* topic = rd_kafka_NewTopic_new(name_.c_str(), kPartitions, 3, nullptr, 0);
    const Event event = Ask([&](rd_kafka_queue_t* queue) {
      rd_kafka_CreateTopics(admin_->get(), &topic, 1, nullptr, queue);
    });
    rd_kafka_NewTopic_destroy(topic);
    ASSERT_NE(nullptr, event);
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_event_error(event.get()));
  }

  Event Ask(const std::function<void(rd_kafka_queue_t*)>& request) {
    rd_kafka_queue_t* queue = rd_kafka_queue_new(admin_->get());
    request(queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kTimeoutMs);
    rd_kafka_queue_destroy(queue);
    return {event, &rd_kafka_event_destroy};
  }

  // `count` records round the partitions, all acknowledged.
  void Fill(const std::string& word, int count) {
    for (int i = 0; i < count; ++i) {
      const std::string value = word + " " + std::to_string(i);
      ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR,
                rd_kafka_producev(admin_->get(), RD_KAFKA_V_TOPIC(name_.c_str()),
                                  RD_KAFKA_V_PARTITION(i % kPartitions),
                                  RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
      sent_.push_back(value);
    }
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_flush(admin_->get(), kTimeoutMs));
  }

  // By partition; -1001 where nothing is committed.
  std::vector<std::int64_t> Committed(const std::string& group) {
    Client client = Make(RD_KAFKA_CONSUMER, {{"group.id", group}});
    List list = MakeList();
    for (int i = 0; i < kPartitions; ++i) {
      rd_kafka_topic_partition_list_add(list.get(), name_.c_str(), i);
    }
    EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_committed(client.get(), list.get(), kTimeoutMs));
    std::vector<std::int64_t> out;
    for (int i = 0; i < list->cnt; ++i) out.push_back(list->elems[i].offset);
    return out;
  }

  struct Described {
    std::string state;
    std::string protocol;
    std::vector<std::string> members;
  };
  Described Describe(const std::string& group) {
    const struct rd_kafka_group_list* list = nullptr;
    EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR,
              rd_kafka_list_groups(admin_->get(), group.c_str(), &list, kTimeoutMs));
    Described out;
    if (list == nullptr) return out;
    for (int i = 0; i < list->group_cnt; ++i) {
      if (list->groups[i].group != group) continue;
      out.state = list->groups[i].state;
      out.protocol = list->groups[i].protocol;
      for (int j = 0; j < list->groups[i].member_cnt; ++j) {
        out.members.emplace_back(list->groups[i].members[j].member_id);
      }
    }
    rd_kafka_group_list_destroy(list);
    std::ranges::sort(out.members);
    return out;
  }

  rd_kafka_resp_err_t DeleteGroup(const std::string& group) {
    rd_kafka_DeleteGroup_t* wanted = rd_kafka_DeleteGroup_new(group.c_str());
    const Event event = Ask([&](rd_kafka_queue_t* queue) {
      rd_kafka_DeleteGroups(admin_->get(), &wanted, 1, nullptr, queue);
    });
    rd_kafka_DeleteGroup_destroy(wanted);
    if (!event) return RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (auto error = rd_kafka_event_error(event.get())) return error;
    std::size_t count = 0;
    const rd_kafka_group_result_t** results = rd_kafka_DeleteGroups_result_groups(
        rd_kafka_event_DeleteGroups_result(event.get()), &count);
    const rd_kafka_error_t* error = count == 0 ? nullptr : rd_kafka_group_result_error(results[0]);
    return error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
  }

  void ComeAndGo(const std::string& strategy) {
    const std::string group = "come-and-go-" + strategy;
    const Settings settings = {{"group.id", group}, {"partition.assignment.strategy", strategy}};
    Members members;
    std::vector<std::string> read;
    for (int size = 1; size <= 3; ++size) {
      members.push_back(std::make_unique<Member>(name_, settings));
      ASSERT_TRUE(Eventually([&] { return SharedOut(members); })) << size << " members";
      Fill(strategy + std::to_string(size), 60);
    }
    ASSERT_TRUE(Eventually([&] { return Describe(group).members.size() == 3; }));
    EXPECT_EQ("Stable", Describe(group).state);
    EXPECT_EQ(strategy, Describe(group).protocol);
    while (members.size() > 1) {
      members.front()->Stop();
      for (auto& value : members.front()->values()) read.push_back(value);
      members.erase(members.begin());
      ASSERT_TRUE(Eventually([&] { return SharedOut(members); })) << members.size() << " left";
      Fill(strategy + "left" + std::to_string(members.size()), 60);
    }
    // 5 times 60 records over 6 partitions, all committed.
    ASSERT_TRUE(
        Eventually([&] { return Committed(group) == std::vector<std::int64_t>(kPartitions, 50); }));
    members.front()->Stop();
    for (auto& value : members.front()->values()) read.push_back(value);
    const std::set<std::string> unique(read.begin(), read.end());
    for (const auto& value : sent_) EXPECT_TRUE(unique.contains(value)) << value;
  }

  std::string name_;  // of the case's topic
  std::vector<std::string> sent_;
  std::optional<Client> admin_;
};

TEST_F(RdkafkaGroups, MembersComeAndGoRange) {
  ComeAndGo("range");
}

TEST_F(RdkafkaGroups, MembersComeAndGoIncrementally) {
  ComeAndGo("cooperative-sticky");
}

// Incremental rebalances leave a member what it keeps: it is never told to give up everything.
TEST_F(RdkafkaGroups, AnIncrementalRebalanceTakesOnlyWhatMoves) {
  const Settings settings = {{"group.id", "incremental"},
                             {"partition.assignment.strategy", "cooperative-sticky"}};
  Members members;
  members.push_back(std::make_unique<Member>(name_, settings));
  ASSERT_TRUE(Eventually([&] { return SharedOut(members); }));
  const std::set<int> before = members[0]->owned();
  members.push_back(std::make_unique<Member>(name_, settings));
  ASSERT_TRUE(Eventually([&] { return SharedOut(members); }));
  EXPECT_EQ(1, members[0]->revoked());
  const std::set<int> kept = members[0]->owned();
  EXPECT_TRUE(std::ranges::includes(before, kept));
}

TEST_F(RdkafkaGroups, ReadingGoesOnWhereItWasCommitted) {
  Fill("first", 60);
  {
    Member member(name_, {{"group.id", "resume"}});
    ASSERT_TRUE(Eventually([&] { return member.values().size() == 60; }));
  }
  EXPECT_EQ(std::vector<std::int64_t>(kPartitions, 10), Committed("resume"));
  Fill("second", 30);
  Member member(name_, {{"group.id", "resume"}});
  ASSERT_TRUE(Eventually([&] { return member.values().size() == 30; }));
  for (const auto& value : member.values()) EXPECT_TRUE(value.starts_with("second")) << value;
}

// A static member that restarts within its session timeout has its partitions again, and the other
// member hears nothing of it.
TEST_F(RdkafkaGroups, AStaticMemberComesBackWithoutARebalance) {
  auto settings = [](const std::string& instance) {
    return Settings{{"group.id", "static"},
                    {"group.instance.id", instance},
                    {"partition.assignment.strategy", "range"},
                    {"session.timeout.ms", "20000"}};
  };
  Member stays(name_, settings("one"));
  auto restarts = std::make_unique<Member>(name_, settings("two"));
  ASSERT_TRUE(
      Eventually([&] { return stays.owned().size() == 3 && restarts->owned().size() == 3; }));
  const std::set<int> before = restarts->owned();
  const int assigned = stays.assigned();
  for (int round = 0; round < 2; ++round) {
    restarts->Stop();
    EXPECT_EQ(2u, Describe("static").members.size()) << "it does not leave";
    restarts = std::make_unique<Member>(name_, settings("two"));
    ASSERT_TRUE(Eventually([&] { return restarts->owned() == before; }));
  }
  EXPECT_EQ(2u, Describe("static").members.size());
  EXPECT_EQ("Stable", Describe("static").state);
  EXPECT_EQ(assigned, stays.assigned()) << "no rebalance was needed";
  EXPECT_EQ(0, stays.revoked() - (assigned - 1));
}

TEST_F(RdkafkaGroups, ASecondMemberWithAnInstanceIdFencesTheFirst) {
  const Settings settings = {{"group.id", "fenced"}, {"group.instance.id", "same"}};
  Member first(name_, settings);
  ASSERT_TRUE(Eventually([&] { return first.owned().size() == kPartitions; }));
  Member second(name_, settings);
  ASSERT_TRUE(Eventually([&] { return second.owned().size() == kPartitions; }));
  ASSERT_TRUE(Eventually([&] { return first.fatal() == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID; }));
  EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, second.fatal());
  EXPECT_EQ(1u, Describe("fenced").members.size());
}

TEST_F(RdkafkaGroups, GroupsAreListedAndDeleted) {
  EXPECT_EQ(RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, DeleteGroup("listed"));
  {
    Member member(name_, {{"group.id", "listed"}});
    ASSERT_TRUE(Eventually([&] { return member.owned().size() == kPartitions; }));
    EXPECT_EQ(1u, Describe("listed").members.size());
    EXPECT_EQ(RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP, DeleteGroup("listed"));
  }
  EXPECT_EQ("Empty", Describe("listed").state);
  EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, DeleteGroup("listed"));
  EXPECT_EQ(RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND, DeleteGroup("listed"));
}

TEST_F(RdkafkaGroups, OffsetsAreMovedReadAndDeletedByAdmins) {
  List offsets = MakeList();
  rd_kafka_topic_partition_list_add(offsets.get(), name_.c_str(), 0)->offset = 5;
  rd_kafka_topic_partition_list_add(offsets.get(), name_.c_str(), 3)->offset = 7;
  rd_kafka_AlterConsumerGroupOffsets_t* alter =
      rd_kafka_AlterConsumerGroupOffsets_new("moved", offsets.get());
  const Event altered = Ask([&](rd_kafka_queue_t* queue) {
    rd_kafka_AlterConsumerGroupOffsets(admin_->get(), &alter, 1, nullptr, queue);
  });
  rd_kafka_AlterConsumerGroupOffsets_destroy(alter);
  ASSERT_NE(nullptr, altered);
  ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_event_error(altered.get()));
  EXPECT_EQ((std::vector<std::int64_t>{5, -1001, -1001, 7, -1001, -1001}), Committed("moved"));

  List gone = MakeList();
  rd_kafka_topic_partition_list_add(gone.get(), name_.c_str(), 0);
  rd_kafka_DeleteConsumerGroupOffsets_t* doomed =
      rd_kafka_DeleteConsumerGroupOffsets_new("moved", gone.get());
  const Event deleted = Ask([&](rd_kafka_queue_t* queue) {
    rd_kafka_DeleteConsumerGroupOffsets(admin_->get(), &doomed, 1, nullptr, queue);
  });
  rd_kafka_DeleteConsumerGroupOffsets_destroy(doomed);
  ASSERT_NE(nullptr, deleted);
  ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_event_error(deleted.get()));
  EXPECT_EQ((std::vector<std::int64_t>{-1001, -1001, -1001, 7, -1001, -1001}), Committed("moved"));
}

}  // namespace
}  // namespace kronika
