// See install.h.
#include "wal/log/install.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "wal/log/log_core.h"

namespace kronika::wal {
namespace {

constexpr char kManifestPart = 'p';   // more of it follows
constexpr char kManifestPiece = 'm';  // the last of it, or all
constexpr char kChunkPiece = 'c';
constexpr std::size_t kManifestPieceBytes = 256 << 10;
constexpr std::size_t kManifestBytesMax = 64 << 20;
constexpr std::size_t kStagedPendingMax = 4 << 20;

std::unexpected<Error> Refuse(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "install");
}

}  // namespace

struct InstallReader::Run {
  std::shared_ptr<LogCore> core;
  Manifest manifest;
  bool began = false;
  std::string text;  // of the manifest
  std::size_t text_sent = 0;
  std::size_t segment = 0;
  std::size_t chunk = 0;

  void Next(std::shared_ptr<Run> self, Done<InstallPiece> done) {
    if (core->closed) return done(ShutDown());
    if (!std::exchange(began, true)) text = EncodeManifest(manifest);
    if (text_sent < text.size()) return done(NextOfManifest());
    while (segment < manifest.segments.size() &&
           chunk >= manifest.segments[segment].sums.bytes / kChunkEntryBytes) {
      ++segment;
      chunk = 0;
    }
    if (segment == manifest.segments.size()) return done(InstallPiece{});
    const std::size_t number = core->SegmentOf(manifest.segments[segment].base_offset);
    core->WithChunks(number, [this, self, number, done = std::move(done)](Status status) mutable {
      if (!status) return done(std::unexpected(std::move(status).error()));
      ReadChunk(self, number, std::move(done));
    });
  }

  InstallPiece NextOfManifest() {
    const std::size_t size = std::min(kManifestPieceBytes, text.size() - text_sent);
    const std::size_t from = std::exchange(text_sent, text_sent + size);
    const char kind = text_sent < text.size() ? kManifestPart : kManifestPiece;
    return {kind + text.substr(from, size), {}};
  }

  void ReadChunk(std::shared_ptr<Run> self, std::size_t number, Done<InstallPiece> done) {
    if (core->closed) return done(ShutDown());
    const auto source = core->segments[number];
    const Chunk which = source->chunks()[chunk];
    auto read = [this, self, which, done = std::move(done)](Result<Slice> bytes) mutable {
      if (!bytes) return done(std::unexpected(std::move(bytes).error()));
      ++chunk;
      LeWriter header;
      header.Int(kChunkPiece).Int(which.data_crc);
      done(InstallPiece{header.Take(), {std::move(*bytes)}});
    };
    source->ReadChunk(core->environment.open_files, chunk, core->EndOfChunk(number, chunk),
                      std::move(read));
  }
};

InstallReader::InstallReader(std::shared_ptr<LogCore> core, Manifest manifest)
    : run_(std::make_shared<Run>()) {
  run_->core = std::move(core);
  run_->manifest = std::move(manifest);
}

void InstallReader::Next(Done<InstallPiece> done) {
  run_->core->environment.loop.Post(
      [run = run_, done = std::move(done)]() mutable { run->Next(run, std::move(done)); });
}

std::unique_ptr<InstallReader> PartitionLog::OpenInstall(Manifest manifest) {
  return std::make_unique<InstallReader>(core_, std::move(manifest));
}

struct InstallWriter::Run {
  LogEnvironment environment;
  LogOptions options;
  GroupId group;
  std::string directory;
  std::string manifest_text;
  std::optional<Manifest> leader;
  std::unique_ptr<PartitionLog> staged;
  Index batches;

  void Begin(std::shared_ptr<Run> self, Done<void> done) {
    auto manifest = DecodeManifest(AsBytes(std::exchange(manifest_text, {})));
    if (!manifest) return Post(std::move(done), std::unexpected(std::move(manifest).error()));
    if (leader || manifest->group != group)
      return Post(std::move(done), Refuse("another group's manifest"));
    leader = std::move(*manifest);
    Manifest empty;
    empty.group = group;
    empty.directory = StagedDirectory(directory, group);
    empty.end_offset =
        leader->segments.empty() ? leader->end_offset : leader->segments.front().base_offset;
    empty.log_start_offset = empty.end_offset;
    environment.open_files.ForgetFolder(empty.directory);
    environment.files.RemoveAll(
        empty.directory, [this, self, empty, done = std::move(done)](Status status) mutable {
          if (status)
            staged = std::make_unique<PartitionLog>(environment, options, std::move(empty));
          done(std::move(status));
        });
  }

