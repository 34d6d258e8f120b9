// DataDirectory: what a broker holds of its data_dir while it runs: the lock, who the directory is,
// and the three ways to its disk.
//
//   data_dir/lock  identity  journal/ (journal_io)  store/ (RocksDB)  topics/ (segments)
//
// Main thread, at start-up; the rest of the broker's life belongs to the loop. Invariants:
// 1. Nothing is touched before the lock is held, and nothing is made in a directory that was never
//    formatted.
// 2. When Open() returns the raised boot epoch is durable (D-8), so that it may be told to peers.
#pragma once

#include <memory>
#include <string>

#include "base/asio_loop.h"
#include "base/lock_file.h"
#include "base/log.h"
#include "base/make_files.h"
#include "config/options.h"
#include "metadata/identity.h"
#include "wal/rocks_kv.h"

namespace kronika::cmd {

struct DataDirectory {
  LockFile lock;
  metadata::Identity identity;
  ChosenFiles journal;
  std::unique_ptr<Files> segments;
  std::unique_ptr<RocksKv> store;

  // One line for people on failure: kNotFound: never formatted; kBusy: another process has it;
  // kFenced: it belongs to another broker; kShutdown: the loop was stopped meanwhile; kIo,
  // kCorruption. `loop` turns inside the call.
  static Result<std::unique_ptr<DataDirectory>> Open(const config::Options& options, AsioLoop& loop,
                                                     Log& log);
};

// Runs the loop until an asynchronous call has answered; `start` is given the completion. kShutdown
// if the loop was stopped first.
template <class T, class Start>
Result<T> Await(AsioLoop& loop, Start&& start) {
  auto answer = std::make_shared<std::unique_ptr<Result<T>>>();
  start([answer](Result<T> result) { *answer = std::make_unique<Result<T>>(std::move(result)); });
  if (!loop.RunUntil([&] { return *answer != nullptr; }, std::chrono::hours(24)))
    return Fail(ErrorCode::kShutdown, "the process was asked to end");
  return std::move(**answer);
}

}  // namespace kronika::cmd
