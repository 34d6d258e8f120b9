// Checker; see checker.h.
#include "cmd/verify/checker.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "cmd/verify/value.h"

namespace kronika::verify {

std::string_view Name(FindingKind kind) {
  switch (kind) {
    case FindingKind::kLost:
      return "lost";
    case FindingKind::kDuplicated:
      return "duplicated";
    case FindingKind::kReordered:
      return "reordered";
    case FindingKind::kUnexpected:
      return "unexpected";
    case FindingKind::kDamaged:
      return "damaged";
    case FindingKind::kMoved:
      return "moved";
    case FindingKind::kDiverging:
      return "diverging";
    case FindingKind::kBehind:
      return "behind";
    case FindingKind::kUnreadable:
      return "unreadable";
  }
  std::unreachable();
}

Checker::Checker(const History& history) : run_(history.run) {
  for (const auto& event : history.events) TakeEvent(event);
  for (auto& [key, stream] : streams_) {
    const auto found = history.idempotent.find(key.second);
    stream.idempotent = found != history.idempotent.end() && found->second;
  }
}

void Checker::TakeEvent(const Event& event) {
  Stream& stream = streams_[{event.partition, event.producer}];
  const auto end = static_cast<std::size_t>(event.last) + 1;
  if (event.kind == EventKind::kInvoke) {
    invoked_ += static_cast<std::uint64_t>(event.last - event.first) + 1;
    if (stream.acknowledged_at.size() < end) stream.acknowledged_at.resize(end, kNotAcknowledged);
    return;
  }
  if (event.kind == EventKind::kUnknown) return;
  // An acknowledgement of what was never invoked would be the history's own fault; it is not
  // counted.
  for (auto i = event.first; i <= event.last; ++i) {
    if (static_cast<std::size_t>(i) >= stream.acknowledged_at.size()) return;
    ++acknowledged_;
    stream.acknowledged_at[static_cast<std::size_t>(i)] =
        event.offset < 0 ? -1 : event.offset + (i - event.first);
  }
}

void Checker::BeginReplica(std::int32_t partition, std::int32_t broker) {
  partition_ = partition;
  copies_[partition].push_back({.broker = broker});
  for (auto& [key, stream] : streams_) {
    if (key.first != partition) continue;
    stream.found_at.assign(stream.acknowledged_at.size(), -1);
    stream.highest = -1;
  }
}

Finding Checker::At(FindingKind kind, std::int64_t offset, std::string text) const {
  return {.kind = kind,
          .broker = copies_.at(partition_).back().broker,
          .partition = partition_,
          .offset = offset,
          .text = std::move(text)};
}

void Checker::Report(Finding finding) {
  if (++findings_.counts[finding.kind] <= kNamedMax) findings_.named.push_back(std::move(finding));
}

void Checker::Add(const ReplicaRecord& record) {
  ++records_read_;
  auto& digests = copies_[partition_].back().digests;
  if (!digests.empty() && record.offset <= digests.back().first) {
    return Report(At(FindingKind::kUnexpected, record.offset, "the replica's offsets go back"));
  }
  digests.emplace_back(record.offset, record.digest);
  if (!record.control) CheckValue(record);
}

void Checker::CheckValue(const ReplicaRecord& record) {
  const auto id = ParseValue(record.value);
  if (!id) {
    const bool damaged = id.error().code == ErrorCode::kCorruption;
    return Report(At(damaged ? FindingKind::kDamaged : FindingKind::kUnexpected, record.offset,
                     id.error().text));
  }
  if (id->run != run_) {
    return Report(
        At(FindingKind::kUnexpected, record.offset, "written by run " + RunText(id->run)));
  }
  if (id->partition != partition_) {
    return Report(At(FindingKind::kUnexpected, record.offset,
                     fmt::format("written to partition {}", id->partition)));
  }
  const auto found = streams_.find({partition_, id->producer});
  if (found == streams_.end() || id->sequence < 0 ||
      static_cast<std::size_t>(id->sequence) >= found->second.acknowledged_at.size()) {
    return Report(
        At(FindingKind::kUnexpected, record.offset,
           fmt::format("sequence {} of producer {} was never sent", id->sequence, id->producer)));
  }
  CheckPlace(record, id->sequence, found->second);
}

void Checker::CheckPlace(const ReplicaRecord& record, std::int64_t sequence, Stream& stream) {
  const auto index = static_cast<std::size_t>(sequence);
  std::int64_t& found_at = stream.found_at[index];
  if (found_at >= 0) {
    return Report(At(FindingKind::kDuplicated, record.offset,
                     fmt::format("the record of offset {} again", found_at)));
  }
  found_at = record.offset;
  const std::int64_t told = stream.acknowledged_at[index];
  if (told >= 0 && told != record.offset) {
    Report(At(FindingKind::kMoved, record.offset, fmt::format("acknowledged at offset {}", told)));
  }
  if (!stream.idempotent && told == kNotAcknowledged) return;
  if (sequence < stream.highest) {
    Report(At(FindingKind::kReordered, record.offset,
              fmt::format("sequence {} behind {} of the same producer", sequence, stream.highest)));
  }
  stream.highest = std::max(stream.highest, sequence);
}

void Checker::EndReplica(std::int64_t read_to) {
  copies_[partition_].back().read_to = read_to;
  for (const auto& [key, stream] : streams_) {
    if (key.first == partition_) FindLost(key.second, stream, read_to);
  }
}

void Checker::FindLost(std::int32_t producer, const Stream& stream, std::int64_t read_to) {
  const auto count = stream.acknowledged_at.size();
  for (std::size_t i = 0; i < count; ++i) {
    const auto told = stream.acknowledged_at[i];
    if (told == kNotAcknowledged || told >= read_to || stream.found_at[i] >= 0) continue;
    Report(At(FindingKind::kLost, told,
              fmt::format("sequence {} of producer {} was acknowledged", i, producer)));
  }
}

void Checker::Compare(std::int32_t partition, const std::vector<Copy>& copies) {
  std::vector<std::size_t> next(copies.size(), 0);
  for (;;) {
    std::optional<std::int64_t> offset;
    for (std::size_t i = 0; i < copies.size(); ++i) {
      if (next[i] == copies[i].digests.size()) continue;
      const auto here = copies[i].digests[next[i]].first;
      if (!offset || here < *offset) offset = here;
    }
    if (!offset) return;
    // What each replica that was read so far has here; 0 and false: nothing.
    std::map<std::pair<bool, std::uint32_t>, std::vector<std::int32_t>> groups;
    std::pair<bool, std::uint32_t> most{};
    for (std::size_t i = 0; i < copies.size(); ++i) {
      if (*offset >= copies[i].read_to) {
        if (next[i] < copies[i].digests.size() && copies[i].digests[next[i]].first == *offset) {
          ++next[i];
        }
        continue;
      }
      std::pair<bool, std::uint32_t> has{false, 0};
      if (next[i] < copies[i].digests.size() && copies[i].digests[next[i]].first == *offset) {
        has = {true, copies[i].digests[next[i]++].second};
      }
      auto& group = groups[has];
      group.push_back(copies[i].broker);
      if (groups.size() == 1 || group.size() > groups[most].size()) most = has;
    }
    for (const auto& [has, brokers] : groups) {
      if (has == most) continue;
      for (const auto broker : brokers) {
        Report({.kind = FindingKind::kDiverging,
                .broker = broker,
                .partition = partition,
                .offset = *offset,
                .text = fmt::format("{} than on broker {}",
                                    has.first ? "another record" : "no record, other",
                                    groups[most].front())});
      }
    }
  }
}

Findings Checker::Finish() {
  for (const auto& [partition, copies] : copies_) Compare(partition, copies);
  return std::move(findings_);
}

}  // namespace kronika::verify
