#include "base/files.h"

#include <fmt/core.h>

namespace kronika {

Status CheckPath(std::string_view path) {
  if (path.empty()) return {};
  std::string_view left = path;
  while (true) {
    const auto slash = left.find('/');
    const auto part = left.substr(0, slash);
    if (part.empty() || part == "." || part == ".." || part.find('\0') != part.npos) {
      return Fail(ErrorCode::kInvalidArgument, "not a plain relative path", std::string(path));
    }
    if (slash == left.npos) return {};
    left.remove_prefix(slash + 1);
  }
}

Status CheckAligned(OpenOptions options, std::uint64_t position, const Slices& slices) {
  if (!options.direct) return {};
  if (auto status = CheckAligned(options, position, TotalSize(slices)); !status) return status;
  for (const auto& slice : slices) {
    const auto address = reinterpret_cast<std::uintptr_t>(slice.data());
    if (address % kBlockBytes != 0 || slice.size() % kBlockBytes != 0) {
      return Fail(
          ErrorCode::kInvalidArgument,
          fmt::format("a slice of {} bytes is not aligned to {}", slice.size(), kBlockBytes));
    }
  }
  return {};
}

Status CheckAligned(OpenOptions options, std::uint64_t position, std::size_t size) {
  if (!options.direct || (position % kBlockBytes == 0 && size % kBlockBytes == 0)) return {};
  return Fail(ErrorCode::kInvalidArgument,
              fmt::format("{} bytes at {} are not aligned to {}", size, position, kBlockBytes));
}

}  // namespace kronika
