// Full installs of a partition: a checkpoint of this log as a stream, and a stream as the new log
// (SAFETY A8).
#include <utility>

#include "base/planted.h"
#include "broker/partition/raft_partition.h"
#include "wal/log/directory.h"
#include "wal/log/install.h"

namespace kronika::broker {
namespace {

class Source final : public raft::InstallSource {
 public:
  // `damaged` is told when this replica's own segments turn out to be.
  Source(raft::LogStart start, std::unique_ptr<wal::InstallReader> reader,
         std::function<void(const Error&)> damaged)
      : start_(std::move(start)), reader_(std::move(reader)), damaged_(std::move(damaged)) {}
  const raft::LogStart& start() const override { return start_; }
  void Next(std::size_t, Done<Chunk> done) override {
    reader_->Next(
        [damaged = damaged_, done = std::move(done)](Result<wal::InstallPiece> piece) mutable {
          if (!piece) {
            damaged(piece.error());
            return done(std::unexpected(piece.error()));
          }
          done(Chunk{std::move(piece->header), std::move(piece->payload)});
        });
  }

 private:
  const raft::LogStart start_;
  const std::unique_ptr<wal::InstallReader> reader_;
  const std::function<void(const Error&)> damaged_;
};

class Sink final : public raft::InstallSink {
 public:
  Sink(Index index, std::unique_ptr<wal::InstallWriter> writer,
       std::shared_ptr<StagedInstalls> staged)
      : index_(index), writer_(std::move(writer)), staged_(std::move(staged)) {}
  void Write(raft::InstallSource::Chunk chunk, Done<void> done) override {
    writer_->Write({std::move(chunk.header), std::move(chunk.payload)}, std::move(done));
  }
  void Finish(Done<std::string> done) override {
    writer_->Finish([index = index_, staged = staged_,
                     done = std::move(done)](Result<wal::Manifest> manifest) mutable {
      if (!manifest) return done(std::unexpected(manifest.error()));
      staged->Stage(index, *manifest, std::move(done));
    });
  }

 private:
  const Index index_;
  const std::unique_ptr<wal::InstallWriter> writer_;
  const std::shared_ptr<StagedInstalls> staged_;
};

// A replica whose folder is not free yet refuses installs; the leader asks again.
class Refusal final : public raft::InstallSink {
 public:
  explicit Refusal(Loop& loop) : loop_(loop) {}
  void Write(raft::InstallSource::Chunk, Done<void> done) override {
    loop_.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kUnavailable, "the log is not open yet"));
    });
  }
  void Finish(Done<std::string> done) override {
    loop_.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kUnavailable, "the log is not open yet"));
    });
  }

 private:
  Loop& loop_;
};

}  // namespace

void RaftPartition::OpenInstallSource(raft::LogStart start,
                                      Done<std::unique_ptr<raft::InstallSource>> done) {
  if (!log_ || damaged_) {
    return environment_.loop.Post([done = std::move(done)]() mutable {
      done(Fail(ErrorCode::kUnavailable, "the log is not open yet"));
    });
  }
  wal::CheckpointState state{
      .applied = start.index, .applied_term = start.term, .producers = producers_.Encode()};
  log_->Checkpoint(std::move(state),
                   [this, alive = std::weak_ptr(alive_), start,
                    done = std::move(done)](Result<wal::Manifest> manifest) mutable {
                     if (!alive.lock())
                       return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
                     if (!manifest) return done(std::unexpected(manifest.error()));
                     auto damaged = [this, alive](const Error& error) {
                       if (alive.lock()) LookAt(error);
                     };
                     done(std::make_unique<Source>(
                         std::move(start), log_->OpenInstall(std::move(*manifest)), damaged));
                   });
}

std::unique_ptr<raft::InstallSink> RaftPartition::OpenInstallSink(raft::LogStart start) {
  if (!log_) return std::make_unique<Refusal>(environment_.loop);
  auto writer = std::make_unique<wal::InstallWriter>(
      wal::LogEnvironment{environment_.loop, environment_.files, environment_.open_files,
                          environment_.tail_cache},
      log_options(), manifest_.group, manifest_.directory);
  return std::make_unique<Sink>(start.index, std::move(writer), staged_);
}

void RaftPartition::AdoptInstall(raft::LogStart start, std::string record, Done<void> done) {
  auto manifest = staged_->Take(start.index, AsBytes(record));
  if (!manifest) {
    return environment_.loop.Post([done = std::move(done), error = manifest.error()]() mutable {
      done(std::unexpected(std::move(error)));
    });
  }
  manifest->generation = manifest_.generation;
  manifest->incarnation = manifest_.incarnation;
  manifest->directory = manifest_.directory;
  replaced_ = std::move(log_);
  auto adopt = [this, alive = std::weak_ptr(alive_), manifest = std::move(*manifest),
                done = std::move(done)](kronika::Status) mutable {
    if (!alive.lock()) return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
    // What a failed close leaves open belongs to a folder that is about to be removed.
    replaced_.reset();
    manifest_ = std::move(manifest);
    environment_.open_files.ForgetFolder(manifest_.directory);
    auto swapped = [this, alive, done = std::move(done)](kronika::Status adopted) mutable {
      if (!alive.lock()) return done(Fail(ErrorCode::kShutdown, "the partition was closed"));
      if (adopted) {
        if (KRONIKA_PLANTED("staged-manifest-forgotten-early")) {
          KvBatch batch;
          staged_->ForgetAll(batch);
          environment_.kv.Apply(std::move(batch), Durability::kSynced, [](kronika::Status) {});
        }
        if (auto producers = ProducerState::Decode(manifest_.producers))
          producers_ = std::move(*producers);
        waiters_.NotifyChanged();
        state_is_old_ = true;
        return OpenLog(std::move(done));
      }
      done(std::move(adopted));
    };
    if (KRONIKA_PLANTED("install-not-swapped-in")) return swapped({});
    wal::AdoptStaged(environment_.files, manifest_, std::move(swapped));
  };
  if (!replaced_)
    return environment_.loop.Post([adopt = std::move(adopt)]() mutable { adopt({}); });
  replaced_->Close(std::move(adopt));
}

}  // namespace kronika::broker
