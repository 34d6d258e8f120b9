// Writes a partition's folder on the real disk for Kafka's dump tool: write_segments DIRECTORY.
// Several rolled segments and one active, every codec, checkpoints and a restart in between, a
// clean close at the end.
#include <cstdio>
#include <memory>
#include <optional>

#include "base/asio_loop.h"
#include "base/check.h"
#include "base/thread_files.h"
#include "wal/log/partition_log.h"
#include "wal/record_builder.h"

namespace kronika::wal {
namespace {

class Writer {
 public:
  explicit Writer(const std::string& root) {
    auto files = ThreadFiles::Make({.root = root}, loop_);
    KRONIKA_CHECK(files.has_value(), "the directory cannot be used");
    files_ = std::move(*files);
    manifest_.group = GroupId{7};
    manifest_.directory = "topic-0";
    Open();
  }

  void Append(int count) {
    constexpr Codec kCodecs[] = {Codec::kNone, Codec::kGzip, Codec::kSnappy, Codec::kLz4,
                                 Codec::kZstd};
    for (int i = 0; i < count; ++i) {
      RecordBuilder builder({.codec = kCodecs[index_.value % 5],
                             .base_offset = log_->end_offset(),
                             .leader_epoch = static_cast<std::int32_t>(1 + index_.value / 500)});
      for (std::uint64_t record = 0; record < 1 + index_.value % 7; ++record) {
        const auto disorder = static_cast<std::int64_t>(index_.value * 37 % 50);
        const std::string value(20 + index_.value % 300, 'v');
        builder.Add({.timestamp = 1'700'000'000'000 + static_cast<std::int64_t>(index_.value) * 10 -
                                  disorder,
                     .key = "key",
                     .value = value,
                     .headers = {{"h", "v"}}});
      }
      log_->BeginEpoch(static_cast<std::int32_t>(1 + index_.value / 500));
      ++index_;
      const auto status =
          log_->Append(builder.Build(), index_, static_cast<std::int64_t>(index_.value));
      KRONIKA_CHECK(status.has_value());
      log_->SetDurable(index_);
    }
  }
  void Checkpoint() {
    manifest_ =
        Wait<Manifest>([&](auto done) { log_->Checkpoint({.applied = index_}, std::move(done)); });
  }
  void Reopen() {
    Close();
    Open();
  }
  void Close() {
    std::optional<Status> closed;
    log_->Close([&](Status status) { closed = std::move(status); });
    KRONIKA_CHECK(loop_.RunUntil([&] { return closed.has_value(); }, std::chrono::seconds(30)) &&
                  *closed);
  }

 private:
  void Open() {
    log_ = std::make_unique<PartitionLog>(
        LogEnvironment{loop_, *files_, open_files(), cache_},
        LogOptions{.segment_bytes = 200'000, .chunk_bytes_min = 10'000, .chunk_bytes_max = 40'000},
        manifest_);
  }
  OpenFiles& open_files() {
    if (!open_files_) open_files_ = std::make_unique<OpenFiles>(loop_, *files_, 16);
    return *open_files_;
  }
  template <class T>
  T Wait(std::move_only_function<void(Done<T>)> start) {
    std::optional<Result<T>> out;
    start([&](Result<T> result) { out = std::move(result); });
    KRONIKA_CHECK(loop_.RunUntil([&] { return out.has_value(); }, std::chrono::seconds(30)) &&
                  *out);
    return std::move(**out);
  }

  AsioLoop loop_;
  std::unique_ptr<Files> files_;
  std::unique_ptr<OpenFiles> open_files_;
  TailCache cache_{1 << 20};
  Manifest manifest_;
  Index index_;
  std::unique_ptr<PartitionLog> log_;
};

}  // namespace
}  // namespace kronika::wal

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: write_segments DIRECTORY\n"), 2;
  kronika::wal::Writer writer(argv[1]);
  for (int round = 0; round < 4; ++round) {
    writer.Append(300);
    writer.Checkpoint();
    writer.Reopen();
  }
  writer.Append(77);
  writer.Checkpoint();
  writer.Close();
  return 0;
}
