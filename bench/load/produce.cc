// The producing load; see load.h.
#include <librdkafka/rdkafka.h>

#include <chrono>

#include "bench/load/load.h"

namespace kronika::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kFlushMilliseconds = 120'000;

struct Client {
  LoadResult result;
  std::int64_t answered = 0;
  bool measuring = false;
};

std::uint64_t NowMicroseconds() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch())
          .count());
}

// The time of the call travels in the pointer that librdkafka gives back.
void* Stamp() {
  static_assert(sizeof(void*) >= sizeof(std::uint64_t));
  return reinterpret_cast<void*>(NowMicroseconds());
}

void OnAnswer(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto* client = static_cast<Client*>(opaque);
  ++client->answered;
  LoadResult& result = client->result;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    ++result.failed;
    if (result.error.empty()) result.error = rd_kafka_err2str(message->err);
    return;
  }
  if (!client->measuring) return;
  ++result.records;
  result.bytes += static_cast<std::int64_t>(message->len);
  const auto sent = reinterpret_cast<std::uint64_t>(message->_private);
  result.latencies_us.push_back(static_cast<std::uint32_t>(NowMicroseconds() - sent));
}

class Producer {
 public:
  explicit Producer(const LoadOptions& options)
      : options_(options), value_(options.record_bytes, '\0') {}

  LoadResult Run() {
    if (!Open()) return std::move(client_.result);
    Prime();
    if (client_.result.failed == 0) Measure();
    rd_kafka_destroy(rk_);
    return std::move(client_.result);
  }

 private:
  bool Open() {
    char text[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::vector<std::pair<std::string, std::string>> settings = {
        {"bootstrap.servers", options_.bootstrap}, {"acks", "all"}};
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    for (const auto& [key, value] : settings) {
      if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), text, sizeof text) !=
          RD_KAFKA_CONF_OK) {
        client_.result.error = text;
        rd_kafka_conf_destroy(conf);
        return false;
      }
    }
    rd_kafka_conf_set_opaque(conf, &client_);
    rd_kafka_conf_set_dr_msg_cb(conf, &OnAnswer);
    rk_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (rk_ == nullptr) client_.result.error = text;
    return rk_ != nullptr;
  }

  // One record to each partition: connections, leaders and first files are there afterwards.
  void Prime() {
    for (int partition = 0; partition < options_.partitions; ++partition) {
      while (!ProduceOne()) rd_kafka_poll(rk_, 10);
    }
    rd_kafka_flush(rk_, kFlushMilliseconds);
    client_.measuring = true;
  }

  void Measure() {
    client_.result.latencies_us.reserve(1 << 20);
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(options_.seconds_max));
    std::int64_t bytes = 0;
    while (Clock::now() < end && (options_.bytes_max == 0 || bytes < options_.bytes_max)) {
      if (!ProduceOne()) {
        rd_kafka_poll(rk_, 1);
        continue;
      }
      bytes += static_cast<std::int64_t>(value_.size());
      if (options_.one_in_flight) {
        const std::int64_t before = client_.answered;
        while (client_.answered == before) rd_kafka_poll(rk_, 100);
      } else {
        rd_kafka_poll(rk_, 0);
      }
    }
    if (rd_kafka_flush(rk_, kFlushMilliseconds) != RD_KAFKA_RESP_ERR_NO_ERROR &&
        client_.result.error.empty()) {
      client_.result.error = "not all records were answered";
    }
    client_.result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }

  // False when librdkafka's queue is full.
  bool ProduceOne() {
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        rk_, RD_KAFKA_V_TOPIC(options_.topic.c_str()),
        RD_KAFKA_V_PARTITION(static_cast<std::int32_t>(turn_ % options_.partitions)),
        RD_KAFKA_V_VALUE(value_.data(), value_.size()), RD_KAFKA_V_OPAQUE(Stamp()), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return false;
    ++turn_;
    return true;
  }

  const LoadOptions& options_;
  std::string value_;  // librdkafka only reads it: nothing is copied for it
  Client client_;
  rd_kafka_t* rk_ = nullptr;
  std::int64_t turn_ = 0;
};

}  // namespace

LoadResult Produce(const LoadOptions& options) {
  return Producer(options).Run();
}

}  // namespace kronika::bench
