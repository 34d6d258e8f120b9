// See install.h.
#include "wal/log/install.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "base/planted.h"
#include "wal/log/log_core.h"
#include "wal/log/removal_horizon.h"

namespace kronika::wal {
namespace {

constexpr char kManifestPart = 'p';   // more of it follows
constexpr char kManifestPiece = 'm';  // the last of it, or all
constexpr char kChunkPiece = 'c';
constexpr char kSkipPiece = 's';  // nothing is left up to an offset
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
  std::int64_t next_offset = 0;  // given so far, below
  std::int64_t last_given = 0;   // behind the last batch given
  // The highest tombstone that compaction dropped since the stream began.
  std::shared_ptr<std::int64_t> removed = std::make_shared<std::int64_t>(kNothingRemoved);

  void Next(std::shared_ptr<Run> self, Done<InstallPiece> done) {
    if (core->closed) return done(ShutDown());
    if (!std::exchange(began, true)) text = EncodeManifest(manifest);
    if (text_sent < text.size()) return done(NextOfManifest());
    if (auto status = MayGoOn(); !status) return done(std::unexpected(status.error()));
    if (next_offset >= manifest.end_offset) return done(AtEnd());
    const auto segment = core->segments[core->SegmentOf(next_offset)];
    core->WithChunks(segment, [this, self, segment, done = std::move(done)](Status status) mutable {
      if (!status) return done(std::unexpected(std::move(status).error()));
      ReadChunk(self, segment, std::move(done));
    });
  }

  // Whether what is given from here on completes what was given before.
  Status MayGoOn() const {
    if (manifest.compactions == 0 && core->identity.compactions > 0) {
      return kronika::Fail(ErrorCode::kUnavailable, "the log is compacted for the first time");
    }
    if (MayContinueAt(*removed, next_offset) || KRONIKA_PLANTED("horizon-ignored")) return {};
    return kronika::Fail(ErrorCode::kUnavailable,
                         "compaction dropped a deletion that the receiver is not told of");
  }

  InstallPiece NextOfManifest() {
    const std::size_t size = std::min(kManifestPieceBytes, text.size() - text_sent);
    const std::size_t from = std::exchange(text_sent, text_sent + size);
    const char kind = text_sent < text.size() ? kManifestPart : kManifestPiece;
    return {kind + text.substr(from, size), {}};
  }

  InstallPiece AtEnd() {
    if (last_given >= manifest.end_offset) return {};
    last_given = manifest.end_offset;
    LeWriter header;
    header.Int(kSkipPiece).Int(manifest.end_offset);
    return {header.Take(), {}};
  }

  void ReadChunk(std::shared_ptr<Run> self, const std::shared_ptr<Segment>& segment,
                 Done<InstallPiece> done) {
    if (core->closed) return done(ShutDown());
    const std::size_t chunk = FindChunk(segment->chunks(), next_offset);
    const std::int64_t end = core->EndOfChunk(*segment, chunk);
    auto read = [this, self, end, done = std::move(done)](Result<Slice> bytes) mutable {
      if (!bytes) return done(std::unexpected(std::move(bytes).error()));
      // The segment may be another one than when the stream began, with other chunks.
      BatchRange range{.next_offset = next_offset};
      TakeBatches(*bytes, {.bytes_max = SIZE_MAX, .offset_max = manifest.end_offset}, range);
      if (!range.batches.empty()) last_given = range.next_offset;
      next_offset = std::min(end, manifest.end_offset);
      if (range.batches.empty()) return Next(self, std::move(done));
      LeWriter header;
      header.Int(kChunkPiece).Int(ChunkDataCrc(range.batches));
      done(InstallPiece{header.Take(), std::move(range.batches)});
    };
    segment->ReadChunk(core->environment.open_files, chunk, end, std::move(read));
  }
};

InstallReader::InstallReader(std::shared_ptr<LogCore> core, Manifest manifest)
    : run_(std::make_shared<Run>()) {
  run_->core = std::move(core);
  run_->manifest = std::move(manifest);
  const auto& segments = run_->manifest.segments;
  run_->next_offset = run_->last_given =
      segments.empty() ? run_->manifest.end_offset : segments.front().base_offset;
  run_->core->removals_seen.push_back(run_->removed);
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
          if (status && leader->compactions > 0) staged->SkipTo(staged->end_offset());
          done(std::move(status));
        });
  }

  // Compaction may have taken what was up to there.
  Status Skip(std::int64_t offset) {
    if (leader->compactions == 0 || offset <= staged->end_offset()) return {};
    if (offset > leader->end_offset) return Refuse("a batch beyond the end");
    staged->SkipTo(offset);
    return {};
  }

  Status SkipPiece(Bytes header) {
    LeReader reader(header);
    const auto offset = reader.Int<std::int64_t>();
    if (!reader.ok() || offset < staged->end_offset()) return Refuse("a piece does not follow");
    return Skip(offset);
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
      KRONIKA_TRY(Skip(batch->base_offset));
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
  if ((kind != kChunkPiece && kind != kSkipPiece) || !run_->staged)
    return run_->Post(std::move(done), Refuse("an unknown piece"));
  if (kind == kSkipPiece) return run_->Post(std::move(done), run_->SkipPiece(header.subspan(1)));
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
    manifest->cleaned_to = run->leader->cleaned_to;
    manifest->compactions = run->leader->compactions;
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
