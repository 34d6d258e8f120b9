// A full install of a partition: the leader's side reads what one manifest describes as a stream of
// chunks, the follower's stages them beside its old folder. The swap is directory.h's (SAFETY A8).
//
// Used from the owner's loop.
// 1. The stream is the leader's manifest in pieces, then each chunk in order with its sum.
//    The receiver checks sum, batches and offsets of each and writes segments of its own: same
//    batches, file boundaries may differ. Of a compacted log it takes the gaps, too.
// 2. The staged folder is `<directory>.<group>-install`; a new InstallWriter begins by removing one
//    that is left. What is staged to its end says so by its manifest in a file, synced last.
// 3. The stream goes by offsets, and a pass of compaction that began before may go on under it.
//    What it gives from then on is right as long as no tombstone was dropped at or behind where it
//    stands (removal_horizon.h); else it ends with kUnavailable, and the install begins anew.
// 4. Nothing of the old folder is touched before AdoptStaged.
#pragma once

#include <memory>
#include <string>

#include "wal/log/partition_log.h"

namespace kronika::wal {

struct InstallPiece {
  std::string header;  // empty: the end of the stream
  Slices payload;
};

class InstallReader {
 public:
  InstallReader(std::shared_ptr<LogCore> core, Manifest manifest);
  // One at a time. kCorruption: this replica's own segments are damaged.
  void Next(Done<InstallPiece> done);

 private:
  struct Run;
  std::shared_ptr<Run> run_;
};

class InstallWriter {
 public:
  // `directory` is the final one. The environment outlives the object.
  InstallWriter(LogEnvironment environment, LogOptions options, GroupId group,
                std::string directory);
  // What is under way ends with kShutdown.
  ~InstallWriter();
  // One at a time, in the order of the stream. kCorruption: refused, the install must start again.
  void Write(InstallPiece piece, Done<void> done);
  // Everything staged is durable; the manifest of the swapped state, with the leader's replica and
  // producer blobs. kCorruption: the stream ended early.
  void Finish(Done<Manifest> done);

 private:
  struct Run;
  std::shared_ptr<Run> run_;
};

}  // namespace kronika::wal
