#include "raft/core/log.h"

#include <algorithm>

#include "base/check.h"
#include "base/planted.h"

namespace kronika::raft {

Log::Log(Index start, Term start_term, std::vector<Entry> entries)
    : start_(start), start_term_(start_term), commit_(start), delivered_(start), applied_(start) {
  for (Entry& entry : entries) Append(std::move(entry));
}

std::optional<Term> Log::TermAt(Index index) const {
  if (index == start_) return start_term_;
  if (index < start_ || index > last()) return std::nullopt;
  return At(index).term;
}

bool Log::Matches(Index index, Term term) const {
  return TermAt(index) == term;
}

const Entry& Log::At(Index index) const {
  KRONIKA_CHECK(index > start_ && index <= last(), "an entry that memory does not hold");
  return entries_[index - start_ - 1];
}

std::vector<Entry> Log::Range(Index first, Index last, std::size_t bytes_max) const {
  std::vector<Entry> out;
  std::size_t bytes = 0;
  for (Index i = first; i <= last; ++i) {
    const Entry& entry = At(i);
    bytes += entry.payload.size();
    if (!out.empty() && bytes > bytes_max) break;
    out.push_back(entry);
  }
  return out;
}

std::size_t Log::BytesOf(Index after, Index last) const {
  std::size_t bytes = 0;
  for (Index i = after + 1; i <= last; ++i) bytes += At(i).payload.size();
  return bytes;
}

Index Log::LastNotAbove(Index index, Term term) const {
  Index i = std::min(index, last());
  while (i > start_ && At(i).term > term) --i;
  return i;
}

bool Log::IsUpToDate(Index index, Term term) const {
  if (KRONIKA_PLANTED("vote-for-older-log")) return true;
  return term > last_term() || (term == last_term() && index >= last());
}

void Log::Append(Entry entry) {
  KRONIKA_CHECK(entry.index == last() + 1, "a hole in the log");
  KRONIKA_CHECK(entry.term >= last_term(), "terms fall within the log");
  if (entry.type == EntryType::kConfig) configs_.push_back(entry.index);
  entries_.push_back(std::move(entry));
}

Log::Taken Log::TakeFromLeader(std::vector<Entry> entries) {
  Taken taken;
  for (Entry& entry : entries) {
    if (entry.index <= start_) continue;
    if (entry.index <= last()) {
      if (At(entry.index).term == entry.term) continue;
      if (KRONIKA_PLANTED("keep-conflicting-entries")) continue;
      taken.cut = taken.cut.value_or(entry.index);
      CutFrom(entry.index);
    }
    Append(std::move(entry));
    taken.appended = true;
  }
  return taken;
}

void Log::CutFrom(Index index) {
  KRONIKA_CHECK(index > commit_, "a committed entry would be taken back");
  entries_.resize(index - start_ - 1);
  while (!configs_.empty() && configs_.back() >= index) configs_.pop_back();
}

void Log::CommitTo(Index index) {
  KRONIKA_CHECK(index <= last(), "committed beyond the last entry");
  commit_ = std::max(commit_, index);
}

std::vector<Entry> Log::Deliver() {
  std::vector<Entry> out;
  if (delivered_ == commit_) return out;
  out.reserve(commit_ - delivered_);
  for (Index i = delivered_ + 1; i <= commit_; ++i) out.push_back(At(i));
  delivered_ = commit_;
  return out;
}

void Log::ApplyTo(Index index) {
  KRONIKA_CHECK(index <= delivered_, "applied what was never handed out");
  if (index <= applied_) return;
  applied_bytes_ += BytesOf(applied_, index);
  applied_ = index;
}

bool Log::Install(Index start, Term start_term) {
  const bool keep = Matches(start, start_term);
  if (keep) {
    entries_.erase(entries_.begin(),
                   entries_.begin() + static_cast<std::ptrdiff_t>(start - start_));
  } else {
    entries_.clear();
  }
  while (!configs_.empty() && (!keep || configs_.front() <= start)) configs_.pop_front();
  start_ = start;
  start_term_ = start_term;
  commit_ = keep ? std::max(commit_, start) : start;
  delivered_ = keep ? std::max(delivered_, start) : start;
  applied_ = keep ? std::max(applied_, start) : start;
  applied_bytes_ = BytesOf(start_, applied_);
  return keep;
}

void Log::Forget(Index index, std::size_t tail_bytes_max) {
  index = std::min(index, applied_);
  if (index <= start_) return;
  const std::size_t kept = BytesOf(index, applied_);
  while (start_ < index && applied_bytes_ - kept > tail_bytes_max) {
    applied_bytes_ -= entries_.front().payload.size();
    start_ = entries_.front().index;
    start_term_ = entries_.front().term;
    entries_.pop_front();
  }
  while (!configs_.empty() && configs_.front() <= start_) configs_.pop_front();
}

std::optional<Index> Log::ConfigIn(Index after, Index up_to) const {
  const auto at = std::upper_bound(configs_.begin(), configs_.end(), after);
  if (at == configs_.end() || *at > up_to) return std::nullopt;
  return *at;
}

std::optional<Index> Log::LastConfigTo(Index up_to) const {
  const auto at = std::upper_bound(configs_.begin(), configs_.end(), up_to);
  if (at == configs_.begin()) return std::nullopt;
  return *std::prev(at);
}

}  // namespace kronika::raft
