#include "metadata/identity.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/planted.h"

namespace kronika::metadata {
namespace {

constexpr std::string_view kHeading = "kronika identity ";
constexpr std::string_view kChecksum = "checksum ";
constexpr std::uint32_t kIdentityVersion = 1;

std::string BrokerLine(std::string_view role, const FoundingVoter& voter) {
  return fmt::format("{} {} {} {}\n", role, voter.broker.value, voter.peer.Describe(),
                     voter.directory.ToString());
}

// The next word of `line`, which is taken off it.
std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.size(), line.find_first_not_of(" \t\r")));
  const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
  line.remove_prefix(word.size());
  return word;
}

template <class Number>
bool ParseNumber(std::string_view text, Number& value, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return !text.empty() && error == std::errc{} && end == text.data() + text.size();
}

bool ParseUuid(std::string_view text, Uuid& uuid) {
  auto parsed = Uuid::Parse(text);
  if (parsed) uuid = *parsed;
  return parsed.has_value();
}

bool ParseBroker(std::string_view text, BrokerId& broker) {
  return ParseNumber(text, broker.value) && broker.value >= 1;
}

bool ParseContact(std::string_view line, FoundingBroker& contact) {
  const bool broker = ParseBroker(TakeWord(line), contact.broker);
  auto peer = HostPort::Parse(TakeWord(line));
  if (!broker || !peer) return false;
  contact.peer = std::move(*peer);
  return TakeWord(line).empty();
}

bool ParseVoter(std::string_view line, FoundingVoter& voter) {
  const bool broker = ParseBroker(TakeWord(line), voter.broker);
  auto peer = HostPort::Parse(TakeWord(line));
  if (!broker || !peer || !ParseUuid(TakeWord(line), voter.directory)) return false;
  voter.peer = std::move(*peer);
  return TakeWord(line).empty();
}

// Calls take(word, rest, number) for every line that is not empty or a comment; its false is a bad
// line, whose number comes back. 0 = all good.
template <class Take>
int EachLine(std::string_view text, Take&& take) {
  for (int number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::string_view word = TakeWord(line);
    if (word.empty() || word.starts_with('#')) continue;
    if (!take(word, line)) return number;
  }
  return 0;
}

Status CheckVoters(const FoundingText& text) {
  std::set<BrokerId> ids;
  std::set<std::string> addresses;
  std::set<Uuid> directories;
  std::vector<FoundingVoter> brokers = text.voters;
  brokers.insert(brokers.end(), text.others.begin(), text.others.end());
  for (const auto& voter : brokers) {
    const bool fresh = ids.insert(voter.broker).second &&
                       addresses.insert(voter.peer.Describe()).second &&
                       directories.insert(voter.directory).second;
    if (fresh && voter.broker.value >= 1) continue;
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("broker {} at {}: ids from 1, each id, address and directory once",
                            voter.broker.value, voter.peer.Describe()),
                "founding text");
  }
  if (!text.voters.empty() && text.voters.size() <= kMetadataVotersMax && !text.cluster.IsZero())
    return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("a cluster id and 1 to {} voters are needed", kMetadataVotersMax),
              "founding text");
}

std::unexpected<Error> CorruptIdentity(std::string why) {
  return Fail(ErrorCode::kCorruption, std::move(why), "identity file");
}

// Splits off the last line and compares what it says.
Result<std::string_view> CheckedBody(std::string_view text) {
  const auto at = text.rfind(kChecksum);
  if (at == std::string_view::npos || (at != 0 && text[at - 1] != '\n'))
    return CorruptIdentity("it has no checksum");
  std::string_view last = text.substr(at + kChecksum.size());
  if (last.ends_with('\n')) last.remove_suffix(1);
  std::uint32_t checksum = 0;
  if (!ParseNumber(last, checksum, 16) || checksum != crc32c::Value(AsBytes(text.substr(0, at)))) {
    return CorruptIdentity("its checksum is wrong: the file was damaged or edited");
  }
  return text.substr(0, at);
}

}  // namespace

Uuid DrawUuid(Rng& rng) {
  Uuid uuid;
  do {
    for (std::size_t half = 0; half < 2; ++half) {
      StoreLe(reinterpret_cast<std::byte*>(uuid.bytes.data()) + half * sizeof(std::uint64_t),
              rng.Next());
    }
    uuid.bytes[6] = static_cast<std::uint8_t>((uuid.bytes[6] & 0x0f) | 0x40);
    uuid.bytes[8] = static_cast<std::uint8_t>((uuid.bytes[8] & 0x3f) | 0x80);
  } while (uuid.ToString().starts_with('-'));  // command lines would take it for an option
  return uuid;
}

std::uint64_t DrawNonce(Rng& rng) {
  for (;;) {
    if (const std::uint64_t nonce = rng.Next(); nonce != 0) return nonce;
  }
}

Result<FoundingText> Found(std::vector<FoundingBroker> brokers, Rng& rng) {
  FoundingText text{.cluster = DrawUuid(rng), .voters = {}, .others = {}};
  std::ranges::sort(brokers, {}, &FoundingBroker::broker);
  for (auto& broker : brokers) {
    auto& list = text.voters.size() < kMetadataVotersMax ? text.voters : text.others;
    list.push_back(
        {.broker = broker.broker, .peer = std::move(broker.peer), .directory = DrawUuid(rng)});
  }
  if (auto checked = CheckVoters(text); !checked)
    return std::unexpected(std::move(checked).error());
  return text;
}

