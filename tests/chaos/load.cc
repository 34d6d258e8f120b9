// A producer that remembers what was acknowledged: librdkafka, idempotent, five requests in flight.
//
//   chaos_load --bootstrap HOST:PORT,... --topic T --partitions N --out FILE
//              [--name NAME] [--bytes-per-second N] [--record-bytes N] [--set KEY=VALUE ...]
//
// Produces round robin over the partitions until SIGTERM or SIGINT, then flushes. Each record's
// value is "NAME:PARTITION:NUMBER:" and padding, numbers counting up from 0 in each partition. FILE
// gets one line for each record that was answered, in the order of the answers:
//
//   ack SENT_MS ANSWERED_MS PARTITION NUMBER OFFSET
//   failed SENT_MS ANSWERED_MS PARTITION NUMBER ERROR
//   fatal ANSWERED_MS ERROR
//
// Times are of the monotonic clock, which Python's time.monotonic() reads, too.
// tests/support/history.py reads the file while it grows. One thread, which also serves
// librdkafka's callbacks.
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace kronika::chaos {
namespace {

volatile sig_atomic_t g_stop = 0;  // NOLINT: a signal handler can reach nothing else

struct Options {
  std::string bootstrap;
  std::string topic;
  std::string out;
  std::string name = "load";
  int partitions = 1;
  std::int64_t bytes_per_second = 2'500'000;
  int record_bytes = 1024;
  std::vector<std::pair<std::string, std::string>> settings;
};

std::int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool Parse(int count, char** words, Options& options) {
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i], value = words[i + 1];
    if (name == "--bootstrap") {
      options.bootstrap = value;
    } else if (name == "--topic") {
      options.topic = value;
    } else if (name == "--out") {
      options.out = value;
    } else if (name == "--name") {
      options.name = value;
    } else if (name == "--partitions") {
      options.partitions = std::atoi(value.c_str());
    } else if (name == "--bytes-per-second") {
      options.bytes_per_second = std::atoll(value.c_str());
    } else if (name == "--record-bytes") {
      options.record_bytes = std::atoi(value.c_str());
    } else if (name == "--set" && value.find('=') != std::string::npos) {
      options.settings.emplace_back(value.substr(0, value.find('=')),
                                    value.substr(value.find('=') + 1));
    } else {
      return false;
    }
  }
  return count % 2 == 1 && !options.bootstrap.empty() && !options.topic.empty() &&
         !options.out.empty() && options.partitions > 0 && options.record_bytes > 0;
}

// What is remembered of a record from its sending to its answer.
struct Sent {
  std::int64_t sent_ms = 0;
  std::int64_t number = 0;
};

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), next_(static_cast<std::size_t>(options.partitions)) {}

  bool Open() {
    out_ = std::fopen(options_.out.c_str(), "w");
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::vector<std::pair<std::string, std::string>> settings = {
        {"bootstrap.servers", options_.bootstrap},
        {"enable.idempotence", "true"},
        {"max.in.flight.requests.per.connection", "5"},
        {"linger.ms", "5"}};
    settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
    char text[512];
    for (const auto& [key, value] : settings) {
      if (rd_kafka_conf_set(conf, key.c_str(), value.c_str(), text, sizeof text) !=
          RD_KAFKA_CONF_OK) {
        std::fprintf(stderr, "%s\n", text);
        return false;
      }
    }
    rd_kafka_conf_set_opaque(conf, this);
    rd_kafka_conf_set_dr_msg_cb(conf, &OnAnswer);
    rd_kafka_conf_set_error_cb(conf, &OnError);
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    return client_ != nullptr && out_ != nullptr;
  }

  void Run() {
    const std::int64_t begin = NowMs();
    std::int64_t produced_bytes = 0;
    while (g_stop == 0) {
      const std::int64_t due = (NowMs() - begin) * options_.bytes_per_second / 1000;
      // Not more than a tenth of a second behind its rate: what a fault held up is not made up for.
      if (due - produced_bytes > options_.bytes_per_second / 10) {
        produced_bytes = due - options_.bytes_per_second / 10;
      }
      while (produced_bytes < due && g_stop == 0) {
        if (!ProduceOne()) break;
        produced_bytes += options_.record_bytes;
      }
      rd_kafka_poll(client_, 5);
      std::fflush(out_);
    }
    rd_kafka_flush(client_, 60'000);
    std::fclose(out_);
    rd_kafka_destroy(client_);
  }

 private:
  // False when librdkafka's queue is full.
  bool ProduceOne() {
    const int partition = turn_ % options_.partitions;
    std::int64_t& number = next_[static_cast<std::size_t>(partition)];
    std::string value =
        options_.name + ":" + std::to_string(partition) + ":" + std::to_string(number) + ":";
    value.resize(std::max<std::size_t>(value.size(), options_.record_bytes), 'x');
    auto* sent = new Sent{.sent_ms = NowMs(), .number = number};
    const rd_kafka_resp_err_t error = rd_kafka_producev(
        client_, RD_KAFKA_V_TOPIC(options_.topic.c_str()), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_VALUE(value.data(), value.size()), RD_KAFKA_V_OPAQUE(sent),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
      delete sent;
      return false;
    }
    ++number;
    ++turn_;
    return true;
  }

  static void OnAnswer(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto* load = static_cast<Load*>(opaque);
    auto* sent = static_cast<Sent*>(message->_private);
    const long long sent_ms = sent->sent_ms, number = sent->number, now = NowMs();
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      std::fprintf(load->out_, "ack %lld %lld %d %lld %lld\n", sent_ms, now, message->partition,
                   number, static_cast<long long>(message->offset));
    } else {
      std::fprintf(load->out_, "failed %lld %lld %d %lld %s\n", sent_ms, now, message->partition,
                   number, rd_kafka_err2name(message->err));
    }
    delete sent;
  }

  static void OnError(rd_kafka_t* client, int error, const char*, void* opaque) {
    if (error != RD_KAFKA_RESP_ERR__FATAL) return;
    char text[512];
    const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(client, text, sizeof text);
    std::fprintf(static_cast<Load*>(opaque)->out_, "fatal %lld %s %s\n",
                 static_cast<long long>(NowMs()), rd_kafka_err2name(cause), text);
  }

  const Options options_;
  std::vector<std::int64_t> next_;  // the next number of each partition
  int turn_ = 0;
  std::FILE* out_ = nullptr;
  rd_kafka_t* client_ = nullptr;
};

void OnSignal(int) {
  g_stop = 1;
}

}  // namespace
}  // namespace kronika::chaos

int main(int count, char** words) {
  kronika::chaos::Options options;
  if (!kronika::chaos::Parse(count, words, options)) {
    std::fprintf(stderr, "usage: see the head of tests/chaos/load.cc\n");
    return 2;
  }
  signal(SIGTERM, &kronika::chaos::OnSignal);
  signal(SIGINT, &kronika::chaos::OnSignal);
  kronika::chaos::Load load(options);
  if (!load.Open()) return 1;
  load.Run();
  return 0;
}
