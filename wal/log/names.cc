// See names.h.
#include "wal/log/names.h"

#include <fmt/core.h>

#include <charconv>
#include <utility>

namespace kronika::wal {
namespace {

constexpr std::string_view kDeletedEnd = "-delete";
constexpr std::string_view kStagedEnd = "-install";
constexpr std::string_view kCompactedMiddle = ".compacted-";
constexpr std::size_t kOffsetDigits = 20;
constexpr SegmentFile kFilesOfSegment[] = {SegmentFile::kLog, SegmentFile::kIndex,
                                           SegmentFile::kTimeIndex, SegmentFile::kSums};

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
  for (auto file : kFilesOfSegment) {
    if (name.substr(kOffsetDigits) == Extension(file)) return offset;
  }
  return std::nullopt;
}

std::string CompactedFileName(std::int64_t base_offset, SegmentFile file, std::uint32_t number) {
  return fmt::format("{}{}{}", SegmentFileName(base_offset, file), kCompactedMiddle, number);
}

std::optional<CompactedName> ParseCompactedFileName(std::string_view name) {
  const std::size_t middle = name.find(kCompactedMiddle);
  if (middle == std::string_view::npos) return std::nullopt;
  const auto base_offset = ParseSegmentFileName(name.substr(0, middle));
  const std::string_view digits = name.substr(middle + kCompactedMiddle.size());
  CompactedName out;
  const auto [stop, error] = std::from_chars(digits.begin(), digits.end(), out.number);
  if (!base_offset || error != std::errc{} || stop != digits.end() || out.number == 0)
    return std::nullopt;
  out.base_offset = *base_offset;
  for (auto file : kFilesOfSegment) {
    if (name == CompactedFileName(out.base_offset, file, out.number)) {
      out.file = file;
      return out;
    }
  }
  return std::nullopt;
}

}  // namespace kronika::wal
