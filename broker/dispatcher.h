// Dispatcher: from a frame to a handler and back: request header, API table, decoding, answers that
// need no handler.
//
//   frame ──> header ──> API table ──decode──> broker/api/NN_name.cc ──> Reply ──encode──> frame
//
// One loop. Real codecs on both sides, no sockets: the simulator enters here.
// 1. An unknown key, a version that is not served, or a body that does not decode closes the
//    connection, as Kafka does; ApiVersions in an unknown version is answered in version 0 with
//    error 35 and its own row (KIP-511).
// 2. Each (client software, key, version) that was refused is logged once, at most
//    kRefusalsLoggedMax of them; all are counted.
// Source: Kafka protocol guide; KIP-482, KIP-511.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>

#include "broker/net/request_sink.h"
#include "broker/request.h"
#include "broker/services.h"

namespace kronika::broker {

struct DispatcherStats {
  static constexpr std::size_t kKeys = 128;
  std::array<std::uint64_t, kKeys> requests = {};  // by API key
  std::uint64_t refused = 0;                       // unknown key or version
  std::uint64_t malformed = 0;
};

class Dispatcher final : public net::RequestSink {
 public:
  static constexpr std::size_t kRefusalsLoggedMax = 1000;

  explicit Dispatcher(const Services& services) : services_(services) {}

  void Handle(const net::Peer& peer, Slice frame, net::Completion done) override;
  void OnClosed(const net::Peer& peer) override { connections_.erase(peer.id); }
  void OnHurry(const net::Peer& peer) override;

  const DispatcherStats& stats() const { return stats_; }

 private:
  void Refuse(const net::Peer& peer, std::int16_t key, ReplyPath path);
  void CloseMalformed(const net::Peer& peer, const std::string& why, ReplyPath& path);

  const Services services_;
  std::map<std::uint64_t, ConnectionState> connections_;
  std::set<std::tuple<std::string, std::int16_t, std::int16_t>> refusals_logged_;
  DispatcherStats stats_;
};

}  // namespace kronika::broker
