// Committed batches in memory: what is not written behind yet, and what is kept for readers near
// the end.
//
// Used from one worker's loop. One TailCache is shared by all partitions of the worker; each has a
// Tail in it.
// 1. A *pinned* run (not yet in a segment) is never dropped. Everything else is, least recently
//    used first, as soon as the cache holds more than its bound. A pinned run counts too, so a
//    large backlog leaves no room for others.
// 2. A run charges its whole block (base/buffer.h). A small slice of a large block is copied when
//    it is unpinned, so that it does not hold the block.
// 3. Runs of one Tail do not overlap. In a compacted log a run covers the offsets up to the next.
// 4. A Tail is destroyed before its TailCache.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>

#include "base/buffer.h"
#include "base/result.h"
#include "wal/record_batch.h"

namespace kronika::wal {

class Tail;

class TailCache {
 public:
  explicit TailCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  std::size_t bytes() const { return bytes_; }
  std::size_t pinned_bytes() const { return pinned_bytes_; }
  std::size_t bytes_max() const { return bytes_max_; }

 private:
  friend class Tail;
  struct Victim {
    Tail* tail;
    std::int64_t base_offset;
  };
  using Order = std::list<Victim>;  // front: least recently used; unpinned runs only
  void Shrink();

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  std::size_t pinned_bytes_ = 0;
  Order order_;
};

// Whole batches that a read returns, in order.
struct BatchRange {
  Slices batches;  // each slice holds one or more whole batches
  // Behind the last of them, or as far as none are; the asked offset if nothing was looked at.
  std::int64_t next_offset = 0;
  std::size_t bytes = 0;
};

struct ReadLimits {
  std::size_t bytes_max = 1 << 20;
  // The first batch is returned whole even if it is larger than bytes_max.
  bool at_least_one = true;
  // Batches whose last offset is at or above are not returned (a high watermark).
  std::int64_t offset_max = INT64_MAX;
};

// Appends to `range` the batches of `run` (whole batches, in order, checked) from the one that
// holds range.next_offset on, or the next one, as far as the limits allow. False: a limit stopped
// it.
bool TakeBatches(const Slice& run, const ReadLimits& limits, BatchRange& range);

class Tail {
 public:
  explicit Tail(TailCache& cache) : cache_(cache) {}
  ~Tail();
  Tail(const Tail&) = delete;
  Tail& operator=(const Tail&) = delete;

  // The next batch, pinned. `next_offset` is the one behind it.
  void Append(Slice batch, std::int64_t base_offset, std::int64_t next_offset);
  // Everything below `offset` is in segments now.
  void Unpin(std::int64_t offset);
  // A checked run that was read from a segment, for the next reader.
  void Insert(Slice run, std::int64_t base_offset, std::int64_t next_offset);
  // Unpinned runs with offsets in [base_offset, next_offset) go: the segments hold something else.
  void Forget(std::int64_t base_offset, std::int64_t next_offset);
  // Appends what lies in memory from range.next_offset on without a gap. False: a limit stopped it;
  // true: memory has no more, and range.next_offset is the end of the log or to be read from a
  // segment.
  bool Read(const ReadLimits& limits, BatchRange& range);
  void Clear();
  std::size_t pinned_bytes() const { return pinned_bytes_; }

 private:
  friend class TailCache;
  struct Run {
    Slice bytes;
    std::int64_t next_offset;
    bool pinned;
    TailCache::Order::iterator place;  // only if not pinned
  };
  using Runs = std::map<std::int64_t, Run>;
  void AddUnpinned(std::int64_t base_offset, Slice bytes, std::int64_t next_offset);
  Runs::iterator Erase(Runs::iterator run);

  TailCache& cache_;
  Runs runs_;
  std::int64_t first_pinned_ = 0;  // runs at or above are pinned
  std::size_t pinned_bytes_ = 0;
};

}  // namespace kronika::wal
