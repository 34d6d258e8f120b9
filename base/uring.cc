#include "base/uring.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "base/uring_files.h"

namespace kronika {
namespace {

// A tag is the operation's number and which of its two entries completed.
constexpr std::uint64_t kSyncBit = 1;
constexpr unsigned kRingEntries = 2 * kUringOpsMax;  // the kernel rounds up

std::string Verb(const UringOp& op) {
  switch (op.kind) {
    case UringOp::Kind::kWrite:
      return "write";
    case UringOp::Kind::kRead:
      return "read";
    case UringOp::Kind::kSync:
      return "sync";
  }
  std::unreachable();
}

bool SupportsOurCalls(io_uring* ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(ring);
  if (probe == nullptr) return false;
  bool all = true;
  for (int call : {IORING_OP_WRITEV, IORING_OP_READV, IORING_OP_FSYNC}) {
    all = all && io_uring_opcode_supported(probe, call) != 0;
  }
  io_uring_free_probe(probe);
  return all;
}

}  // namespace

Result<std::shared_ptr<Uring>> Uring::Make(AsioLoop& loop) {
  auto out = std::shared_ptr<Uring>(new Uring);
  const int error = io_uring_queue_init(kRingEntries, &out->ring_, 0);
  if (error < 0) {
    out->ring_.ring_fd = -1;
    return Fail(ErrorCode::kUnsupported, ErrnoError(-error, "io_uring refused", "").text);
  }
  if (!SupportsOurCalls(&out->ring_)) {
    io_uring_queue_exit(&out->ring_);
    out->ring_.ring_fd = -1;
    return Fail(ErrorCode::kUnsupported, "this kernel's io_uring lacks a call that we need");
  }
  out->watch_ = loop.WatchReadable(out->ring_.ring_fd, [ring = out.get()] { ring->Reap(); });
  return out;
}

Uring::~Uring() {
  if (ring_.ring_fd < 0) return;
  watch_.reset();
  while (with_kernel_ > 0) {
    io_uring_cqe* completion = nullptr;
    if (io_uring_wait_cqe(&ring_, &completion) != 0) continue;
    io_uring_cqe_seen(&ring_, completion);
    --with_kernel_;
  }
  io_uring_queue_exit(&ring_);
}

void Uring::Start(std::shared_ptr<UringOp> op) {
  waiting_.push_back(std::move(op));
  SubmitReady();
}

void Uring::SubmitReady() {
  bool any = false;
  while (!waiting_.empty() && in_flight_.size() < kUringOpsMax) {
    auto op = std::move(waiting_.front());
    waiting_.pop_front();
    const std::uint64_t number = ++last_number_;
    Prepare(number, *op);
    in_flight_.emplace(number, std::move(op));
    any = true;
  }
  if (any) Flush();
}

io_uring_sqe* Uring::Entry(UringOp& op) {
  io_uring_sqe* entry = io_uring_get_sqe(&ring_);
  KRONIKA_CHECK(entry != nullptr, "the ring has two entries for each operation");
  ++op.entries;
  ++with_kernel_;
  return entry;
}

void Uring::Prepare(std::uint64_t number, UringOp& op) {
  const std::uint64_t tag = number << 1;
  const int descriptor = op.file->descriptor();
  op.moved_result.reset();
  op.sync_result.reset();
  const std::uint64_t total = TotalSize(op.slices);
  std::uint64_t covered = op.moved;
  op.vectors = MakeVectors(op.slices, op.moved, kVectorsMax);
  for (const auto& vector : op.vectors) covered += vector.iov_len;
  const bool sync = (op.kind == UringOp::Kind::kSync || op.sync) && covered == total;
  if (op.moved < total) {
    io_uring_sqe* entry = Entry(op);
    const auto count = static_cast<unsigned>(op.vectors.size());
    if (op.kind == UringOp::Kind::kWrite) {
      io_uring_prep_writev(entry, descriptor, op.vectors.data(), count, op.position + op.moved);
    } else {
      io_uring_prep_readv(entry, descriptor, op.vectors.data(), count, op.position + op.moved);
    }
    io_uring_sqe_set_data64(entry, tag);
    if (sync) io_uring_sqe_set_flags(entry, IOSQE_IO_LINK);
  }
  if (sync) {
    io_uring_sqe* entry = Entry(op);
    io_uring_prep_fsync(entry, descriptor, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(entry, tag | kSyncBit);
  }
}

void Uring::Flush() {
  while (const unsigned ready = io_uring_sq_ready(&ring_)) {
    const int submitted = io_uring_submit(&ring_);
    // The kernel is short of memory. (Its completion queue has room for all that may be in flight.)
    const bool again = submitted == -EAGAIN || submitted == -EBUSY || submitted == -EINTR;
    KRONIKA_CHECK(submitted >= 0 || again, "io_uring_submit");
    if (submitted >= 0 && static_cast<unsigned>(submitted) == ready) return;
    // A submission that stops midway may have cut a link, and a sync may overtake its write.
    for (auto& [number, op] : in_flight_) op->sync_again = op->sync;
  }
}

void Uring::Reap() {
  std::vector<Completion> completions;
  std::array<io_uring_cqe*, 64> batch;
  while (const unsigned count = io_uring_peek_batch_cqe(&ring_, batch.data(), batch.size())) {
    for (unsigned i = 0; i < count; ++i) {
      completions.push_back({batch[i]->user_data, batch[i]->res});
    }
    io_uring_cq_advance(&ring_, count);
    with_kernel_ -= count;
  }
  // What finishes may let go of the ring.
  const auto keep_alive = shared_from_this();
  if (!completions.empty()) Complete(completions);
}

void Uring::Complete(const std::vector<Completion>& completions) {
  std::vector<std::shared_ptr<UringOp>> over;
  bool any = false;
  for (const auto& [tag, result] : completions) {
    auto found = in_flight_.find(tag >> 1);
    KRONIKA_CHECK(found != in_flight_.end(), "io_uring completed what was not submitted");
    UringOp& op = *found->second;
    ((tag & kSyncBit) != 0 ? op.sync_result : op.moved_result) = result;
    if (--op.entries > 0) continue;
    if (Advance(op)) {
      over.push_back(std::move(found->second));
      in_flight_.erase(found);
    } else {
      Prepare(tag >> 1, op);
      any = true;
    }
  }
  if (any) Flush();
  SubmitReady();
  for (auto& op : over) op->finished();
}

bool Uring::Advance(UringOp& op) {
  const auto failed = [&](int result) {
    op.status = std::unexpected(ErrnoError(-result, Verb(op), op.file->path()));
    return true;
  };
  if (op.moved_result) {
    const int result = *op.moved_result;
    if (result == -EINTR || result == -EAGAIN) return false;
    if (result < 0) return failed(result);
    op.moved += static_cast<std::uint64_t>(result);
    const bool whole = op.moved == TotalSize(op.slices);
    // A direct read that stops within a block has met the end.
    const bool stuck = result == 0 || (op.file->options().direct && op.moved % kBlockBytes != 0);
    if (!whole && op.kind == UringOp::Kind::kRead) return stuck;
    if (!whole) return result == 0 ? failed(-EIO) : false;
  }
  if (op.sync_result && *op.sync_result < 0) return failed(*op.sync_result);
  // Without vectors left, the next round is the sync alone.
  return !std::exchange(op.sync_again, false) && (!op.sync || op.sync_result);
}

}  // namespace kronika
