// The reading load; see load.h. Partitions are assigned, no group is joined.
#include <librdkafka/rdkafka.h>

#include <chrono>
#include <memory>

#include "bench/load/load.h"

namespace kronika::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMessagesAtOnce = 4096;
constexpr int kWaitMilliseconds = 1000;
constexpr int kSilentWaitsMax = 30;

class Consumer {
 public:
  explicit Consumer(const LoadOptions& options) : options_(options) {}

  LoadResult Run() {
    if (!Open()) return std::move(result_);
    const auto begin = Clock::now();
    for (int pass = 0; pass < options_.passes && result_.error.empty(); ++pass) Pass();
    result_.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    rd_kafka_topic_destroy(topic_);
    rd_kafka_destroy(rk_);
    return std::move(result_);
  }

 private:
  bool Open() {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::vector<std::pair<std::string, std::string>> settings = {
        {"bootstrap.servers", options_.bootstrap}};
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    for (const auto& [key, value] : settings) {
      if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), text, sizeof text) !=
          RD_KAFKA_CONF_OK) {
        result_.error = text;
        rd_kafka_conf_destroy(conf);
        return false;
      }
    }
    rk_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (rk_ == nullptr) {
      result_.error = text;
      return false;
    }
    topic_ = rd_kafka_topic_new(rk_, options_.topic.c_str(), nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    if (rd_kafka_metadata(rk_, 0, topic_, &metadata, 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
      rd_kafka_metadata_destroy(metadata);
    }
    return true;
  }

  void Pass() {
    rd_kafka_queue_t* queue = rd_kafka_queue_new(rk_);
    for (int partition = 0; partition < options_.partitions; ++partition) {
      rd_kafka_consume_start_queue(topic_, partition, RD_KAFKA_OFFSET_BEGINNING, queue);
    }
    std::int64_t records = 0;
    for (int silent = 0; records < options_.records && result_.error.empty();) {
      const std::int64_t read = Take(queue);
      records += read;
      silent = read == 0 ? silent + 1 : 0;
      if (silent == kSilentWaitsMax) result_.error = "the records end too early";
    }
    result_.records += records;
    for (int partition = 0; partition < options_.partitions; ++partition) {
      rd_kafka_consume_stop(topic_, partition);
    }
    rd_kafka_queue_destroy(queue);
  }

  std::int64_t Take(rd_kafka_queue_t* queue) {
    const ssize_t count =
        rd_kafka_consume_batch_queue(queue, kWaitMilliseconds, messages_.get(), kMessagesAtOnce);
    std::int64_t records = 0;
    for (ssize_t i = 0; i < count; ++i) {
      rd_kafka_message_t* message = messages_[i];
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        ++records;
        result_.bytes += static_cast<std::int64_t>(message->len);
      } else {
        ++result_.failed;
        if (result_.error.empty()) result_.error = rd_kafka_message_errstr(message);
      }
      rd_kafka_message_destroy(message);
    }
    return records;
  }

  const LoadOptions& options_;
  LoadResult result_;
  rd_kafka_t* rk_ = nullptr;
  rd_kafka_topic_t* topic_ = nullptr;
  std::unique_ptr<rd_kafka_message_t*[]> messages_ =
      std::make_unique<rd_kafka_message_t*[]>(kMessagesAtOnce);
};

}  // namespace

LoadResult Consume(const LoadOptions& options) {
  return Consumer(options).Run();
}

}  // namespace kronika::bench
