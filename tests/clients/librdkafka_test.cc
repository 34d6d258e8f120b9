// librdkafka against three brokers: producers with every codec, headers, delivery reports in order,
// assigned consumers, times, and the admin calls that it has.
//
// Started by tests/support/with_cluster.py, which names the brokers in KRONIKA_BOOTSTRAP.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace kronika {
namespace {

constexpr int kTimeoutMs = 20000;

using Settings = std::map<std::string, std::string>;

struct Received {
  std::string key;
  std::string value;
  std::int64_t offset = -1;
  std::int64_t timestamp = -1;
  std::string headers;
};

class LibrdkafkaTest : public testing::Test {
 protected:
  using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

  void SetUp() override {
    const char* bootstrap = std::getenv("KRONIKA_BOOTSTRAP");
    if (bootstrap == nullptr) GTEST_SKIP() << "KRONIKA_BOOTSTRAP is not set";
    bootstrap_ = bootstrap;
    topic_ =
        std::string("rdkafka-") + testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  // Delivery reports come to OnDelivery with `this`.
  Client Make(rd_kafka_type_t type, Settings settings) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    settings["bootstrap.servers"] = bootstrap_;
    char text[512];
    for (const auto& [name, value] : settings) {
      EXPECT_EQ(RD_KAFKA_CONF_OK,
                rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text))
          << text;
    }
    rd_kafka_conf_set_opaque(conf, this);
    if (type == RD_KAFKA_PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, &OnDelivery);
    rd_kafka_t* client = rd_kafka_new(type, conf, text, sizeof text);
    EXPECT_NE(nullptr, client) << text;
    return Client(client, &rd_kafka_destroy);
  }

  static void OnDelivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* test = static_cast<LibrdkafkaTest*>(opaque);
    EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, message->err) << rd_kafka_err2str(message->err);
    test->delivered_.push_back(message->offset);
  }

  // Runs one admin request and returns the first error of its result.
  template <class Request>
  rd_kafka_resp_err_t Admin(Request request) {
    Client client = Make(RD_KAFKA_PRODUCER, {});
    rd_kafka_queue_t* queue = rd_kafka_queue_new(client.get());
    request(client.get(), queue);
    rd_kafka_event_t* event = rd_kafka_queue_poll(queue, kTimeoutMs);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    if (event != nullptr) {
      error = rd_kafka_event_error(event);
      if (!error) error = TopicError(event);
      rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return error;
  }

  static rd_kafka_resp_err_t TopicError(rd_kafka_event_t* event) {
    std::size_t count = 0;
    const rd_kafka_topic_result_t** results = nullptr;
    if (const auto* created = rd_kafka_event_CreateTopics_result(event)) {
      results = rd_kafka_CreateTopics_result_topics(created, &count);
    } else if (const auto* deleted = rd_kafka_event_DeleteTopics_result(event)) {
      results = rd_kafka_DeleteTopics_result_topics(deleted, &count);
    }
    return count == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_topic_result_error(results[0]);
  }

  rd_kafka_resp_err_t CreateTopic(int partitions) {
    return Admin([&](rd_kafka_t* client, rd_kafka_queue_t* queue) {
      char text[256];
      rd_kafka_NewTopic_t* topic =
          rd_kafka_NewTopic_new(topic_.c_str(), partitions, 3, text, sizeof text);
      rd_kafka_CreateTopics(client, &topic, 1, nullptr, queue);
      rd_kafka_NewTopic_destroy(topic);
    });
  }

  rd_kafka_resp_err_t DeleteTopic() {
    return Admin([&](rd_kafka_t* client, rd_kafka_queue_t* queue) {
      rd_kafka_DeleteTopic_t* topic = rd_kafka_DeleteTopic_new(topic_.c_str());
      rd_kafka_DeleteTopics(client, &topic, 1, nullptr, queue);
      rd_kafka_DeleteTopic_destroy(topic);
    });
  }

  void Produce(rd_kafka_t* client, int partition, const std::string& value) {
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        client, RD_KAFKA_V_TOPIC(topic_.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_KEY("key", 3), RD_KAFKA_V_VALUE(const_cast<char*>(value.data()), value.size()),
        RD_KAFKA_V_TIMESTAMP(1'700'000'000'000), RD_KAFKA_V_HEADER("name", "text", 4),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, error) << rd_kafka_err2str(error);
  }

  static Received Take(rd_kafka_message_t* message) {
    Received received{.key = {static_cast<char*>(message->key), message->key_len},
                      .value = {static_cast<char*>(message->payload), message->len},
                      .offset = message->offset,
                      .timestamp = rd_kafka_message_timestamp(message, nullptr)};
    rd_kafka_headers_t* headers = nullptr;
    if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      const char* name = nullptr;
      const void* value = nullptr;
      std::size_t size = 0;
      for (std::size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); ++i) {
        received.headers +=
            std::string(name) + "=" + std::string(static_cast<const char*>(value), size) + ";";
      }
    }
    return received;
  }

  void Assign(rd_kafka_t* client, int partition, std::int64_t offset) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic_.c_str(), partition)->offset = offset;
    rd_kafka_assign(client, list);
    rd_kafka_topic_partition_list_destroy(list);
  }

  // The next `count` records, whatever the consumer is told in between.
  static std::vector<Received> ReadOn(rd_kafka_t* client, std::size_t count) {
    std::vector<Received> found;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTimeoutMs);
    while (found.size() < count && std::chrono::steady_clock::now() < deadline) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client, 100);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) found.push_back(Take(message));
      rd_kafka_message_destroy(message);
    }
    return found;
  }

  // Everything in a partition from `offset` on, until its end.
  std::vector<Received> Consume(int partition, std::int64_t offset) {
    Client client = Make(
        RD_KAFKA_CONSUMER,
        {{"group.id", "none"}, {"enable.auto.commit", "false"}, {"enable.partition.eof", "true"}});
    Assign(client.get(), partition, offset);
    std::vector<Received> found;
    bool end = false;
    while (!end) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client.get(), kTimeoutMs);
      if (message == nullptr) {
        ADD_FAILURE() << "nothing came within " << kTimeoutMs << " ms";
        break;
      }
      end = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
      if (!end) found.push_back(Take(message));
      EXPECT_TRUE(!end || message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
          << rd_kafka_message_errstr(message);
      rd_kafka_message_destroy(message);
    }
    rd_kafka_assign(client.get(), nullptr);
    return found;
  }

  std::string bootstrap_;
  std::string topic_;
  std::vector<std::int64_t> delivered_;
};

