// FrameReader: cutting, and memory that follows what was received, never what was declared.
#include "broker/net/frame.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/rng.h"
#include "tests/unit/broker/net/socket_client.h"

namespace kronika::broker::net {
namespace {

// Feeds `stream` in pieces of at most `step` bytes and collects the frames.
std::vector<std::string> Feed(FrameReader& reader, std::string_view stream, std::size_t step) {
  std::vector<std::string> out;
  while (!stream.empty()) {
    auto room = reader.Prepare();
    const std::size_t count = std::min({step, room.size(), stream.size()});
    std::memcpy(room.data(), stream.data(), count);
    reader.Commit(count);
    stream.remove_prefix(count);
    for (;;) {
      auto frame = reader.Next();
      EXPECT_TRUE(frame.has_value());
      if (!frame || !*frame) break;
      out.emplace_back((*frame)->text());
    }
  }
  return out;
}

TEST(FrameReader, CutsFramesHoweverTheBytesArrive) {
  SeededRng rng(7);
  std::vector<std::string> bodies;
  std::string stream;
  for (int i = 0; i < 60; ++i) {
    const std::size_t size = rng.Chance(0.2) ? rng.Below(40'000) : rng.Below(300);
    std::string body(size, static_cast<char>('a' + i % 26));
    stream += Framed(body);
    bodies.push_back(std::move(body));
  }
  for (std::size_t step : {1, 3, 4, 5, 1000, 4096, 100'000}) {
    FrameReader reader(1 << 20);
    EXPECT_EQ(Feed(reader, stream, static_cast<std::size_t>(step)), bodies) << "step " << step;
    EXPECT_EQ(reader.buffered_bytes(), 0u);
  }
}

TEST(FrameReader, GivesAnEmptyFrame) {
  FrameReader reader(100);
  EXPECT_EQ(Feed(reader, Framed(""), 2), std::vector<std::string>{""});
}

TEST(FrameReader, RefusesNegativeAndOversizedFrames) {
  for (std::int32_t size : {-1, -2, std::numeric_limits<std::int32_t>::min(), 101,
                            std::numeric_limits<std::int32_t>::max()}) {
    FrameReader reader(100);
    auto room = reader.Prepare();
    StoreBe(room.data(), size);
    reader.Commit(4);
    auto frame = reader.Next();
    ASSERT_FALSE(frame.has_value()) << size;
    EXPECT_EQ(frame.error().code, ErrorCode::kCorruption);
  }
}

// Fails with the planted bug frame-trusts-length.
TEST(FrameReader, AllocatesNothingFromADeclaredLength) {
  FrameReader reader(100 * 1024 * 1024);
  std::size_t received = 0;
  auto room = reader.Prepare();
  StoreBe(room.data(), std::int32_t{100 * 1024 * 1024});
  reader.Commit(4);
  received += 4;
  while (received < 1 << 20) {
    auto frame = reader.Next();
    ASSERT_TRUE(frame.has_value() && !*frame);
    room = reader.Prepare();
    ASSERT_LE(reader.block_bytes(),
              std::max<std::size_t>(FrameReader::kBlockBytesMin, 2 * received));
    const std::size_t count = std::min<std::size_t>(room.size(), 1000);
    reader.Commit(count);
    received += count;
  }
}

TEST(FrameReader, EqualFramesAreNotCopied) {
  FrameReader reader(1 << 20);
  const std::string stream = Framed(std::string(60'000, 'x'));
  EXPECT_EQ(Feed(reader, stream, 1 << 20).size(), 1u);
  // The second frame finds a block of its own size: it is received in one piece, behind its size
  // field.
  auto room = reader.Prepare();
  EXPECT_EQ(room.size(), stream.size());
  std::memcpy(room.data(), stream.data(), stream.size());
  reader.Commit(stream.size());
  auto frame = reader.Next();
  ASSERT_TRUE(frame.has_value() && frame->has_value());
  EXPECT_EQ((*frame)->data(), room.data() + 4);
}

TEST(FrameReader, AnIdleConnectionHoldsLittle) {
  FrameReader reader(100 * 1024 * 1024);
  Feed(reader, Framed(std::string(10 << 20, 'x')), 1 << 20);
  reader.Prepare();
  EXPECT_LE(reader.block_bytes(), FrameReader::kIdleBlockBytesMax);
}

}  // namespace
}  // namespace kronika::broker::net
