// The journal's files: names, filling with zeros, the free ones and the order of the others.
//
// Called on the journal's loop; completions run on it.
// 1. A file gets its name only when it is whole and its zeros are synced; the folder is synced
//    before it is used.
// 2. One file at a time is filled, chunk by chunk, behind everything else.
// 3. At most options.files files of the configured size, plus small or surplus ones until they are
//    next free and two others are, too.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/loop.h"
#include "wal/journal/options.h"

namespace kronika::wal {

struct JournalFile {
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;
  std::shared_ptr<File> file;
  // Of the group commits since it was last free; 0: none.
  std::uint64_t first_sequence = 0;
  std::uint64_t last_sequence = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t room() const { return bytes - used_bytes; }
};

std::string JournalFileName(std::uint32_t number, std::uint64_t bytes);
struct JournalFileIdentity {
  std::uint32_t number = 0;
  std::uint64_t bytes = 0;
};
// None for every name that JournalFileName() cannot have made.
std::optional<JournalFileIdentity> ParseJournalFileName(std::string_view name);
// A file under this name was being filled.
bool IsFillingName(std::string_view name);

class JournalFiles {
 public:
  JournalFiles(Loop& loop, Files& files, Log& log, const JournalOptions& options);
  ~JournalFiles();
  JournalFiles(const JournalFiles&) = delete;
  JournalFiles& operator=(const JournalFiles&) = delete;

  // Files found at an open. Free ones are used in the order they were added.
  void AddFree(JournalFile file);
  void AddLive(JournalFile file);
  void NumberSeen(std::uint32_t number);

  // Makes one more file of `bytes` and adds it to the free ones.
  void Fill(std::uint64_t bytes, Done<void> done);
  // From now on missing files of the configured size are filled and others removed when free.
  void KeepWhole(std::move_only_function<void()> on_new_file,
                 std::move_only_function<void(std::uint32_t number)> on_removed);

  JournalFile* current() { return has_current_ ? &live_.back() : nullptr; }
  // The next free file becomes current; there is one. Its number.
  std::uint32_t Advance();
  // Oldest first; the current one is the last.
  const std::deque<JournalFile>& live() const { return live_; }
  // Live, or free and perhaps not written again yet; null if it was removed.
  const JournalFile* Find(std::uint32_t number) const;
  // The oldest live file, not the current one, becomes free; the last of these to be written again.
  void RecycleOldest();

  std::size_t free_count() const { return free_.size(); }
  std::uint64_t free_bytes() const;     // of the free files
  std::uint64_t total_bytes() const;    // of all
  std::uint64_t largest_bytes() const;  // of any
  std::size_t count() const { return free_.size() + live_.size(); }
  std::uint64_t recycled() const { return recycled_; }

 private:
  struct Filling;
  void WriteZeros(std::shared_ptr<Filling> filling);
  void FinishFilling(std::shared_ptr<Filling> filling);
  void EndFilling(std::shared_ptr<Filling> filling, Status status);
  void Maintain();
  void RemoveUnwanted();
  bool Unwanted(const JournalFile& file) const;
  std::size_t CountConfigured() const;
  template <class Function>
  auto Guarded(Function function);

  Loop& loop_;
  Files& files_;
  Log& log_;
  const JournalOptions& options_;
  std::deque<JournalFile> free_;
  std::deque<JournalFile> live_;  // the last is current once has_current_
  bool has_current_ = false;
  std::uint32_t last_number_ = 0;
  std::uint64_t recycled_ = 0;
  bool filling_ = false;
  bool keep_whole_ = false;
  TimerId retry_timer_;
  std::move_only_function<void()> on_new_file_;
  std::move_only_function<void(std::uint32_t)> on_removed_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kronika::wal
