#include "wal/journal/chain.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/planted.h"

namespace kronika::wal {
namespace {

// Anything that tells of a group commit: its header or its footer.
struct Trace {
  const FileScan* file = nullptr;
  const ScannedCommit* commit = nullptr;  // whole or broken
  const ScannedFooter* footer = nullptr;  // when the header cannot be read
  std::uint64_t epoch() const {
    return commit != nullptr ? commit->header.open_epoch : footer->footer.open_epoch;
  }
};

using Traces = std::multimap<std::uint64_t, Trace>;  // by sequence

Traces Collect(const std::vector<FileScan>& files) {
  Traces traces;
  for (const FileScan& file : files) {
    for (const ScannedCommit& commit : file.commits) {
      traces.emplace(commit.header.sequence, Trace{.file = &file, .commit = &commit});
    }
    for (const ScannedFooter& footer : file.footers) {
      traces.emplace(footer.footer.sequence, Trace{.file = &file, .footer = &footer});
    }
  }
  return traces;
}

bool Links(const CommitHeader& before, const CommitHeader& next) {
  if (KRONIKA_PLANTED("journal-chain-not-checked")) return true;
  if (next.previous_crc != before.crc) return false;
  if (next.file_number != before.file_number) {
    return next.block == 0 && next.open_epoch >= before.open_epoch;
  }
  return next.open_epoch == before.open_epoch && next.block == before.block + before.blocks;
}

class ChainWalk {
 public:
  ChainWalk(const std::vector<FileScan>& files, const CheckpointMark& mark)
      : files_(files), mark_(mark), traces_(Collect(files)) {}

  ChainDecision Run() {
    JournalVerdict& verdict = out_.verdict;
    verdict.replay_from = mark_.position;
    for (const FileScan& file : files_) {
      if (file.size_is_right) continue;
      verdict.damages.push_back({.file = file.name,
                                 .all_groups = true,
                                 .what = "the file is not as long as its name says"});
    }
    if (FindStart()) Walk();
    Finish();
    return std::move(out_);
  }

 private:
  // Of several whole commits of one sequence the newest epoch counts; only those that follow
  // `last_`, if it is known.
  const Trace* Best(std::uint64_t sequence, bool must_link) const {
    const Trace* best = nullptr;
    const auto [from, to] = traces_.equal_range(sequence);
    for (auto it = from; it != to; ++it) {
      const Trace& trace = it->second;
      if (trace.commit == nullptr || !trace.commit->whole()) continue;
      if (must_link && last_ != nullptr && !Links(last_->header, trace.commit->header)) continue;
      if (trace.epoch() < epoch()) continue;
      if (best == nullptr || trace.epoch() > best->epoch()) best = &trace;
    }
    return best;
  }

  std::uint64_t epoch() const { return last_ == nullptr ? 0 : last_->header.open_epoch; }

  // A trace of `sequence` that is not of an older epoch than the chain's end; broken ones
  // preferred, headers first.
  const Trace* TraceOf(std::uint64_t sequence) const {
    const Trace* found = nullptr;
    const auto [from, to] = traces_.equal_range(sequence);
    for (auto it = from; it != to; ++it) {
      if (it->second.epoch() < epoch()) continue;
      if (found == nullptr || it->second.epoch() > found->epoch()) found = &it->second;
    }
    return found;
  }

  std::uint64_t LastWhole() const {
    std::uint64_t last = 0;
    for (const auto& [sequence, trace] : traces_) {
      if (trace.commit != nullptr && trace.commit->whole()) last = std::max(last, sequence);
    }
    return last;
  }

  // Sets sequence_ (and last_, if the chain is known before it); false if the directory was rolled
  // back.
  bool FindStart() {
    sequence_ = mark_.position.sequence;
    const std::uint64_t last_whole = LastWhole();
    if (sequence_ > last_whole + 1) {
      out_.verdict.match = JournalMatch::kAboveEnd;
      return false;
    }
    if (sequence_ > 1) {
      if (const Trace* before = Best(sequence_ - 1, false)) Take(*before, false);
    }
    if (last_ == nullptr && sequence_ <= last_whole && TraceOf(sequence_) == nullptr) {
      out_.verdict.match = JournalMatch::kBelowOldest;
      return false;
    }
    return true;
  }

  void Take(const Trace& trace, bool replay) {
    last_ = trace.commit;
    last_file_ = trace.file;
    if (replay) out_.commits.push_back(trace.commit);
  }

  void Walk() {
    for (;; ++sequence_) {
      if (const Trace* next = Best(sequence_, true)) {
        Take(*next, true);
        continue;
      }
      const Trace* unlinked = Best(sequence_, false);
      if (unlinked != nullptr) {
        AddDamage(sequence_, unlinked, "it does not follow the group commit before it");
        out_.verdict.damages.back().all_groups = true;
        Take(*unlinked, true);
        continue;
      }
      if (!AnyTraceAbove(sequence_)) {
        out_.verdict.tail = TraceOf(sequence_) ? JournalTail::kTorn : JournalTail::kClean;
        return;
      }
      if (KRONIKA_PLANTED("journal-torn-middle-accepted")) return;
      if (!SkipDamage()) return;
    }
  }