  Status AppendChunk(Bytes header, const Slice& payload) {
    LeReader reader(header);
    const auto data_crc = reader.Int<std::uint32_t>();
    if (!reader.ok() || crc32c::Value(payload.bytes()) != data_crc)
      return Refuse("a chunk's sum does not match");
    for (std::size_t at = 0; at < payload.size();) {
      const auto batch = ParseCheckedBatch(payload.bytes().subspan(at));
      if (!batch) return std::unexpected(batch.error());
      if (batches >= leader->applied) return Refuse("more batches than entries");
      KRONIKA_TRY(
          staged->Append(payload.Sub(at, batch->total_bytes), ++batches, leader->append_time_ms));
      at += batch->total_bytes;
    }
    staged->SetDurable(batches);
    return {};
  }

  // Everything is synced; now the folder may say what it holds. Without segments there is none.
  void Conclude(std::shared_ptr<Run> self, Manifest manifest, Done<Manifest> done) {
    if (manifest.segments.empty()) return done(std::move(manifest));
    const std::string staged_folder = StagedDirectory(directory, group);
    auto text = Slice::CopyOf(EncodeManifest(manifest));
    std::vector<Step> steps;
    steps.push_back([self, text, path = staged_folder + "/" + std::string(kStagedManifestName)](
                        Done<void> next) {
      auto created = [text, next = std::move(next)](Result<std::unique_ptr<File>> file) mutable {
        if (!file) return next(std::unexpected(std::move(file).error()));
        auto held = std::shared_ptr<File>(std::move(*file));
        held->Write(
            0, {text}, Durability::kSynced,
            [held, next = std::move(next)](Status status) mutable { next(std::move(status)); });
      };
      self->environment.files.Create(path, {}, std::move(created));
    });
    steps.push_back([self, staged_folder](Done<void> next) {
      self->environment.files.SyncDir(staged_folder, std::move(next));
    });
    InOrder::Run(std::move(steps),
                 [manifest = std::move(manifest), done = std::move(done)](Status status) mutable {
                   if (!status) return done(std::unexpected(std::move(status).error()));
                   done(std::move(manifest));
                 });
  }

  void Post(Done<void> done, Status status) {
    environment.loop.Post([done = std::move(done), status = std::move(status)]() mutable {
      done(std::move(status));
    });
  }
};

InstallWriter::InstallWriter(LogEnvironment environment, LogOptions options, GroupId group,
                             std::string directory)
    : run_(std::make_shared<Run>(environment, options, group, std::move(directory))) {}

// What is under way ends with kShutdown: its callbacks own the run, which would else own the log
// that they wait for.
InstallWriter::~InstallWriter() {
  run_->staged.reset();
}

void InstallWriter::Write(InstallPiece piece, Done<void> done) {
  const Bytes header = AsBytes(piece.header);
  const char kind = piece.header.empty() ? '\0' : piece.header.front();
  if (kind == kManifestPart || kind == kManifestPiece) {
    if (run_->manifest_text.size() + header.size() > kManifestBytesMax)
      return run_->Post(std::move(done), Refuse("the manifest is too large"));
    run_->manifest_text += piece.header.substr(1);
    if (kind == kManifestPart) return run_->Post(std::move(done), {});
    return run_->Begin(run_, std::move(done));
  }
  if (kind != kChunkPiece || !run_->staged)
    return run_->Post(std::move(done), Refuse("an unknown piece"));
  if (auto status = run_->AppendChunk(header.subspan(1), Flatten(piece.payload)); !status) {
    return run_->Post(std::move(done), std::move(status));
  }
  run_->staged->WhenPendingBelow(kStagedPendingMax, std::move(done));
}

void InstallWriter::Finish(Done<Manifest> done) {
  auto refuse = [&](std::string text) {
    run_->environment.loop.Post([done = std::move(done), text = std::move(text)]() mutable {
      done(Refuse(std::move(text)));
    });
  };
  if (!run_->staged) return refuse("no manifest came");
  const Manifest& leader = *run_->leader;
  if (run_->staged->end_offset() != leader.end_offset) return refuse("the stream ended early");
  CheckpointState state{leader.applied, leader.applied_term, leader.append_time_ms, leader.replica,
                        leader.producers};
  run_->staged->SetDurable(leader.applied);
  auto synced = [run = run_, done = std::move(done)](Result<Manifest> manifest) mutable {
    if (!manifest) return done(std::move(manifest));
    manifest->generation = run->leader->generation;
    manifest->directory = run->directory;
    manifest->log_start_offset = run->leader->log_start_offset;
    manifest->removal_horizon = run->leader->removal_horizon;
    manifest->epochs = run->leader->epochs;
    run->staged->Close(
        [run, manifest = std::move(*manifest), done = std::move(done)](Status status) mutable {
          if (!status) return done(std::unexpected(std::move(status).error()));
          run->staged.reset();
          run->Conclude(run, std::move(manifest), std::move(done));
        });
  };
  run_->staged->Checkpoint(std::move(state), std::move(synced));
}

}  // namespace kronika::wal
