// Who a data directory is: the file `identity`, and the founding text that a cluster is formatted
// from.
//
//   kronika identity 1                          cluster <uuid>
//   cluster <uuid>                              voter <id> <host:port> <directory uuid>
//   broker <id>                                 joiner <id> <host:port> <directory uuid>
//   directory <uuid>                            (the founding text: the same for every broker)
//   format_nonce <random, hex>
//   boot_epoch <count of opens>
//   voter <id> <host:port> <directory uuid>     (one line a founder; none in a directory that only
//   joins)
//   contact <id> <host:port>                    (only in a directory that joins: one line for each
//   other broker of the founding text)
//   checksum <CRC-32C of all lines before, hex>
//
// Pure; any thread. Source: safety rules A12 (founding is an act) and D-8 (identity of a
// directory).
// 1. Only a directory whose own (broker, directory) is among its voters founds; every other one
//    joins, empty.
// 2. The boot epoch rises, and is synced, before anything of that life leaves the process
//    (identity_file.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "metadata/records.h"

namespace kronika::metadata {

inline constexpr std::size_t kMetadataVotersMax = 5;

struct FoundingText {
  Uuid cluster;
  std::vector<FoundingVoter> voters;  // of the metadata group, by broker id
  std::vector<FoundingVoter> others;  // brokers beyond kMetadataVotersMax: they join
  bool operator==(const FoundingText&) const = default;
};

struct FoundingBroker {
  BrokerId broker = kNoBroker;
  HostPort peer;
  bool operator==(const FoundingBroker&) const = default;
};

struct Identity {
  Uuid cluster;  // zero: joins, and has not heard from the cluster yet
  BrokerId broker = kNoBroker;
  Uuid directory;
  std::uint64_t format_nonce = 0;  // drawn when the directory was formatted
  std::uint64_t boot_epoch = 0;
  std::vector<FoundingVoter> voters;
  std::vector<FoundingBroker> contacts;  // whom a directory that joins speaks to first
  bool operator==(const Identity&) const = default;
  bool founds() const { return !voters.empty(); }
};

// 122 random bits in the form of a version 4 UUID whose text does not begin with '-'.
Uuid DrawUuid(Rng& rng);
// Never 0, which stands for "not known".
std::uint64_t DrawNonce(Rng& rng);

// A new cluster of these brokers. kInvalidArgument: none, an id twice or not positive, an address
// twice.
Result<FoundingText> Found(std::vector<FoundingBroker> brokers, Rng& rng);
std::string PrintFoundingText(const FoundingText& text);
// kInvalidArgument with the line's number.
Result<FoundingText> ParseFoundingText(std::string_view text);

// The identity of a fresh directory by the text; kNotFound if it does not name the broker.
Result<Identity> IdentityFrom(const FoundingText& text, BrokerId broker);
// Of a directory that joins the cluster of the text: a broker beyond the voters, or one that lost
// its disk (`format --replace`).
Identity JoinerIdentity(const FoundingText& text, BrokerId broker, Uuid directory);

std::string EncodeIdentity(const Identity& identity);
// kCorruption: checksum or form; kUnsupported: a later format version.
Result<Identity> DecodeIdentity(std::string_view text);

// Whether the node file and the directory belong together; kFenced with one line that names both.
Status CheckOwner(const Identity& identity, BrokerId node_id);

}  // namespace kronika::metadata
