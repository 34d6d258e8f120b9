// See names.h.
#include "wal/log/names.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

namespace kronika::wal {
namespace {

constexpr std::string_view kDeletedEnd = "-delete";
constexpr std::string_view kStagedEnd = "-install";
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
  return fmt::format("{}.{}{}", directory, group.value, kDeletedEnd);
}
std::string StagedDirectory(std::string_view directory, GroupId group) {
  return fmt::format("{}.{}{}", directory, group.value, kStagedEnd);
}

bool IsDeletedDirectory(std::string_view name) {
  return name.ends_with(kDeletedEnd);
}

std::optional<GroupId> ParseStagedDirectory(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  if (!name.ends_with(kStagedEnd) || dot == std::string_view::npos) return std::nullopt;
  const std::string_view digits = name.substr(dot + 1, name.size() - dot - 1 - kStagedEnd.size());
  GroupId group;
  const auto [stop, error] = std::from_chars(digits.begin(), digits.end(), group.value);
  if (error != std::errc{} || stop != digits.end()) return std::nullopt;
  return group;
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
