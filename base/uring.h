// Uring: one io_uring and the state of each operation in flight; the engine of uring_files.
//
// On the loop alone, which watches the ring's descriptor: a completion costs no change of threads.
// 1. An operation finishes once, on the loop, when all its entries have completed.
// 2. Its slices live until then, whatever happens to the File.
#pragma once

#include <liburing.h>

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/asio_loop.h"
#include "base/files.h"
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
  static Result<std::shared_ptr<Uring>> Make(AsioLoop& loop);
  // Waits for what is with the kernel.
  ~Uring();
  Uring(const Uring&) = delete;
  Uring& operator=(const Uring&) = delete;

  void Start(std::shared_ptr<UringOp> op);

 private:
  struct Completion {
    std::uint64_t tag = 0;
    int result = 0;
  };

  Uring() = default;
  void SubmitReady();
  void Prepare(std::uint64_t number, UringOp& op);
  io_uring_sqe* Entry(UringOp& op);
  void Flush();
  void Reap();
  void Complete(const std::vector<Completion>& completions);
  // True when the operation is over, false when its rest must be submitted.
  static bool Advance(UringOp& op);

  io_uring ring_ = {};
  std::map<std::uint64_t, std::shared_ptr<UringOp>> in_flight_;  // by number
  std::deque<std::shared_ptr<UringOp>> waiting_;
  std::uint64_t last_number_ = 0;
  std::int64_t with_kernel_ = 0;  // entries
  std::shared_ptr<void> watch_;
};

}  // namespace kronika
