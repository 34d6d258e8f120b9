#include "raft/journal_log_store.h"

#include <algorithm>

#include "raft/core/membership.h"

namespace kronika::raft {
namespace {

wal::JournalEntry ToJournal(Entry entry) {
  return {.index = entry.index,
          .term = entry.term,
          .type = static_cast<std::uint8_t>(entry.type),
          .append_time_ms = entry.append_time_ms,
          .payload = std::move(entry.payload)};
}

Result<Entry> FromJournal(wal::JournalEntry entry) {
  if (entry.type > static_cast<std::uint8_t>(EntryType::kControl)) {
    return Fail(ErrorCode::kCorruption, "an entry of an unknown type", "journal");
  }
  return Entry{.index = entry.index,
               .term = entry.term,
               .type = EntryType{entry.type},
               .append_time_ms = entry.append_time_ms,
               .payload = std::move(entry.payload)};
}

Result<std::vector<Entry>> FromJournal(std::vector<wal::JournalEntry> entries) {
  std::vector<Entry> out;
  out.reserve(entries.size());
  for (wal::JournalEntry& entry : entries) {
    auto converted = FromJournal(std::move(entry));
    if (!converted) return std::unexpected(converted.error());
    out.push_back(std::move(*converted));
  }
  return out;
}

// A learner's membership is empty, which has no encoding of its own.
Result<Membership> MembershipOf(const std::string& bytes) {
  if (bytes.empty()) return Membership{};
  return DecodeMembership(AsBytes(bytes));
}

std::string BytesOf(const Membership& membership) {
  return membership == Membership{} ? std::string() : EncodeMembership(membership);
}

}  // namespace

void JournalLogStore::Append(GroupWrite write, Done<void> done) {
  wal::JournalWrite out{.group = write.group, .removed = write.removed};
  if (write.created) {
    out.created = wal::JournalCreated{.generation = write.created->generation,
                                      .broker = write.created->self.broker,
                                      .incarnation = write.created->self.incarnation,
                                      .floor = write.created->floor,
                                      .membership = BytesOf(write.created->membership)};
  }
  if (write.installed) {
    out.installed = wal::JournalInstalled{.index = write.installed->start.index,
                                          .term = write.installed->start.term,
                                          .membership = BytesOf(write.installed->start.membership),
                                          .manifest = std::move(write.installed->manifest)};
  }
  if (write.raft.hard_state) {
    const HardState& state = *write.raft.hard_state;
    out.hard_state = wal::JournalHardState{.term = state.term,
                                           .vote_broker = state.vote.broker,
                                           .vote_incarnation = state.vote.incarnation,
                                           .commit = state.commit};
  }
  out.truncate_from = write.raft.truncate_from;
  out.protocol_only = std::ranges::all_of(write.raft.entries, IsProtocolOwn);
  out.entries.reserve(write.raft.entries.size());
  for (Entry& entry : write.raft.entries) out.entries.push_back(ToJournal(std::move(entry)));
  journal_.Append(std::move(out), std::move(done));
}

void JournalLogStore::Read(GroupId group, Index first, Index last, std::size_t bytes_max,
                           Done<std::vector<Entry>> done) {
  journal_.Read(group, {.first = first, .last = last, .bytes_max = bytes_max},
                [done = std::move(done)](Result<std::vector<wal::JournalEntry>> entries) mutable {
                  if (!entries) return done(std::unexpected(std::move(entries).error()));
                  done(FromJournal(std::move(*entries)));
                });
}

Result<RecoveredGroup> FromJournal(wal::RecoveredLog log) {
  RecoveredGroup out{.removed = log.removed};
  if (log.created) {
    auto membership = MembershipOf(log.created->membership);
    if (!membership) return std::unexpected(membership.error());
    out.created = Created{.generation = log.created->generation,
                          .self = {log.created->broker, log.created->incarnation},
                          .membership = std::move(*membership),
                          .floor = log.created->floor};
  }
  if (log.installed) {
    auto membership = MembershipOf(log.installed->membership);
    if (!membership) return std::unexpected(membership.error());
    out.installed =
        Installed{.start = {log.installed->index, log.installed->term, std::move(*membership)},
                  .manifest = std::move(log.installed->manifest)};
  }
  if (log.hard_state) {
    out.hard_state =
        HardState{.term = log.hard_state->term,
                  .vote = {log.hard_state->vote_broker, log.hard_state->vote_incarnation},
                  .commit = log.hard_state->commit};
  }
  auto entries = FromJournal(std::move(log.entries));
  if (!entries) return std::unexpected(entries.error());
  out.entries = std::move(*entries);
  return out;
}

std::map<GroupId, RecoveredGroup> FromJournal(std::map<GroupId, wal::RecoveredLog> logs,
                                              std::map<GroupId, Error>& damaged) {
  std::map<GroupId, RecoveredGroup> out;
  for (auto& [group, log] : logs) {
    auto recovered = FromJournal(std::move(log));
    if (recovered) {
      out.emplace(group, std::move(*recovered));
    } else {
      damaged.emplace(group, recovered.error());
    }
  }
  return out;
}

}  // namespace kronika::raft