  bool AnyTraceAbove(std::uint64_t sequence) const {
    return std::any_of(traces_.upper_bound(sequence), traces_.end(),
                       [&](const auto& item) { return item.second.epoch() >= epoch(); });
  }

  // Names what is missing from sequence_ on and goes to the next whole commit; false if there is
  // none.
  bool SkipDamage() {
    std::uint64_t highest = sequence_;
    for (auto it = traces_.upper_bound(sequence_); it != traces_.end(); ++it) {
      if (it->second.epoch() < epoch()) continue;
      highest = it->first;
      if (const Trace* next = Best(it->first, false)) {
        NameDamage(it->first - 1);
        sequence_ = it->first;
        Take(*next, true);
        return true;
      }
    }
    // The last one seen may be torn: nothing of it was acknowledged.
    NameDamage(highest - 1);
    sequence_ = highest + 1;
    out_.verdict.tail = JournalTail::kTorn;
    return false;
  }

  void NameDamage(std::uint64_t to) {
    // One line per commit, unless so many are gone that a whole file is.
    constexpr std::uint64_t kNamedMax = 64;
    const std::uint64_t end = std::min(to, sequence_ + kNamedMax);
    for (std::uint64_t sequence = sequence_; sequence <= end; ++sequence) {
      const Trace* trace = TraceOf(sequence);
      std::string what = "nothing of it can be read";
      if (trace != nullptr) {
        what = trace->commit != nullptr ? trace->commit->broken : "its header is damaged";
      }
      AddDamage(sequence, trace, std::move(what));
    }
    if (to > end) {
      AddDamage(to, nullptr, fmt::format("{} more are missing before it", to - end - 1));
    }
  }

  void AddDamage(std::uint64_t sequence, const Trace* trace, std::string what) {
    JournalDamage damage{.sequence = sequence, .what = std::move(what)};
    if (trace == nullptr) {
      damage.all_groups = true;
      damage.file = last_file_ != nullptr ? last_file_->name : "";
      damage.block = last_ != nullptr ? last_->header.block + last_->header.blocks : 0;
    } else {
      damage.file = trace->file->name;
      damage.block = BlockOf(*trace);
      AddGroups(sequence, *trace, damage);
    }
    out_.verdict.damages.push_back(std::move(damage));
  }

  static std::uint32_t BlockOf(const Trace& trace) {
    if (trace.commit == nullptr) return trace.footer->first_block;
    return trace.commit->whole() ? trace.commit->header.block : trace.commit->broken_block;
  }

  // From the directory, else from the footer, else all.
  void AddGroups(std::uint64_t sequence, const Trace& trace, JournalDamage& damage) const {
    if (trace.commit != nullptr && trace.commit->groups_known) {
      damage.groups.insert(trace.commit->groups.begin(), trace.commit->groups.end());
      return;
    }
    const auto [from, to] = traces_.equal_range(sequence);
    for (auto it = from; it != to; ++it) {
      const ScannedFooter* footer = it->second.footer;
      if (footer == nullptr || footer->footer.open_epoch != trace.epoch()) continue;
      damage.groups.insert(footer->footer.groups.begin(), footer->footer.groups.end());
      return;
    }
    damage.all_groups = true;
  }

  void Finish() {
    JournalVerdict& verdict = out_.verdict;
    for (const auto& [sequence, trace] : traces_) {
      const bool raise = !KRONIKA_PLANTED("journal-epoch-not-raised");
      out_.next_epoch = std::max(out_.next_epoch, trace.epoch() + (raise ? 1 : 0));
    }
    out_.next_sequence = sequence_;
    if (last_ == nullptr) {
      if (verdict.match == JournalMatch::kReplay && mark_.id > 1) {
        verdict.match = JournalMatch::kIdTooHigh;
      }
      return;
    }
    verdict.last_sequence = last_->header.sequence;
    out_.last = last_;
    out_.last_file = last_file_;
    out_.previous_crc = last_->header.crc;
    out_.checkpoint_id = last_->header.checkpoint_id;
    if (verdict.match == JournalMatch::kReplay && mark_.id > out_.checkpoint_id + 1) {
      verdict.match = JournalMatch::kIdTooHigh;
    }
    for (const ScannedCommit* commit : out_.commits) {
      for (const ScannedRecord& scanned : commit->records) {
        const RecordKind kind = scanned.record.kind;
        if (kind == RecordKind::kCreated || kind == RecordKind::kRemoved) {
          verdict.begun_anew[scanned.record.group] = commit->header.sequence;
        }
      }
    }
  }

  const std::vector<FileScan>& files_;
  const CheckpointMark mark_;
  const Traces traces_;
  ChainDecision out_;
  const ScannedCommit* last_ = nullptr;  // the chain's end so far
  const FileScan* last_file_ = nullptr;
  std::uint64_t sequence_ = 1;  // the next one looked for
};

}  // namespace

ChainDecision DecideChain(const std::vector<FileScan>& files, const CheckpointMark& mark) {
  return ChainWalk(files, mark).Run();
}

}  // namespace kronika::wal
