// See names.h.
#include "wal/log/names.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

namespace kronika::wal {
namespace {

constexpr std::size_t kOffsetDigits = 20;

std::string_view Extension(SegmentFile file) {
  switch (file) {
    case SegmentFile::kLog:
      return ".log";
    case SegmentFile::kIndex:
      return ".index";
    case SegmentFile::kTimeIndex:
      return ".timeindex";
    case SegmentFile::kSums:
      return ".sums";
  }
  std::unreachable();
}

}  // namespace

std::string PartitionDirectory(std::string_view topic, std::int32_t partition) {
  return fmt::format("{}-{}", topic, partition);
}
std::string DeletedDirectory(std::string_view directory, GroupId group) {
  return fmt::format("{}.{}-delete", directory, group.value);
}
std::string StagedDirectory(std::string_view directory, GroupId group) {
  return fmt::format("{}.{}-install", directory, group.value);
}

std::string SegmentFileName(std::int64_t base_offset, SegmentFile file) {
  return fmt::format("{:020}{}", base_offset, Extension(file));
}

std::optional<std::int64_t> ParseSegmentFileName(std::string_view name) {
  if (name.size() <= kOffsetDigits) return std::nullopt;
  std::int64_t offset = 0;
  const char* end = name.data() + kOffsetDigits;
  const auto [stop, error] = std::from_chars(name.data(), end, offset);
  if (error != std::errc{} || stop != end || offset < 0) return std::nullopt;
  for (auto file :
       {SegmentFile::kLog, SegmentFile::kIndex, SegmentFile::kTimeIndex, SegmentFile::kSums}) {
    if (name.substr(kOffsetDigits) == Extension(file)) return offset;
  }
  return std::nullopt;
}

}  // namespace kronika::wal
