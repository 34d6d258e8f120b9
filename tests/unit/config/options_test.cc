// The node file: sources, their order, what is refused and with which words.
#include "config/options.h"

#include <gtest/gtest.h>

namespace kronika::config {
namespace {

constexpr std::string_view kMinimal = "node_id: 2\ndata_dir: /tmp/k\n";

Sources Yaml(std::string_view more) {
  Sources sources;
  sources.yaml = std::string(kMinimal) + std::string(more);
  sources.yaml_name = "node.yaml";
  return sources;
}

std::string Refusal(const Sources& sources) {
  const auto loaded = Load(sources);
  return loaded ? "" : loaded.error().Describe();
}

// The sentence must name the key and the reason; `part` is what the reader needs.
void ExpectRefused(std::string_view yaml, std::string_view part) {
  const auto text = Refusal(Yaml(yaml));
  EXPECT_NE(text.find(part), std::string::npos) << yaml << " → " << text;
}

TEST(Options, DefaultsAreWhatTheTableSays) {
  const auto options = Load(Yaml(""));
  ASSERT_TRUE(options) << options.error().Describe();
  EXPECT_EQ(options->node_id, BrokerId{2});
  EXPECT_EQ(options->journal_files, 8u);
  EXPECT_EQ(options->journal_file_bytes, 64u << 20);
  EXPECT_EQ(options->EntryBytesMax(), (8u << 20) - (4u << 10));
  EXPECT_EQ(options->durability, "fsync");
  EXPECT_EQ(options->workers, 1u);
  ASSERT_EQ(options->listeners.size(), 1u);
  EXPECT_EQ(options->listeners[0].address.Describe(), "127.0.0.1:9092");
  EXPECT_EQ(options->advertised_listeners, options->listeners);
  EXPECT_EQ(options->PeerAddress().Describe(), "127.0.0.1:9192");
}

TEST(Options, LaterSourcesWin) {
  auto sources =
      Yaml("rack: file\njournal_io: thread\nlog_level: warn\ntopic_defaults:\n  retention.ms: 1\n");
  sources.environment = {
      {"KRONIKA_RACK", "environment"}, {"KRONIKA_LOG_LEVEL", "debug"}, {"HOME", "/root"}};
  sources.overrides = {"rack=override", "topic_defaults.retention.ms=2",
                       "topic_defaults.cleanup.policy=compact,delete"};
  const auto options = Load(sources);
  ASSERT_TRUE(options) << options.error().Describe();
  EXPECT_EQ(options->rack, "override");
  EXPECT_EQ(options->log_level, LogLevel::kDebug);
  EXPECT_EQ(options->journal_io, JournalIo::kThread);
  const metadata::ConfigMap expected = {{"cleanup.policy", "compact,delete"},
                                        {"retention.ms", "2"}};
  EXPECT_EQ(options->topic_defaults, expected);
}

TEST(Options, ListsMayBeSequencesOrText) {
  const auto options =
      Load(Yaml("cluster_peers: [1@a:9192, '2@b:9193']\nallow_insecure: true\n"
                "listeners: 'PLAINTEXT://0.0.0.0:9092, INSIDE://[::1]:9093'\n"
                "advertised_listeners: [PLAINTEXT://broker2:9092, INSIDE://inner:9093]\n"));
  ASSERT_TRUE(options) << options.error().Describe();
  EXPECT_EQ(options->PeerAddress().Describe(), "b:9193");
  ASSERT_EQ(options->listeners.size(), 2u);
  EXPECT_EQ(options->listeners[1].address.Describe(), "[::1]:9093");
  EXPECT_EQ(options->advertised_listeners[0].address.Describe(), "broker2:9092");
}

TEST(Options, UnknownKeyNamesTheNearest) {
  ExpectRefused("jurnal_files: 8\n", "unknown key 'jurnal_files'; did you mean 'journal_files'?");
  ExpectRefused("topic_defaults:\n  retention.m: 5\n", "did you mean retention.ms?");
  ExpectRefused("broker_defaults:\n  num.partition: 5\n", "did you mean num.partitions?");
  auto sources = Yaml("");
  sources.overrides = {"worker=1"};
  EXPECT_NE(Refusal(sources).find("did you mean 'workers'?"), std::string::npos);
  sources.overrides.clear();
  sources.environment = {{"KRONIKA_LOG_LEVLE", "info"}};
  EXPECT_NE(Refusal(sources).find("did you mean 'log_level'?"), std::string::npos);
}

TEST(Options, EveryRefusalNamesTheKey) {
  ExpectRefused("workers: 2\n", "workers: '2' is not a whole number from 1 to 1");
  ExpectRefused("durability: relaxed\n", "durability: 'relaxed' is none of fsync");
  ExpectRefused("journal_file_bytes: 8MiB\n",
                "journal_file_bytes: 8MiB is not between 16MiB and 1GiB");
  ExpectRefused("journal_file_bytes: 16777217\n", "not a whole number of MiB");
  ExpectRefused("journal_files: 3\n", "journal_files: ");
  ExpectRefused("listeners: SASL_SSL://127.0.0.1:9092\n", "not offered yet");
  ExpectRefused("listeners: 127.0.0.1:9092\n", "NAME://HOST:PORT");
  ExpectRefused("cluster_peers: 1@a:1,1@b:1\n", "broker 1 is there twice");
  ExpectRefused("rack: a\nrack: b\n", "rack is there twice");
  ExpectRefused("rack:\n  a: b\n", "must not be a map");
  ExpectRefused("rack: [\n", "node.yaml line");
  ExpectRefused("topic_defaults:\n  max.message.bytes: 9000000\n",
                "more than the journal takes as one entry");
}

TEST(Options, RequiredKeys) {
  Sources sources;
  EXPECT_NE(Refusal(sources).find("node_id: is required"), std::string::npos);
  sources.yaml = "node_id: 1\n";
  EXPECT_NE(Refusal(sources).find("data_dir: is required"), std::string::npos);
}

TEST(Options, WildcardsAreNotAdvertised) {
  ExpectRefused("listeners: PLAINTEXT://0.0.0.0:9092\nallow_insecure: true\n",
                "clients cannot connect to 0.0.0.0:9092");
  ExpectRefused("advertised_listeners: PLAINTEXT://0.0.0.0:9092\n",
                "clients cannot connect to 0.0.0.0:9092");
  ExpectRefused("peer_listener: 0.0.0.0:9192\nallow_insecure: true\n",
                "other brokers cannot connect to 0.0.0.0:9192");
  ExpectRefused("advertised_listeners: OTHER://a:9092\n", "there is no listener OTHER");
}

TEST(Options, ListeningBeyondTheMachineMustBeAllowed) {
  ExpectRefused("listeners: PLAINTEXT://10.0.0.1:9092\n", "allow_insecure: true");
  ExpectRefused("peer_listener: 10.0.0.1:9192\n", "allow_insecure: true");
  ExpectRefused("admin_listener: 10.0.0.1:9644\n", "allow_insecure: true");
  EXPECT_EQ(Refusal(Yaml("admin_listener: 10.0.0.1:9644\nallow_insecure: true\n")), "");
}

TEST(Options, Sizes) {
  EXPECT_EQ(ParseSize("0"), 0u);
  EXPECT_EQ(ParseSize("4096"), 4096u);
  EXPECT_EQ(ParseSize("64KiB"), 65536u);
  EXPECT_EQ(ParseSize("64Mi"), 64u << 20);
  EXPECT_EQ(ParseSize("2GiB"), 2ull << 30);
  for (const auto* bad : {"", "MiB", "64MB", "64 MiB", "-1", "1.5GiB", "99999999999GiB"})
    EXPECT_FALSE(ParseSize(bad)) << bad;
  EXPECT_EQ(FormatSize(0), "0");
  EXPECT_EQ(FormatSize(1000), "1000");
  EXPECT_EQ(FormatSize(1536 << 10), "1536KiB");
  EXPECT_EQ(FormatSize(1ull << 30), "1GiB");
}

TEST(HostPort, ParsesAndRefuses) {
  EXPECT_EQ(HostPort::Parse("a.b:1")->Describe(), "a.b:1");
  EXPECT_EQ(HostPort::Parse("[::1]:65535")->host, "::1");
  for (const auto* bad : {"a", "a:", ":1", "a:65536", "a:-1", "a:1x", "::1:9092"})
    EXPECT_FALSE(HostPort::Parse(bad)) << bad;
  EXPECT_TRUE(HostPort::Parse("127.8.0.1:1")->loopback());
  EXPECT_FALSE(HostPort::Parse("128.0.0.1:1")->loopback());
  EXPECT_TRUE(HostPort::Parse("[::]:1")->wildcard());
}

}  // namespace
}  // namespace kronika::config
