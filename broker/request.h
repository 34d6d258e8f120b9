// What a Kafka handler gets beside the request: who asks, in which version, and the one way to
// answer.
//
// Called on the broker's loop. Invariants:
// 1. A Reply is used at most once. One that is dropped unused closes the connection: no request
//    stays unanswered.
// 2. It may be used from inside the handler or any time later, also after the connection is gone.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "broker/net/request_sink.h"
#include "broker/partition/wait_list.h"

namespace kronika::broker {

// What is kept per connection.
struct ConnectionState {
  // What the client said of itself (ApiVersions ≥ 3).
  std::string software_name;
  std::string software_version;
  // The requests that wait for something. Woken with OnChanged when the connection is gone: they
  // give up then; with OnAppended when memory for requests is short: they wait no longer.
  WaitList waiting;
};

struct RequestContext {
  std::string client_host;
  std::string listener;   // the name of the listener that the client connected to
  std::string client_id;  // empty: none given
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
  std::size_t request_bytes = 0;
  ConnectionState* connection = nullptr;  // good until `waiting` is woken with OnChanged
};

// Where the answer to one request goes, with what its encoding needs.
struct ReplyPath {
  net::Completion done;
  std::int16_t version = 0;
  std::int32_t correlation_id = 0;
};

// The response header: the correlation id, and an empty tag section in version 1.
class ResponseHeader {
 public:
  ResponseHeader(std::int16_t header_version, std::int32_t correlation_id)
      : size_(header_version >= 1 ? 5 : 4) {
    StoreBe(bytes_, correlation_id);
  }
  Bytes bytes() const { return {bytes_, size_}; }

 private:
  std::byte bytes_[5] = {};
  std::size_t size_;
};

// An answer is made whole before it leaves: what is larger closes the connection. Fetches are far
// below it (`fetch.max.bytes`), as are all topics of a cluster of a million partitions.
inline constexpr std::size_t kAnswerBytesMax = 128 * 1024 * 1024;

template <class Response>
class Reply {
 public:
  explicit Reply(ReplyPath path) : path_(std::move(path)) {}

  std::int16_t version() const { return path_.version; }

  void operator()(const Response& response) { Send(response, path_.version); }
  // In a version other than the request's; for ApiVersions alone.
  void Send(const Response& response, std::int16_t version) {
    if (response.EncodedSize(version) > kAnswerBytesMax) {
      return Close("an answer of more than 128 MiB; ask for less at once");
    }
    const ResponseHeader header(Response::HeaderVersion(version), path_.correlation_id);
    std::exchange(path_.done, {})(net::Outcome::Reply(response.Encode(version, header.bytes())));
  }
  // Produce with acks=0.
  void Nothing() { std::exchange(path_.done, {})(net::Outcome::NoReply()); }
  void Close(std::string reason) {
    std::exchange(path_.done, {})(net::Outcome::Close(std::move(reason)));
  }

 private:
  ReplyPath path_;
};

}  // namespace kronika::broker