TEST_F(LibrdkafkaTest, EveryCodecWithIdempotence) {
  ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, CreateTopic(1));
  std::int64_t next = 0;
  for (const char* codec : {"none", "gzip", "snappy", "lz4", "zstd"}) {
    SCOPED_TRACE(codec);
    Client producer = Make(RD_KAFKA_PRODUCER, {{"compression.codec", codec},
                                               {"enable.idempotence", "true"},
                                               {"batch.num.messages", "50"}});
    for (int i = 0; i < 500; ++i) Produce(producer.get(), 0, codec + std::to_string(i));
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_flush(producer.get(), kTimeoutMs));
    const std::vector<Received> found = Consume(0, next);
    ASSERT_EQ(500u, found.size());
    for (int i = 0; i < 500; ++i) {
      EXPECT_EQ(codec + std::to_string(i), found[i].value);
      EXPECT_EQ(next + i, found[i].offset);
    }
    EXPECT_EQ("key", found[0].key);
    EXPECT_EQ("name=text;", found[0].headers);
    EXPECT_EQ(1'700'000'000'000, found[0].timestamp);
    next += 500;
  }
  // Delivery reports name the offsets in the order of production.
  ASSERT_EQ(2500u, delivered_.size());
  for (std::int64_t i = 0; i < 2500; ++i) EXPECT_EQ(i, delivered_[i]);
}

TEST_F(LibrdkafkaTest, PartitionsAreApart) {
  ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, CreateTopic(4));
  Client producer = Make(RD_KAFKA_PRODUCER, {});
  for (int i = 0; i < 400; ++i) Produce(producer.get(), i % 4, std::to_string(i));
  ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_flush(producer.get(), kTimeoutMs));
  for (int partition = 0; partition < 4; ++partition) {
    const std::vector<Received> found = Consume(partition, 0);
    ASSERT_EQ(100u, found.size());
    for (int i = 0; i < 100; ++i) EXPECT_EQ(std::to_string(4 * i + partition), found[i].value);
    std::int64_t low = -1, high = -1;
    EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR,
              rd_kafka_query_watermark_offsets(producer.get(), topic_.c_str(), partition, &low,
                                               &high, kTimeoutMs));
    EXPECT_EQ(0, low);
    EXPECT_EQ(100, high);
  }
}

// One producer and one consumer stay while the topic is deleted and created again. Each life has
// fewer records than the one before: by name alone a consumer cannot tell a new topic from one that
// it has read to its end, and asks for an offset that does not exist.
TEST_F(LibrdkafkaTest, ClientsThatStayWhileTheTopicComesAgain) {
  Client producer = Make(RD_KAFKA_PRODUCER, {{"topic.metadata.refresh.fast.interval.ms", "50"}});
  Client consumer = Make(
      RD_KAFKA_CONSUMER,
      {{"group.id", "none"}, {"enable.auto.commit", "false"}, {"auto.offset.reset", "earliest"}});
  for (int count : {90, 60, 30}) {
    SCOPED_TRACE(count);
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, CreateTopic(1));
    if (count == 90) Assign(consumer.get(), 0, 0);
    const std::string life = "life of " + std::to_string(count);
    for (int i = 0; i < count; ++i) Produce(producer.get(), 0, life);
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, rd_kafka_flush(producer.get(), kTimeoutMs));
    const std::vector<Received> found = ReadOn(consumer.get(), static_cast<std::size_t>(count));
    ASSERT_EQ(static_cast<std::size_t>(count), found.size());
    for (int i = 0; i < count; ++i) {
      EXPECT_EQ(i, found[i].offset);
      EXPECT_EQ(life, found[i].value);
    }
    ASSERT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, DeleteTopic());
  }
}

TEST_F(LibrdkafkaTest, AdminErrors) {
  EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, CreateTopic(1));
  EXPECT_EQ(RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, CreateTopic(1));
  EXPECT_EQ(RD_KAFKA_RESP_ERR_NO_ERROR, DeleteTopic());
  EXPECT_EQ(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, DeleteTopic());
}

}  // namespace
}  // namespace kronika
