// Fuzz target: a byte that says request (even) or response, then a request header that names key
// and version, then the body of either.
//
// What decodes must encode to its counted size and be stable when it is read again.
// KRONIKA_PLANTED=name switches a planted bug on ("decoder-trusts-length" is found in seconds);
// KRONIKA_CORPUS=DIR writes one frame for each message and version to DIR and ends.
#include <cstdlib>
#include <fstream>

#include "base/check.h"
#include "base/planted.h"
#include "proto/kafka/frame.h"
#include "tests/unit/proto/message_maker.h"

namespace kronika::kafka {
namespace {

void RecodeTwice(const MessageLayout& layout, const Slice& body, std::int16_t version) {
  const auto first = layout.recode(body, version);
  if (!first) return;
  const Slice encoded = Flatten(first->bytes);
  KRONIKA_CHECK(encoded.size() == first->counted_size);
  const auto second = layout.recode(encoded, version);
  KRONIKA_CHECK(second.has_value());
  KRONIKA_CHECK(Flatten(second->bytes).text() == encoded.text());
}

void Run(Bytes bytes) {
  if (bytes.empty()) return;
  const bool is_request = (bytes[0] & std::byte{1}) == std::byte{0};
  const auto frame = SplitRequest(Slice::CopyOf(bytes.subspan(1)));
  if (!frame) return;
  const std::int16_t version = frame->header.request_api_version;
  if (!frame->api->serve.Contains(version)) return;
  for (const MessageLayout& layout : MessageLayouts()) {
    const bool meant =
        layout.key == frame->header.request_api_key && layout.is_request == is_request;
    if (meant) RecodeTwice(layout, frame->body, version);
  }
}

std::string Frame(const MessageLayout& layout, std::int16_t version) {
  RequestHeader header;
  header.request_api_key = layout.key;
  header.request_api_version = version;
  header.client_id = "fuzz";
  const MadeMessage body = MakeMessage(layout, version, 1, {.unknown_tags = true});
  const std::string side(1, layout.is_request ? '\0' : '\1');
  return side + std::string(EncodedRequestHeader(header).text()) + body.bytes;
}

void WriteCorpus(const std::string& folder) {
  for (const MessageLayout& layout : MessageLayouts()) {
    if (layout.key < 0) continue;
    for (std::int16_t v = layout.versions.first; v <= layout.versions.last; ++v) {
      const std::string name = std::string(layout.name) + "-" + std::to_string(v);
      std::ofstream(folder + "/" + name, std::ios::binary) << Frame(layout, v);
    }
  }
}

}  // namespace
}  // namespace kronika::kafka

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  if (const char* planted = std::getenv("KRONIKA_PLANTED")) kronika::planted::Enable(planted);
  if (const char* folder = std::getenv("KRONIKA_CORPUS")) {
    kronika::kafka::WriteCorpus(folder);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kronika::kafka::Run(std::as_bytes(std::span(data, size)));
  return 0;
}
