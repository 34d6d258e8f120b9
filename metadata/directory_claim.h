// DirectoryClaim: what a process says of the data directory that it runs on, and whether the image
// lets it stand for its broker. Entries of the metadata log are void by this rule, so it may not
// change for the claims that they hold.
//
// Pure; any thread. Source: safety rules A4, A12 and D-8. One rule for whoever asks: a peer's
// hello, a registration, a record that is applied, and a broker that finds itself in the image.
//
//   directory      UUID, from the founding text or `format --replace`
//   format_nonce   drawn by `kronika format`: a directory that is formatted again has another one
//   boot_epoch     counts opens: an older state of the directory has a lower one
//   process_nonce  drawn at start: two processes that opened two copies differ
//
// A nonce of 0 is not known: a founder that was not heard of yet, or one from a test.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "metadata/image.h"
#include "metadata/records.h"

namespace kronika::metadata {

struct DirectoryClaim {
  BrokerId broker = kNoBroker;
  Uuid directory;
  std::uint64_t format_nonce = 0;
  std::uint64_t boot_epoch = 0;
  std::uint64_t process_nonce = 0;
};

DirectoryClaim ClaimOf(const BrokerRegistered& registration);

// What an operator runs for a broker whose directory cannot be used any more; and that as the end
// of a sentence.
std::string ReplaceCommand(BrokerId broker);
std::string ReplaceAdvice(BrokerId broker);

// kFenced with one line for people. `known` is the image's broker of the same id.
Status CheckClaim(const Broker& known, const DirectoryClaim& claim);

// Whether the image means `replica` in this directory. An image that replays what was before the
// directory became the broker's, or that waits for the replacement's next wish, still names the
// replica that was lost (SAFETY A4).
bool PlacedIn(const Image& image, raft::ReplicaId replica, Uuid directory);

// The replica of the metadata group that an empty directory may take up; not valid() if there is
// none (yet). A founder's own is never given away: whoever asks for it has lost it.
raft::ReplicaId MetadataReplicaFor(const Image& image, BrokerId broker, Uuid directory);

}  // namespace kronika::metadata
