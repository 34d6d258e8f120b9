// Uring: one io_uring, its reaper thread, and the state of each operation in flight; the engine of
// uring_files.
//
// Start() is called on the loop. The submission queue is touched by the loop only, the completion
// queue by the reaper only; they share nothing but the count of entries with the kernel.
// 1. An operation finishes once, on the loop, when all its entries have completed.
// 2. Its slices live until then, whatever happens to the File.
#pragma once

#include <liburing.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/files.h"
#include "base/loop.h"
#include "base/posix_file.h"

namespace kronika {

struct UringOp {
  enum class Kind { kWrite, kRead, kSync };
  Kind kind = Kind::kWrite;
  std::shared_ptr<PosixFile> file;
  std::uint64_t position = 0;
  Slices slices;      // what is written; or the one buffer that is read into
  bool sync = false;  // a write that is followed by a sync
  Thunk finished;     // on the loop, with `status` and `moved` set

  Status status;
  std::uint64_t moved = 0;  // bytes written or read so far

  // What the kernel has of it now.
  std::vector<iovec> vectors;
  int entries = 0;
  std::optional<int> moved_result;
  std::optional<int> sync_result;
  bool sync_again = false;  // the link may have been cut
};

class Uring : public std::enable_shared_from_this<Uring> {
 public:
  static Result<std::shared_ptr<Uring>> Make(Loop& loop);
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  void Start(std::shared_ptr<UringOp> op);

 private:
  struct Completion {
    std::uint64_t tag = 0;
    int result = 0;
  };

  explicit Uring(Loop& loop) : loop_(loop) {}
  void SubmitReady();
  void Prepare(std::uint64_t number, UringOp& op);
  io_uring_sqe* Entry(UringOp& op);
  void Flush();
  void Reap();
  void Complete(const std::vector<Completion>& completions);
  // True when the operation is over, false when its rest must be submitted.
  static bool Advance(UringOp& op);

  Loop& loop_;
  io_uring ring_ = {};
  std::map<std::uint64_t, std::shared_ptr<UringOp>> in_flight_;  // by number
  std::deque<std::shared_ptr<UringOp>> waiting_;
  std::uint64_t last_number_ = 0;
  std::atomic<std::int64_t> with_kernel_ = 0;  // entries
  std::thread reaper_;
};

}  // namespace kronika
