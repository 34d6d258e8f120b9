// Driver of the distribution's librdkafka, through its C API; see ../README.md.
#include <librdkafka/rdkafka.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace {

constexpr int kPartitions = 6;
constexpr int kTimeoutMs = 20'000;

using Settings = std::map<std::string, std::string>;
using Client = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

volatile std::sig_atomic_t ended = 0;

void Check(rd_kafka_resp_err_t error) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  std::fprintf(stderr, "%s\n", rd_kafka_err2str(error));
  std::exit(1);
}

Client Connect(rd_kafka_type_t type, const Settings& settings,
               const std::function<void(rd_kafka_conf_t*)>& more = {}) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  char text[512];
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text, sizeof text)) {
      std::fprintf(stderr, "%s\n", text);
      std::exit(1);
    }
  }
  if (more) more(conf);
  Client client(rd_kafka_new(type, conf, text, sizeof text), &rd_kafka_destroy);
  if (!client) Check(rd_kafka_last_error());
  return client;
}

void Produce(const std::string& bootstrap, const std::string& topic, const std::string& codec,
             int count) {
  static int delivered = 0;
  const Client producer =
      Connect(RD_KAFKA_PRODUCER,
              {{"bootstrap.servers", bootstrap},
               {"enable.idempotence", "true"},
               {"compression.type", codec},
               {"linger.ms", "20"}},
              [](rd_kafka_conf_t* conf) {
                rd_kafka_conf_set_dr_msg_cb(
                    conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void*) {
                      Check(message->err);
                      ++delivered;
                    });
              });
  for (int i = 0; i < count; ++i) {
    std::string value = codec + " " + std::to_string(i) + " " + std::string(200, '.');
    Check(rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC(topic.c_str()),
                            RD_KAFKA_V_PARTITION(i % kPartitions),
                            RD_KAFKA_V_VALUE(value.data(), value.size()),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END));
  }
  Check(rd_kafka_flush(producer.get(), kTimeoutMs));
  std::printf("{\"delivered\": %d}\n", delivered);
}

void OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                 rd_kafka_topic_partition_list_t* partitions, void*) {
  const bool assign = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
  Check(rd_kafka_assign(client, assign ? partitions : nullptr));
  std::string owned;
  for (int i = 0; assign && i < partitions->cnt; ++i) {
    owned += (i == 0 ? "" : ", ") + std::to_string(partitions->elems[i].partition);
  }
  std::printf("{\"owned\": [%s]}\n", owned.c_str());
}

void Member(const std::string& bootstrap, const std::string& topic, Settings settings) {
  settings.merge(Settings{{"bootstrap.servers", bootstrap},
                          {"auto.offset.reset", "earliest"},
                          {"auto.commit.interval.ms", "200"},
                          {"heartbeat.interval.ms", "300"},
                          {"session.timeout.ms", "10000"},
                          {"partition.assignment.strategy", "range"}});
  const Client consumer = Connect(RD_KAFKA_CONSUMER, settings, [](rd_kafka_conf_t* conf) {
    rd_kafka_conf_set_rebalance_cb(conf, &OnRebalance);
  });
  rd_kafka_poll_set_consumer(consumer.get());
  auto* topics = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(topics, topic.c_str(), RD_KAFKA_PARTITION_UA);
  Check(rd_kafka_subscribe(consumer.get(), topics));
  rd_kafka_topic_partition_list_destroy(topics);
  while (!ended) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer.get(), 100);
    if (message == nullptr) continue;
    Check(message->err);
    std::printf("{\"value\": \"%.*s\"}\n", static_cast<int>(message->len),
                static_cast<const char*>(message->payload));
    rd_kafka_message_destroy(message);
  }
  Check(rd_kafka_consumer_close(consumer.get()));
}

std::string Quoted(const char* name) {
  return '"' + std::string(name) + '"';
}

void Admin(const std::string& bootstrap, const std::string& topic, const std::string& group) {
  const Client client =
      Connect(RD_KAFKA_CONSUMER, {{"bootstrap.servers", bootstrap}, {"group.id", group}});
  const rd_kafka_metadata_t* metadata = nullptr;
  Check(rd_kafka_metadata(client.get(), 1, nullptr, &metadata, kTimeoutMs));
  std::string topics;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    topics += (i == 0 ? "" : ", ") + Quoted(metadata->topics[i].topic);
  }
  rd_kafka_metadata_destroy(metadata);
  const rd_kafka_group_list* listed = nullptr;
  Check(rd_kafka_list_groups(client.get(), nullptr, &listed, kTimeoutMs));
  std::string groups;
  for (int i = 0; i < listed->group_cnt; ++i) {
    groups += (i == 0 ? "" : ", ") + Quoted(listed->groups[i].group);
  }
  rd_kafka_group_list_destroy(listed);
  auto* offsets = rd_kafka_topic_partition_list_new(kPartitions);
  for (int i = 0; i < kPartitions; ++i) {
    rd_kafka_topic_partition_list_add(offsets, topic.c_str(), i);
  }
  Check(rd_kafka_committed(client.get(), offsets, kTimeoutMs));
  std::string committed;
  for (int i = 0; i < offsets->cnt; ++i) {
    committed += (i == 0 ? "\"" : ", \"") + std::to_string(offsets->elems[i].partition) +
                 "\": " + std::to_string(offsets->elems[i].offset);
  }
  rd_kafka_topic_partition_list_destroy(offsets);
  std::printf("{\"topics\": [%s], \"groups\": [%s], \"committed\": {%s}}\n", topics.c_str(),
              groups.c_str(), committed.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::signal(SIGTERM, [](int) { ended = 1; });
  if (words.size() == 1 && words[0] == "version") {
    std::printf("{\"version\": \"%s\"}\n", rd_kafka_version_str());
  } else if (words.size() == 5 && words[0] == "produce") {
    Produce(words[1], words[2], words[3], std::atoi(words[4].c_str()));
  } else if (words.size() >= 4 && words[0] == "member") {
    Settings settings = {{"group.id", words[3]}};
    if (words.size() > 4) settings["group.instance.id"] = words[4];
    Member(words[1], words[2], std::move(settings));
  } else if (words.size() == 4 && words[0] == "admin") {
    Admin(words[1], words[2], words[3]);
  } else {
    return 2;
  }
  return 0;
}
