// Batches from somebody else's encoder: those in the produce requests that stock clients sent and
// in the fetch answers that Apache Kafka gave, as captured in tests/golden/frames (each file names
// client, server and command).
#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <sstream>

#include "wal/record_reader.h"

namespace kronika::wal {
namespace {

constexpr const char* kFrames = "tests/golden/frames/";

int Digit(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

// Every batch with a right checksum in the frames of API `key` in one direction ('>' requests, '<'
// answers).
std::vector<Slice> Batches(const std::string& name, char direction, int key) {
  std::ifstream in(kFrames + name + ".txt");
  EXPECT_TRUE(in) << name;
  std::vector<Slice> out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string which, number, version, hex, bytes;
    words >> which >> number >> version >> hex;
    if (which != std::string(1, direction) || number != std::to_string(key)) continue;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes.push_back(static_cast<char>(Digit(hex[i]) * 16 + Digit(hex[i + 1])));
    }
    for (std::size_t at = 0; at < bytes.size();) {
      const Bytes rest = AsBytes(bytes).subspan(at);
      const auto header = ParseCheckedBatch(rest);
      if (header) out.push_back(Slice::CopyOf(rest.first(header->total_bytes)));
      at += header ? header->total_bytes : 1;
    }
  }
  return out;
}

std::vector<std::string> Values(const std::vector<Slice>& batches) {
  std::vector<std::string> out;
  for (const Slice& batch : batches) {
    RecordReader reader(batch.bytes(), *ParseBatchHeader(batch.bytes()));
    auto record = reader.Next();
    for (; record && *record; record = reader.Next()) {
      out.emplace_back((*record)->value ? AsText(*(*record)->value) : "null");
    }
    EXPECT_TRUE(record) << record.error().Describe();
  }
  return out;
}

std::vector<std::string> OneToHundred() {
  std::vector<std::string> out;
  for (int i = 1; i <= 100; ++i) out.push_back(std::to_string(i));
  return out;
}

constexpr int kProduce = 0, kFetch = 1;

TEST(GoldenBatches, EveryCodecOfLibrdkafka) {
  const std::pair<const char*, Codec> files[] = {{"kcat_produce_gzip", Codec::kGzip},
                                                 {"kcat_produce_snappy", Codec::kSnappy},
                                                 {"kcat_produce_lz4", Codec::kLz4},
                                                 {"kcat_produce_zstd", Codec::kZstd}};
  for (const auto& [name, codec] : files) {
    const auto batches = Batches(name, '>', kProduce);
    ASSERT_FALSE(batches.empty()) << name;
    EXPECT_EQ(Values(batches), OneToHundred()) << name;
    for (const Slice& batch : batches) {
      const auto header = *ParseBatchHeader(batch.bytes());
      EXPECT_EQ(header.codec(), codec) << name;
      EXPECT_EQ(CheckBatch(batch.bytes(), {}), BatchVerdict::kOk) << name;
      const auto records = CheckRecords(batch.bytes(), header, {});
      EXPECT_EQ(records.verdict, BatchVerdict::kOk) << name;
      EXPECT_EQ(records.max_timestamp, header.max_timestamp) << name;
    }
  }
}

TEST(GoldenBatches, OtherProducersPass) {
  for (const char* name : {"kcat_produce", "kcat_produce_idempotent", "kafka_python_produce",
                           "kafkajs_produce", "java_console_producer"}) {
    const auto batches = Batches(name, '>', kProduce);
    ASSERT_FALSE(batches.empty()) << name;
    for (const Slice& batch : batches) {
      EXPECT_EQ(CheckBatch(batch.bytes(), {}), BatchVerdict::kOk) << name;
      EXPECT_EQ(CheckRecords(batch.bytes(), *ParseBatchHeader(batch.bytes()), {}).verdict,
                BatchVerdict::kOk)
          << name;
    }
  }
}

// What Kafka stored: base offset and leader epoch stamped, the producers' checksums kept.
TEST(GoldenBatches, WhatKafkaServes) {
  const auto batches = Batches("kcat_consume", '<', kFetch);
  ASSERT_FALSE(batches.empty());
  std::int64_t offset = -1;
  for (const Slice& batch : batches) {
    const auto header = *ParseBatchHeader(batch.bytes());
    EXPECT_TRUE(offset < 0 || header.base_offset == offset);
    offset = header.next_offset();
    EXPECT_GE(header.leader_epoch, 0);
    EXPECT_EQ(CheckRecords(batch.bytes(), header, {}).verdict, BatchVerdict::kOk);
  }
}

}  // namespace
}  // namespace kronika::wal
