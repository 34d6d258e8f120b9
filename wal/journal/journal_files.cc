#include "wal/journal/journal_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace kronika::wal {
namespace {

constexpr std::size_t kFillChunkBytes = std::size_t{1} << 20;
constexpr std::string_view kSuffix = ".wal";
constexpr std::string_view kFillingPrefix = "fill-";

template <class T>
bool ParseDecimal(std::string_view text, T& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string JournalFileName(std::uint32_t number, std::uint64_t bytes) {
  return fmt::format("{:08}-{}.wal", number, bytes);
}

std::optional<JournalFileIdentity> ParseJournalFileName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view stem = name.substr(0, name.size() - kSuffix.size());
  const std::size_t dash = stem.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  JournalFileIdentity identity;
  if (!ParseDecimal(stem.substr(0, dash), identity.number)) return std::nullopt;
  if (!ParseDecimal(stem.substr(dash + 1), identity.bytes)) return std::nullopt;
  const bool sane = identity.number != 0 && identity.bytes != 0 &&
                    identity.bytes % kBlockBytes == 0 && identity.bytes < (std::uint64_t{1} << 32);
  if (!sane || JournalFileName(identity.number, identity.bytes) != name) return std::nullopt;
  return identity;
}

bool IsFillingName(std::string_view name) {
  return name.starts_with(kFillingPrefix) && name.ends_with(".tmp");
}

struct JournalFiles::Filling {
  JournalFile result;
  std::string temporary_path;
  std::uint64_t written = 0;
  Slice zeros;
  Done<void> done;
};

// Drops a completion that comes after the owner's end.
template <class Function>
auto JournalFiles::Guarded(Function function) {
  return [alive = std::weak_ptr(alive_), function = std::move(function)](auto... result) mutable {
    if (!alive.expired()) function(std::move(result)...);
  };
}

JournalFiles::JournalFiles(Loop& loop, Files& files, Log& log, const JournalOptions& options)
    : loop_(loop), files_(files), log_(log), options_(options) {}

JournalFiles::~JournalFiles() {
  loop_.Cancel(retry_timer_);
}

void JournalFiles::AddFree(JournalFile file) {
  NumberSeen(file.number);
  free_.push_back(std::move(file));
}

void JournalFiles::AddLive(JournalFile file) {
  NumberSeen(file.number);
  live_.push_back(std::move(file));
}

void JournalFiles::NumberSeen(std::uint32_t number) {
  last_number_ = std::max(last_number_, number);
}

void JournalFiles::Fill(std::uint64_t bytes, Done<void> done) {
  KRONIKA_CHECK(!filling_, "one file is filled at a time");
  filling_ = true;
  auto filling = std::make_shared<Filling>();
  filling->result.number = ++last_number_;
  filling->result.bytes = bytes;
  filling->temporary_path = fmt::format("{}/fill-{:08}.tmp", options_.folder, last_number_);
  filling->zeros = Slice::Allocate(std::min<std::uint64_t>(bytes, kFillChunkBytes), kBlockBytes);
  std::memset(filling->zeros.mutable_bytes().data(), 0, filling->zeros.size());
  filling->done = std::move(done);
  const std::string path = filling->temporary_path;
  auto created = [this, filling](Result<std::unique_ptr<File>> file) {
    if (!file) return EndFilling(filling, std::unexpected(file.error()));
    filling->result.file = std::move(*file);
    WriteZeros(filling);
  };
  // What an earlier attempt left would be in the way.
  files_.Remove(path, Guarded([this, path, created = std::move(created)](Status status) mutable {
                  IgnoreError(status, "usually there is nothing to remove");
                  files_.Create(path, {.direct = true}, Guarded(std::move(created)));
                }));
}

void JournalFiles::WriteZeros(std::shared_ptr<Filling> filling) {
  const std::uint64_t left = filling->result.bytes - filling->written;
  if (left == 0) return FinishFilling(std::move(filling));
  const std::uint64_t size = std::min<std::uint64_t>(left, filling->zeros.size());
  Slices slices{filling->zeros.Sub(0, size)};
  filling->result.file->Write(filling->written, std::move(slices), Durability::kBuffered,
                              Guarded([this, filling, size](Status status) {
                                if (!status) return EndFilling(filling, std::move(status));
                                filling->written += size;
                                WriteZeros(filling);
                              }));
}

void JournalFiles::FinishFilling(std::shared_ptr<Filling> filling) {
  auto named = [this, filling](Status status) {
    if (!status) return EndFilling(filling, std::move(status));
    files_.SyncDir(options_.folder, Guarded([this, filling](Status synced) {
                     EndFilling(filling, std::move(synced));
                   }));
  };
  auto written = [this, filling, named = std::move(named)](Status status) mutable {
    if (!status) return EndFilling(filling, std::move(status));
    const std::string name = JournalFileName(filling->result.number, filling->result.bytes);
    files_.Rename(filling->temporary_path, options_.folder + "/" + name, Guarded(std::move(named)));
  };
  filling->result.file->Sync(Guarded(std::move(written)));
}

void JournalFiles::EndFilling(std::shared_ptr<Filling> filling, Status status) {
  filling_ = false;
  if (status) {
    free_.push_back(std::move(filling->result));
    if (on_new_file_) on_new_file_();
  } else {
    filling->result.file.reset();
    files_.Remove(filling->temporary_path, [](Status removed) {
      IgnoreError(removed, "the next open removes what is left under a temporary name");
    });
  }
  filling->done(std::move(status));
}

void JournalFiles::KeepWhole(std::move_only_function<void()> on_new_file,
                             std::move_only_function<void(std::uint32_t)> on_removed) {
  keep_whole_ = true;
  on_new_file_ = std::move(on_new_file);
  on_removed_ = std::move(on_removed);
  Maintain();
}

// Fills what is missing, one file after the other; a full disk is tried again later.
void JournalFiles::Maintain() {
  if (!keep_whole_ || filling_) return;
  RemoveUnwanted();
  if (CountConfigured() >= options_.files) return;
  Fill(options_.file_bytes, [this](Status status) {
    if (status) return Maintain();
    log_.Warn("journal: no new file: {}", status.error().Describe());
    retry_timer_ = loop_.RunAfter(options_.fill_retry_delay, Guarded([this] { Maintain(); }));
  });
}

std::size_t JournalFiles::CountConfigured() const {
  const auto configured = [&](const JournalFile& file) {
    return file.bytes == options_.file_bytes;
  };
  return static_cast<std::size_t>(std::ranges::count_if(free_, configured) +
                                  std::ranges::count_if(live_, configured));
}

bool JournalFiles::Unwanted(const JournalFile& file) const {
  const std::size_t configured = CountConfigured();
  if (file.bytes != options_.file_bytes) return configured >= options_.files;
  return configured > options_.files;
}

void JournalFiles::RemoveUnwanted() {
  for (auto it = free_.begin(); it != free_.end();) {
    if (free_.size() <= 2 || !Unwanted(*it)) {
      ++it;
      continue;
    }
    const std::string path = options_.folder + "/" + JournalFileName(it->number, it->bytes);
    on_removed_(it->number);
    it = free_.erase(it);
    files_.Remove(path, Guarded([this](Status status) {
                    if (!status) return;
                    files_.SyncDir(options_.folder, [](Status synced) {
                      IgnoreError(synced, "a removed file that comes back is free again");
                    });
                  }));
  }
}

std::uint32_t JournalFiles::Advance() {
  KRONIKA_CHECK(!free_.empty(), "no free journal file");
  live_.push_back(std::move(free_.front()));
  free_.pop_front();
  has_current_ = true;
  return live_.back().number;
}

const JournalFile* JournalFiles::Find(std::uint32_t number) const {
  for (const auto* files : {&live_, &free_}) {
    const auto it = std::ranges::find(*files, number, &JournalFile::number);
    if (it != files->end()) return &*it;
  }
  return nullptr;
}

void JournalFiles::RecycleOldest() {
  KRONIKA_CHECK(live_.size() > 1, "the current file is never recycled");
  JournalFile file = std::move(live_.front());
  live_.pop_front();
  file.first_sequence = file.last_sequence = file.used_bytes = 0;
  free_.push_back(std::move(file));
  ++recycled_;
  Maintain();
}

std::uint64_t JournalFiles::free_bytes() const {
  std::uint64_t sum = 0;
  for (const JournalFile& file : free_) sum += file.bytes;
  return sum;
}

std::uint64_t JournalFiles::largest_bytes() const {
  std::uint64_t most = 0;
  for (const JournalFile& file : free_) most = std::max(most, file.bytes);
  for (const JournalFile& file : live_) most = std::max(most, file.bytes);
  return most;
}

std::uint64_t JournalFiles::total_bytes() const {
  std::uint64_t sum = free_bytes();
  for (const JournalFile& file : live_) sum += file.bytes;
  return sum;
}

}  // namespace kronika::wal