std::string PrintFoundingText(const FoundingText& text) {
  std::string out =
      "# The founding text of a Kronika cluster. Every broker of it is formatted from the same "
      "text.\n";
  out += fmt::format("cluster {}\n", text.cluster.ToString());
  for (const auto& voter : text.voters) out += BrokerLine("voter", voter);
  for (const auto& broker : text.others) out += BrokerLine("joiner", broker);
  return out;
}

Result<FoundingText> ParseFoundingText(std::string_view text) {
  FoundingText out;
  const int bad_line = EachLine(text, [&](std::string_view word, std::string_view rest) {
    if (word == "cluster") return ParseUuid(TakeWord(rest), out.cluster) && TakeWord(rest).empty();
    if (word == "joiner") return ParseVoter(rest, out.others.emplace_back());
    return word == "voter" && ParseVoter(rest, out.voters.emplace_back());
  });
  if (bad_line != 0) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("line {} is none of 'cluster UUID', 'voter ID HOST:PORT UUID', 'joiner "
                            "ID HOST:PORT UUID'",
                            bad_line),
                "founding text");
  }
  std::ranges::sort(out.voters, {}, &FoundingVoter::broker);
  std::ranges::sort(out.others, {}, &FoundingVoter::broker);
  if (auto checked = CheckVoters(out); !checked) return std::unexpected(std::move(checked).error());
  return out;
}

Result<Identity> IdentityFrom(const FoundingText& text, BrokerId broker) {
  for (const auto& voter : text.voters) {
    if (voter.broker != broker) continue;
    return Identity{.cluster = text.cluster,
                    .broker = broker,
                    .directory = voter.directory,
                    .voters = text.voters,
                    .contacts = {}};
  }
  for (const auto& other : text.others) {
    if (other.broker == broker) return JoinerIdentity(text, broker, other.directory);
  }
  return Fail(ErrorCode::kNotFound, fmt::format("broker {} is not in it", broker.value),
              "founding text");
}

Identity JoinerIdentity(const FoundingText& text, BrokerId broker, Uuid directory) {
  Identity out{.cluster = text.cluster,
               .broker = broker,
               .directory = directory,
               .voters = {},
               .contacts = {}};
  for (const auto* list : {&text.voters, &text.others}) {
    for (const auto& other : *list) {
      if (other.broker != broker)
        out.contacts.push_back({.broker = other.broker, .peer = other.peer});
    }
  }
  return out;
}

std::string EncodeIdentity(const Identity& identity) {
  std::string out = fmt::format(
      "{}{}\ncluster {}\nbroker {}\ndirectory {}\nformat_nonce {:016x}\nboot_epoch {}\n", kHeading,
      kIdentityVersion, identity.cluster.ToString(), identity.broker.value,
      identity.directory.ToString(), identity.format_nonce, identity.boot_epoch);
  for (const auto& voter : identity.voters) out += BrokerLine("voter", voter);
  for (const auto& contact : identity.contacts) {
    if (KRONIKA_PLANTED("joiner-forgets-contacts")) break;
    out += fmt::format("contact {} {}\n", contact.broker.value, contact.peer.Describe());
  }
  return out + fmt::format("{}{:08x}\n", kChecksum, crc32c::Value(AsBytes(out)));
}

Result<Identity> DecodeIdentity(std::string_view text) {
  if (!text.starts_with(kHeading)) return CorruptIdentity("it is not an identity file");
  auto body = CheckedBody(text);
  if (!body) return std::unexpected(std::move(body).error());
  std::string_view rest = body->substr(kHeading.size());
  std::uint32_t version = 0;
  if (!ParseNumber(rest.substr(0, rest.find('\n')), version))
    return CorruptIdentity("its version does not decode");
  if (version > kIdentityVersion) {
    return Fail(ErrorCode::kUnsupported,
                fmt::format("format version {} is of a later release", version), "identity file");
  }
  rest.remove_prefix(std::min(rest.size(), rest.find('\n')));
  Identity out;
  const int bad_line = EachLine(rest, [&](std::string_view word, std::string_view line) {
    if (word == "voter") return ParseVoter(line, out.voters.emplace_back());
    if (word == "contact") return ParseContact(line, out.contacts.emplace_back());
    const std::string_view value = TakeWord(line);
    if (word == "cluster") return ParseUuid(value, out.cluster);
    if (word == "broker") return ParseBroker(value, out.broker);
    if (word == "directory") return ParseUuid(value, out.directory);
    if (word == "format_nonce") return ParseNumber(value, out.format_nonce, 16);
    return word == "boot_epoch" && ParseNumber(value, out.boot_epoch);
  });
  if (bad_line != 0 || out.broker == kNoBroker || out.directory.IsZero())
    return CorruptIdentity("it does not decode");
  return out;
}

Status CheckOwner(const Identity& identity, BrokerId node_id) {
  if (identity.broker == node_id) return {};
  return Fail(
      ErrorCode::kFenced,
      fmt::format(
          "the data directory belongs to broker {} (directory {}), the node file says node_id {}",
          identity.broker.value, identity.directory.ToString(), node_id.value),
      "data directory");
}

}  // namespace kronika::metadata
