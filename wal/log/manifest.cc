// See manifest.h.
#include "wal/log/manifest.h"

#include "base/bytes.h"
#include "base/crc32c.h"

namespace kronika::wal {
namespace {

constexpr std::uint32_t kMagic = 0x324d504b;  // "KPM2"
// Smallest encodings, so that a declared count is believed only as far as bytes are there.
constexpr std::size_t kEpochBytes = 12;
constexpr std::size_t kSegmentBytes = 73;

std::unexpected<Error> Corrupt(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "manifest");
}

void PutPrefix(LeWriter& out, const FilePrefix& prefix) {
  out.Int(prefix.bytes).Int(prefix.crc);
}

FilePrefix GetPrefix(LeReader& in) {
  FilePrefix out;
  out.bytes = in.Int<std::uint32_t>();
  out.crc = in.Int<std::uint32_t>();
  return out;
}

void PutSegment(LeWriter& out, const SegmentManifest& segment) {
  out.Int(segment.base_offset).Int(segment.bytes);
  PutPrefix(out, segment.sums);
  PutPrefix(out, segment.index);
  PutPrefix(out, segment.time_index);
  out.Int(segment.max_timestamp).Int(segment.offset_of_max_timestamp);
  out.Int(segment.last_time_entry).Int(segment.first_append_time_ms);
  out.Int(segment.compaction).Int(static_cast<std::uint8_t>(segment.sparse ? 1 : 0));
}

SegmentManifest GetSegment(LeReader& in) {
  SegmentManifest out;
  out.base_offset = in.Int<std::int64_t>();
  out.bytes = in.Int<std::uint32_t>();
  out.sums = GetPrefix(in);
  out.index = GetPrefix(in);
  out.time_index = GetPrefix(in);
  out.max_timestamp = in.Int<std::int64_t>();
  out.offset_of_max_timestamp = in.Int<std::int64_t>();
  out.last_time_entry = in.Int<std::int64_t>();
  out.first_append_time_ms = in.Int<std::int64_t>();
  out.compaction = in.Int<std::uint32_t>();
  out.sparse = in.Int<std::uint8_t>() != 0;
  return out;
}

Status GetLists(LeReader& in, Manifest& out) {
  const auto epochs = in.Int<std::uint32_t>();
  if (epochs > in.left() / kEpochBytes) return Corrupt("more epochs than bytes");
  for (std::uint32_t i = 0; i < epochs; ++i) {
    const auto epoch = in.Int<std::int32_t>();
    out.epochs.push_back({epoch, in.Int<std::int64_t>()});
    if (i > 0 && (out.epochs[i].epoch <= out.epochs[i - 1].epoch ||
                  out.epochs[i].start_offset <= out.epochs[i - 1].start_offset)) {
      return Corrupt("epochs are not ascending");
    }
  }
  const auto segments = in.Int<std::uint32_t>();
  if (segments > in.left() / kSegmentBytes) return Corrupt("more segments than bytes");
  for (std::uint32_t i = 0; i < segments; ++i) {
    out.segments.push_back(GetSegment(in));
    if (i > 0 && out.segments[i].base_offset <= out.segments[i - 1].base_offset) {
      return Corrupt("segments are not ascending");
    }
  }
  return {};
}

// Every offset in [log start, end) lies in a segment, but for what compaction emptied.
Status CheckOffsets(const Manifest& manifest) {
  const auto start = manifest.log_start_offset;
  const auto end = manifest.end_offset;
  if (start < 0 || end < start) return Corrupt("impossible offsets");
  if (manifest.segments.empty())
    return end == start ? Status{} : Corrupt("offsets without a segment");
  if (manifest.segments.front().base_offset > start && manifest.compactions == 0)
    return Corrupt("the first segment is missing");
  if (manifest.segments.back().base_offset >= end) return Corrupt("a segment beyond the end");
  return {};
}

}  // namespace

std::string EncodeManifest(const Manifest& manifest) {
  LeWriter body;
  body.Int(manifest.group.value).Int(manifest.generation.value).Int(manifest.incarnation.value);
  body.Blob(manifest.directory);
  body.Int(manifest.applied.value).Int(manifest.applied_term.value).Int(manifest.append_time_ms);
  body.Int(manifest.log_start_offset).Int(manifest.end_offset).Int(manifest.removal_horizon);
  body.Int(manifest.cleaned_to).Int(manifest.compactions);
  body.Int(static_cast<std::uint32_t>(manifest.epochs.size()));
  for (const auto& [epoch, start_offset] : manifest.epochs) body.Int(epoch).Int(start_offset);
  body.Int(static_cast<std::uint32_t>(manifest.segments.size()));
  for (const auto& segment : manifest.segments) PutSegment(body, segment);
  body.Blob(manifest.replica).Blob(manifest.producers);
  LeWriter out;
  out.Int(kMagic).Int(crc32c::Value(AsBytes(body.out()))).Raw(AsBytes(body.out()));
  return out.Take();
}

Result<Manifest> DecodeManifest(Bytes bytes) {
  LeReader in(bytes);
  const auto magic = in.Int<std::uint32_t>();
  const auto crc = in.Int<std::uint32_t>();
  if (!in.ok()) return Corrupt("cut off");
  if (magic != kMagic) return Fail(ErrorCode::kUnsupported, "unknown version", "manifest");
  if (crc32c::Value(bytes.subspan(8)) != crc) return Corrupt("checksum does not match");
  Manifest out;
  out.group.value = in.Int<std::uint32_t>();
  out.generation.value = in.Int<std::uint32_t>();
  out.incarnation.value = in.Int<std::uint64_t>();
  out.directory = AsText(in.Blob());
  out.applied.value = in.Int<std::uint64_t>();
  out.applied_term.value = in.Int<std::uint64_t>();
  out.append_time_ms = in.Int<std::int64_t>();
  out.log_start_offset = in.Int<std::int64_t>();
  out.end_offset = in.Int<std::int64_t>();
  out.removal_horizon = in.Int<std::int64_t>();
  out.cleaned_to = in.Int<std::int64_t>();
  out.compactions = in.Int<std::uint32_t>();
  if (auto lists = GetLists(in, out); !lists) return std::unexpected(lists.error());
  out.replica = AsText(in.Blob());
  out.producers = AsText(in.Blob());
  if (!in.ok() || in.left() != 0) return Corrupt("fields do not fit");
  if (auto offsets = CheckOffsets(out); !offsets) return std::unexpected(offsets.error());
  return out;
}

}  // namespace kronika::wal
