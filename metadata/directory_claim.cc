// The comparisons; see directory_claim.h.
#include "metadata/directory_claim.h"

#include <fmt/format.h>

#include "base/planted.h"

namespace kronika::metadata {
namespace {

std::unexpected<Error> Refused(std::string text) {
  return Fail(ErrorCode::kFenced, std::move(text), "data directory");
}

bool Differ(std::uint64_t known, std::uint64_t claimed) {
  return known != 0 && claimed != 0 && known != claimed;
}

}  // namespace

DirectoryClaim ClaimOf(const BrokerRegistered& registration) {
  return {.broker = registration.broker,
          .directory = registration.directory,
          .format_nonce = registration.format_nonce,
          .boot_epoch = registration.boot_epoch,
          .process_nonce = registration.process_nonce};
}

std::string ReplaceCommand(BrokerId broker) {
  return fmt::format("kronika format --config FILE --from FOUNDING --replace {}", broker.value);
}

std::string ReplaceAdvice(BrokerId broker) {
  return fmt::format(". Empty it and bring the broker back with `{}`", ReplaceCommand(broker));
}

Status CheckClaim(const Broker& known, const DirectoryClaim& claim) {
  const auto id = claim.broker.value;
  if (known.directory != claim.directory) {
    return Refused(fmt::format(
        "broker {} is known with data directory {}, not {}. Two brokers with one id? If its disk "
        "is gone, and this one was formatted with --replace: kronika broker replace {} --uuid {} "
        "--admin HOST:PORT",
        id, known.directory.ToString(), claim.directory.ToString(), id,
        claim.directory.ToString()));
  }
  const std::string advice = ReplaceAdvice(claim.broker);
  if (Differ(known.format_nonce, claim.format_nonce) && !KRONIKA_PLANTED("formatted-again")) {
    return Refused(fmt::format(
        "broker {} lost what it had promised: its directory was formatted again under UUID {}{}",
        id, claim.directory.ToString(), advice));
  }
  if (claim.boot_epoch < known.boot_epoch) {
    return Refused(
        fmt::format("broker {} comes with boot epoch {} after {}: its directory was rolled back or "
                    "copied{}",
                    id, claim.boot_epoch, known.boot_epoch, advice));
  }
  if (claim.boot_epoch == known.boot_epoch && Differ(known.process_nonce, claim.process_nonce) &&
      !KRONIKA_PLANTED("rolled-back-by-one")) {
    return Refused(
        fmt::format("another process was broker {} at boot epoch {}: its directory was rolled back "
                    "or copied{}",
                    id, claim.boot_epoch, advice));
  }
  return {};
}

bool PlacedIn(const Image& image, raft::ReplicaId replica, Uuid directory) {
  const Broker* broker = image.FindBroker(replica.broker);
  if (!broker || !replica.valid()) return false;
  if (KRONIKA_PLANTED("lost-replica-founded-again")) return true;
  return broker->directory == directory && replica.incarnation.value > broker->replaced_at.value;
}

raft::ReplicaId MetadataReplicaFor(const Image& image, BrokerId broker, Uuid directory) {
  const Broker* known = image.FindBroker(broker);
  const raft::ReplicaId replica = image.metadata_group.ReplicaOf(broker);
  if (!known || known->directory != directory || !replica.valid()) return {};
  if (replica.incarnation == Incarnation{} && !KRONIKA_PLANTED("founding-replica-given-away"))
    return {};
  if (replica.incarnation.value < known->replaced_at.value) return {};
  return replica;
}

}  // namespace kronika::metadata
