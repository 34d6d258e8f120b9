// How many durable 4 KiB batches a second the journal takes from many logs, and what each costs in
// CPU, against one fdatasync per log file on the same disk in the same run.
//
// bench_journal DIR [SECONDS] [auto|uring|thread]
//
// Each log keeps one batch in flight. The baseline appends to a file per log, buffered, with an
// fdatasync of its own per batch, on 16 threads. Exit code 1 if a ratio stays below its target.
#include <fmt/format.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/asio_loop.h"
#include "base/make_files.h"
#include "wal/journal/journal.h"

namespace kronika {
namespace {

constexpr std::size_t kBatchBytes = 4096;

struct Measured {
  double batches_per_second = 0;
  double cpu_microseconds = 0;  // per batch
  double syncs_per_batch = 0;
};

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Ends the program when a call fails: a benchmark has nobody to tell.
void Require(const Status& status, std::string_view what) {
  if (status) return;
  fmt::print(stderr, "{}: {}\n", what, status.error().Describe());
  std::exit(2);
}

Slice MakeBatch() {
  Slice batch = Slice::Allocate(kBatchBytes, kBlockBytes);
  std::memset(batch.mutable_bytes().data(), 'k', kBatchBytes);
  return batch;
}

class Meter {
 public:
  explicit Meter(Loop& loop) : loop_(loop) {}
  void Count() { ++batches_; }
  // Counts from now on.
  void Start() {
    batches_ = 0;
    start_ = loop_.Now();
    cpu_ = CpuSeconds();
  }
  Measured Stop(std::uint64_t syncs) const {
    const double seconds = std::chrono::duration<double>(loop_.Now() - start_).count();
    const auto batches = static_cast<double>(batches_);
    return {.batches_per_second = batches / seconds,
            .cpu_microseconds = (CpuSeconds() - cpu_) / batches * 1e6,
            .syncs_per_batch = static_cast<double>(syncs) / batches};
  }
  std::uint64_t batches() const { return batches_; }

 private:
  Loop& loop_;
  std::uint64_t batches_ = 0;
  Instant start_;
  double cpu_ = 0;
};

class JournalLoad {
 public:
  JournalLoad(AsioLoop& loop, wal::Journal& journal, std::size_t logs)
      : loop_(loop), journal_(journal), meter_(loop), durable_(logs, 0), batch_(MakeBatch()) {}

  Measured Run(Duration duration) {
    for (std::size_t log = 0; log < durable_.size(); ++log) Append(log);
    loop_.RunUntil([&] { return meter_.batches() > 4 * durable_.size(); }, duration);
    const std::uint64_t commits = journal_.status().commits;
    meter_.Start();
    loop_.RunUntil([] { return false; }, duration);
    const Measured measured = meter_.Stop(journal_.status().commits - commits);
    stopping_ = true;
    loop_.RunUntil([&] { return in_flight_ == 0 && !checkpointing_; }, std::chrono::seconds(10));
    return measured;
  }

 private:
  void Append(std::size_t log) {
    if (stopping_) return;
    if (!journal_.Admit(kBatchBytes + 64)) {
      refused_.push_back(log);
      return Checkpoint();
    }
    ++in_flight_;
    const Index index{durable_[log] + 1};
    wal::JournalWrite write{.group = {static_cast<std::uint32_t>(log + 1)}};
    write.entries.push_back({.index = index, .term = {1}, .payload = batch_});
    journal_.Append(std::move(write), [this, log](const Status& status) {
      Require(status, "append");
      --in_flight_;
      ++durable_[log];
      meter_.Count();
      if (journal_.WantsCheckpoint()) Checkpoint();
      Append(log);
    });
  }
  void Checkpoint() {
    if (checkpointing_) return;
    checkpointing_ = true;
    const wal::JournalPosition start = journal_.CheckpointStart();
    for (std::size_t log = 0; log < durable_.size(); ++log) {
      journal_.ReleaseTo({static_cast<std::uint32_t>(log + 1)}, {durable_[log]});
    }
    const wal::CheckpointMark mark{journal_.status().checkpoint_id + 1,
                                   journal_.CheckpointPosition(start)};
    journal_.Checkpoint(mark, [this](const Status& status) {
      Require(status, "checkpoint");
      checkpointing_ = false;
      std::vector<std::size_t> again;
      again.swap(refused_);
      for (std::size_t log : again) Append(log);
    });
  }

  AsioLoop& loop_;
  wal::Journal& journal_;
  Meter meter_;
  std::vector<std::uint64_t> durable_;
  std::vector<std::size_t> refused_;
  Slice batch_;
  std::size_t in_flight_ = 0;
  bool checkpointing_ = false;
  bool stopping_ = false;
};

class FileLoad {
 public:
  FileLoad(AsioLoop& loop, Files& files) : loop_(loop), files_(files), meter_(loop) {}

