// Names of a partition's files and directories: Kafka's, and ours beside them.
//
// Pure. Kafka: `<topic>-<partition>/<base offset, 20 digits>.log|.index|.timeindex`,
// `leader-epoch-checkpoint`. Ours: `<base>.sums` (chunk_sums.h), `<base>.log.compacted-<number>`
// (and so on) until the segments that it replaces are gone, `<directory>.<group>-delete` and
// `<directory>.<group>-install`. Topic names are checked before they get here: no '/', at most 249
// characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace kronika::wal {

inline constexpr std::string_view kEpochCheckpointName = "leader-epoch-checkpoint";
// In a folder that a full install staged to its end: the manifest of what it holds.
inline constexpr std::string_view kStagedManifestName = "installed-manifest";

enum class SegmentFile { kLog, kIndex, kTimeIndex, kSums };

std::string PartitionDirectory(std::string_view topic, std::int32_t partition);
std::string DeletedDirectory(std::string_view directory, GroupId group);
std::string StagedDirectory(std::string_view directory, GroupId group);
bool IsDeletedDirectory(std::string_view name);
// The group that a staged folder belongs to; none for any other name.
std::optional<GroupId> ParseStagedDirectory(std::string_view name);

// "00000000000000000042.log"
std::string SegmentFileName(std::int64_t base_offset, SegmentFile file);
// The base offset that the name of a segment's file begins with; none for any other name.
std::optional<std::int64_t> ParseSegmentFileName(std::string_view name);

// The name that a segment made by the log's compaction `number` (above 0) has at first:
// "00000000000000000042.log.compacted-7".
std::string CompactedFileName(std::int64_t base_offset, SegmentFile file, std::uint32_t number);
struct CompactedName {
  std::int64_t base_offset = 0;
  SegmentFile file = SegmentFile::kLog;
  std::uint32_t number = 0;
  bool operator==(const CompactedName&) const = default;
};
std::optional<CompactedName> ParseCompactedFileName(std::string_view name);

}  // namespace kronika::wal
