#include "base/uring_files.h"

#include <algorithm>
#include <utility>

#include "base/uring.h"

namespace kronika {
namespace {

class UringFile final : public ThreadFile {
 public:
  UringFile(Loop& loop, std::shared_ptr<WorkerPool> pool, std::shared_ptr<PosixFile> file,
            std::shared_ptr<Uring> ring)
      : ThreadFile(loop, std::move(pool), std::move(file)), ring_(std::move(ring)) {}

  void Write(std::uint64_t position, Slices slices, Durability durability,
             Done<void> done) override {
    auto& file = *handle_->file;
    if (auto condemned = file.Condemned(); !condemned) return Later(std::move(done), condemned);
    if (auto aligned = CheckAligned(file.options(), position, slices); !aligned) {
      return Later(std::move(done), file.Conclude(aligned));
    }
    auto op = MakeOp(UringOp::Kind::kWrite, position);
    op->slices = std::move(slices);
    op->sync = durability == Durability::kSynced;
    if (TotalSize(op->slices) == 0) {
      // Without bytes there is nothing to link a sync to.
      if (!op->sync) return Later(std::move(done), Status{});
      return Sync(std::move(done));
    }
    Finish(*op, std::move(done));
    ring_->Start(std::move(op));
  }

  void Sync(Done<void> done) override {
    if (auto condemned = handle_->file->Condemned(); !condemned) {
      return Later(std::move(done), condemned);
    }
    auto op = MakeOp(UringOp::Kind::kSync, 0);
    Finish(*op, std::move(done));
    ring_->Start(std::move(op));
  }

  void Read(std::uint64_t position, std::size_t size, Done<Slice> done) override {
    auto& file = *handle_->file;
    if (auto aligned = CheckAligned(file.options(), position, size); !aligned) {
      return Later(std::move(done), Result<Slice>(std::unexpected(aligned.error())));
    }
    const std::size_t readable = file.ReadableBytes(position, size);
    if (readable == 0) return Later(std::move(done), Result<Slice>(Slice{}));
    auto op = MakeOp(UringOp::Kind::kRead, position);
    op->slices.push_back(Slice::Allocate(readable, kBlockBytes));
    op->finished = [op = op.get(), handle = handle_, done = std::move(done)]() mutable {
      if (!handle->open) return;
      if (!op->status) return done(std::unexpected(op->status.error()));
      done(op->slices.front().Sub(0, op->moved));
    };
    ring_->Start(std::move(op));
  }

 private:
  std::shared_ptr<UringOp> MakeOp(UringOp::Kind kind, std::uint64_t position) {
    auto op = std::make_shared<UringOp>();
    op->kind = kind;
    op->file = handle_->file;
    op->position = position;
    return op;
  }

  // The end of a write or sync: the file learns its new size and whether it is condemned.
  void Finish(UringOp& op, Done<void> done) {
    op.finished = [&op, handle = handle_, done = std::move(done)]() mutable {
      if (op.kind == UringOp::Kind::kWrite) handle->file->GrowTo(op.position + op.moved);
      auto status = handle->file->Conclude(std::move(op.status));
      if (handle->open) done(std::move(status));
    };
  }

  template <class T>
  void Later(Done<T> done, Result<T> result) {
    loop_.Post([handle = handle_, done = std::move(done), result = std::move(result)]() mutable {
      if (handle->open) done(std::move(result));
    });
  }

  std::shared_ptr<Uring> ring_;
};

}  // namespace

Result<std::unique_ptr<Files>> UringFiles::Make(const RealFilesOptions& options, AsioLoop& loop) {
  auto ring = Uring::Make(loop);
  if (!ring) return std::unexpected(ring.error());
  auto root = PosixRoot::Make(options.root);
  if (!root) return std::unexpected(root.error());
  return std::unique_ptr<Files>(
      new UringFiles(std::move(*root), options.threads, loop, std::move(*ring)));
}

UringFiles::UringFiles(std::unique_ptr<PosixRoot> root, std::size_t threads, Loop& loop,
                       std::shared_ptr<Uring> ring)
    : ThreadFiles(std::move(root), threads, loop), ring_(std::move(ring)) {}

std::unique_ptr<File> UringFiles::Wrap(std::shared_ptr<PosixFile> file) {
  return std::make_unique<UringFile>(loop_, pool_, std::move(file), ring_);
}

}  // namespace kronika