  Measured Run(std::size_t logs, Duration duration) {
    std::size_t open = 0;
    logs_.resize(logs);
    for (std::size_t log = 0; log < logs; ++log) {
      files_.Create("per-file/" + std::to_string(log), {}, [&, log](auto file) {
        if (!file) Require(std::unexpected(file.error()), "create");
        logs_[log].file = std::move(*file);
        ++open;
      });
    }
    loop_.RunUntil([&] { return open == logs; }, std::chrono::seconds(30));
    for (Log& log : logs_) Append(log);
    loop_.RunUntil([&] { return meter_.batches() > 2 * logs; }, duration);
    meter_.Start();
    loop_.RunUntil([] { return false; }, duration);
    const Measured measured = meter_.Stop(meter_.batches());
    stopping_ = true;
    loop_.RunUntil([&] { return in_flight_ == 0; }, std::chrono::seconds(60));
    return measured;
  }

 private:
  struct Log {
    std::unique_ptr<File> file;
    std::uint64_t position = 0;
  };
  void Append(Log& log) {
    if (stopping_) return;
    ++in_flight_;
    Slices slices{batch_};
    log.file->Write(log.position, std::move(slices), Durability::kSynced,
                    [this, &log](const Status& status) {
                      Require(status, "write");
                      --in_flight_;
                      log.position += kBatchBytes;
                      meter_.Count();
                      Append(log);
                    });
  }

  AsioLoop& loop_;
  Files& files_;
  Meter meter_;
  std::vector<Log> logs_;
  Slice batch_ = MakeBatch();
  std::size_t in_flight_ = 0;
  bool stopping_ = false;
};

ChosenFiles OpenFiles(JournalIo io, const std::string& root, AsioLoop& loop) {
  auto chosen = MakeFiles(io, {.root = root, .threads = 16}, loop);
  if (!chosen) Require(std::unexpected(chosen.error()), "files");
  return std::move(*chosen);
}

void Clear(AsioLoop& loop, Files& files, const std::string& folder) {
  bool done = false;
  files.RemoveAll(folder, [&](const Status&) { done = true; });
  loop.RunUntil([&] { return done; }, std::chrono::seconds(30));
}

Measured MeasureJournal(const std::string& root, JournalIo io, std::size_t logs, Duration duration,
                        std::string& why) {
  AsioLoop loop;
  ChosenFiles chosen = OpenFiles(io, root, loop);
  why = chosen.why;
  Clear(loop, *chosen.files, "journal");
  Measured measured;
  {
    wal::OpenedJournal opened;
    bool ended = false;
    wal::JournalOptions options{.files = 4};
    wal::Journal::Open({loop, *chosen.files, NullLog()}, options, {}, [&](auto result) {
      if (!result) Require(std::unexpected(result.error()), "open");
      opened = std::move(*result);
      ended = true;
    });
    loop.RunUntil([&] { return ended; }, std::chrono::seconds(60));
    // Steady state: every file is filled.
    loop.RunUntil(
        [&] { return opened.journal->status().bytes_total >= options.files * options.file_bytes; },
        std::chrono::seconds(120));
    JournalLoad load(loop, *opened.journal, logs);
    measured = load.Run(duration);
  }
  Clear(loop, *chosen.files, "journal");
  return measured;
}

Measured MeasureFiles(const std::string& root, std::size_t logs, Duration duration) {
  AsioLoop loop;
  ChosenFiles chosen = OpenFiles(JournalIo::kThread, root, loop);
  Clear(loop, *chosen.files, "per-file");
  Measured measured;
  {
    FileLoad load(loop, *chosen.files);
    measured = load.Run(logs, duration);
  }
  Clear(loop, *chosen.files, "per-file");
  return measured;
}

int Main(const std::string& root, Duration duration, JournalIo io) {
  struct Target {
    std::size_t logs;
    double ratio;
  };
  bool reached = true;
  fmt::print("{:>5} {:>12} {:>12} {:>7} {:>7} {:>12} {:>12} {:>8} {:>12}\n", "logs", "journal/s",
             "fdatasync/s", "ratio", "target", "journal us", "fdatasync us", "CPU", "syncs/batch");
  std::string why;
  for (const Target& target : {Target{16, 3.5}, Target{64, 6}, Target{256, 11.5}}) {
    const Measured journal = MeasureJournal(root, io, target.logs, duration, why);
    const Measured files = MeasureFiles(root, target.logs, duration);
    const double ratio = journal.batches_per_second / files.batches_per_second;
    reached = reached && ratio >= target.ratio;
    fmt::print(
        "{:>5} {:>12.0f} {:>12.0f} {:>6.1f}x {:>6.1f}x {:>12.1f} {:>12.1f} {:>7.1f}x {:>12.4f}\n",
        target.logs, journal.batches_per_second, files.batches_per_second, ratio, target.ratio,
        journal.cpu_microseconds, files.cpu_microseconds,
        files.cpu_microseconds / journal.cpu_microseconds, journal.syncs_per_batch);
  }
  fmt::print("journal files: {}; CPU is microseconds per batch of the whole process\n", why);
  return reached ? 0 : 1;
}

}  // namespace
}  // namespace kronika

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: bench_journal DIR [SECONDS] [auto|uring|thread]\n");
    return 2;
  }
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 5;
  const auto io = kronika::ParseJournalIo(argc > 3 ? argv[3] : "auto");
  if (!io || seconds < 1) {
    fmt::print(stderr, "usage: bench_journal DIR [SECONDS] [auto|uring|thread]\n");
    return 2;
  }
  return kronika::Main(argv[1], std::chrono::seconds(seconds), *io);
}
