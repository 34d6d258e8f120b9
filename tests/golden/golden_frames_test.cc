// The codecs against bytes that somebody else encoded: each captured request and answer decodes,
// and encodes to the same bytes again.
//
// The frames are in tests/golden/frames, written by capture.py; the first lines of a file name
// client, server and command. Seen to fail: with host and port of Metadata exchanged in the schema,
// with compact lengths not lowered by one.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "proto/kafka/frame.h"
#include "proto/kafka/layout.h"

namespace kronika::kafka {
namespace {

struct GoldenFrame {
  std::string where;  // file:line
  bool is_request = false;
  std::int16_t key = -1;
  std::int16_t version = -1;
  std::string bytes;
};

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

std::vector<GoldenFrame> ReadFrames() {
  std::vector<GoldenFrame> frames;
  for (const auto& entry : std::filesystem::directory_iterator("tests/golden/frames")) {
    std::ifstream file(entry.path());
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      if (!line.starts_with("> ") && !line.starts_with("< ")) continue;
      std::istringstream words(line.substr(2));
      GoldenFrame frame{.where = entry.path().filename().string() + ":" + std::to_string(number),
                        .is_request = line.starts_with("> ")};
      std::string hex;
      words >> frame.key >> frame.version >> hex;
      frame.bytes = FromHex(hex);
      frames.push_back(std::move(frame));
    }
  }
  return frames;
}

const MessageLayout* FindLayout(const GoldenFrame& frame) {
  for (const MessageLayout& layout : MessageLayouts()) {
    if (layout.key == frame.key && layout.is_request == frame.is_request &&
        layout.versions.Contains(frame.version)) {
      return &layout;
    }
  }
  return nullptr;
}

// The frame's header is read and written again, too; `header` receives what was written.
Result<Slice> SplitBody(const GoldenFrame& frame, Slice& header) {
  const Slice bytes = Slice::CopyOf(frame.bytes);
  if (frame.is_request) {
    const auto split = SplitRequest(bytes);
    if (!split) return std::unexpected(split.error());
    header = EncodedRequestHeader(split->header);
    return split->body;
  }
  const ApiInfo& api = *FindApi(frame.key);
  const auto split = SplitResponse(bytes, api, frame.version);
  if (!split) return std::unexpected(split.error());
  header = EncodedResponseHeader(split->header.correlation_id, api, frame.version);
  return split->body;
}

TEST(GoldenFrames, DecodeAndEncodeToTheSameBytes) {
  std::map<std::int16_t, int> requests, responses;
  for (const GoldenFrame& frame : ReadFrames()) {
    const MessageLayout* layout = FindLayout(frame);
    if (layout == nullptr) continue;
    SCOPED_TRACE(frame.where + " " + std::string(layout->name) + " v" +
                 std::to_string(frame.version));
    Slice header;
    const auto body = SplitBody(frame, header);
    ASSERT_TRUE(body) << body.error().Describe();
    const auto recoded = layout->recode(*body, frame.version);
    ASSERT_TRUE(recoded) << recoded.error().Describe();
    EXPECT_EQ(frame.bytes, std::string(header.text()) + std::string(Flatten(recoded->bytes).text()))
        << recoded->json;
    ++(frame.is_request ? requests : responses)[frame.key];
  }
  // Without these the loop above could pass by finding nothing.
  for (std::int16_t key : {0, 1, 2, 3, 18, 19, 20, 22, 32}) {
    EXPECT_GT(requests[key], 0) << "no request of key " << key;
    EXPECT_GT(responses[key], 0) << "no response of key " << key;
  }
}

}  // namespace
}  // namespace kronika::kafka
