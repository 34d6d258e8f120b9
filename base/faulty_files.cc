#include "base/faulty_files.h"

#if KRONIKA_TEST_BUILD

#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

namespace kronika {
namespace {

struct Shared {
  FaultOptions options;
  std::uint64_t syncs = 0;
};

class FaultyFile final : public File {
 public:
  FaultyFile(std::unique_ptr<File> file, std::string path, std::shared_ptr<Shared> shared,
             Loop& loop)
      : file_(std::move(file)),
        path_(std::move(path)),
        shared_(std::move(shared)),
        loop_(loop),
        state_(std::make_shared<State>()) {}
  ~FaultyFile() override { state_->open = false; }

  void Write(std::uint64_t position, Slices slices, Durability durability,
             Done<void> done) override {
    if (state_->condemned) return Refuse(std::move(done));
    if (durability != Durability::kSynced) {
      return file_->Write(position, std::move(slices), durability, std::move(done));
    }
    done = Disturb(std::move(done));
    const Duration delay = InForce(shared_->options.write_delay);
    if (delay == Duration{}) {
      return file_->Write(position, std::move(slices), durability, std::move(done));
    }
    loop_.RunAfter(delay, [this, state = state_, position, slices = std::move(slices),
                           done = std::move(done)]() mutable {
      if (!state->open) return;
      file_->Write(position, std::move(slices), Durability::kSynced, std::move(done));
    });
  }
  void Sync(Done<void> done) override {
    if (state_->condemned) return Refuse(std::move(done));
    file_->Sync(Disturb(std::move(done)));
  }
  void Read(std::uint64_t position, std::size_t size, Done<Slice> done) override {
    file_->Read(position, size, std::move(done));
  }
  void Truncate(std::uint64_t size, Done<void> done) override {
    if (state_->condemned) return Refuse(std::move(done));
    file_->Truncate(size, std::move(done));
  }
  std::uint64_t Size() const override { return file_->Size(); }
  void ExpectReads(bool expected) override { file_->ExpectReads(expected); }

 private:
  struct State {
    bool open = true;
    std::optional<Error> condemned;
  };

  bool Concerned() const { return path_.find(shared_->options.path_part) != path_.npos; }
  Duration InForce(Duration delay) const {
    const std::string& while_exists = shared_->options.while_exists;
    if (delay == Duration{} || !Concerned()) return {};
    std::error_code ignored;
    return while_exists.empty() || std::filesystem::exists(while_exists, ignored) ? delay
                                                                                  : Duration{};
  }

  void Refuse(Done<void> done) {
    loop_.Post([state = state_, done = std::move(done)]() mutable {
      if (state->open) done(std::unexpected(*state->condemned));
    });
  }

  // The completion of a sync, later and perhaps failed.
  Done<void> Disturb(Done<void> done) {
    const auto& options = shared_->options;
    if (!Concerned()) return done;
    const bool fails = ++shared_->syncs == options.fail_sync;
    const Duration delay = InForce(options.sync_delay);
    return [this, fails, delay, done = std::move(done)](Status status) mutable {
      if (status && fails) {
        status = Fail(ErrorCode::kIo, "sync: injected fault", path_);
        state_->condemned = status.error();
      }
      loop_.RunAfter(
          delay, [state = state_, done = std::move(done), status = std::move(status)]() mutable {
            if (state->open) done(std::move(status));
          });
    };
  }

  const std::unique_ptr<File> file_;
  const std::string path_;
  const std::shared_ptr<Shared> shared_;
  Loop& loop_;
  const std::shared_ptr<State> state_;
};

class FaultyFiles final : public Files {
 public:
  FaultyFiles(std::unique_ptr<Files> files, FaultOptions options, Loop& loop)
      : files_(std::move(files)),
        shared_(std::make_shared<Shared>(Shared{std::move(options), 0})),
        loop_(loop) {}

  void Open(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) override {
    auto wrapped = Wrap(path, std::move(done));
    files_->Open(std::move(path), options, std::move(wrapped));
  }
  void Create(std::string path, OpenOptions options, Done<std::unique_ptr<File>> done) override {
    auto wrapped = Wrap(path, std::move(done));
    files_->Create(std::move(path), options, std::move(wrapped));
  }
  void CreateDir(std::string path, Done<void> done) override {
    files_->CreateDir(std::move(path), std::move(done));
  }
  void Rename(std::string from, std::string to, Done<void> done) override {
    files_->Rename(std::move(from), std::move(to), std::move(done));
  }
  void Remove(std::string path, Done<void> done) override {
    files_->Remove(std::move(path), std::move(done));
  }
  void RemoveAll(std::string path, Done<void> done) override {
    files_->RemoveAll(std::move(path), std::move(done));
  }
  void List(std::string path, Done<std::vector<DirEntry>> done) override {
    files_->List(std::move(path), std::move(done));
  }
  void SyncDir(std::string path, Done<void> done) override {
    files_->SyncDir(std::move(path), std::move(done));
  }
  void Space(Done<SpaceInfo> done) override { files_->Space(std::move(done)); }

 private:
  Done<std::unique_ptr<File>> Wrap(std::string path, Done<std::unique_ptr<File>> done) {
    return [path = std::move(path), shared = shared_, &loop = loop_,
            done = std::move(done)](Result<std::unique_ptr<File>> file) mutable {
      if (!file) return done(std::move(file));
      done(
          std::make_unique<FaultyFile>(std::move(*file), std::move(path), std::move(shared), loop));
    };
  }

  const std::unique_ptr<Files> files_;
  const std::shared_ptr<Shared> shared_;
  Loop& loop_;
};

}  // namespace

Result<FaultOptions> ParseFaultOptions(std::string_view text) {
  FaultOptions out;
  while (!text.empty()) {
    const auto part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    const auto equals = part.find('=');
    const auto key = part.substr(0, equals);
    const auto value = equals == part.npos ? std::string_view() : part.substr(equals + 1);
    if (key == "path") {
      out.path_part = value;
      continue;
    }
    if (key == "while_exists") {
      out.while_exists = value;
      continue;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (whole && key == "sync_delay_ms" && number <= 3'600'000) {
      out.sync_delay = std::chrono::milliseconds(number);
    } else if (whole && key == "write_delay_ms" && number <= 3'600'000) {
      out.write_delay = std::chrono::milliseconds(number);
    } else if (whole && key == "fail_sync") {
      out.fail_sync = number;
    } else {
      return Fail(ErrorCode::kInvalidArgument, "not a fault: '" + std::string(part) + "'");
    }
  }
  return out;
}

std::unique_ptr<Files> MakeFaultyFiles(std::unique_ptr<Files> files, FaultOptions options,
                                       Loop& loop) {
  return std::make_unique<FaultyFiles>(std::move(files), std::move(options), loop);
}

}  // namespace kronika

#endif
