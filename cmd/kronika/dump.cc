// `kronika dump`: prints what lies in a data directory, for people and programs. It only reads, and
// needs no broker.
//
// Main thread. Exit code 1 when something is damaged. A file of a running broker may end in a batch
// that is still being written: it is told as an incomplete end, not as damage.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include "cmd/kronika/client_arguments.h"
#include "wal/journal/describe.h"
#include "wal/journal/journal_files.h"
#include "wal/log/names.h"
#include "wal/record_reader.h"

namespace kronika::cmd {
namespace {

namespace fs = std::filesystem;

Result<Slice> ReadWhole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return Fail(ErrorCode::kNotFound, "the file cannot be opened", path.string());
  const std::streamoff size = file.tellg();
  if (size < 0) return Fail(ErrorCode::kIo, "the file has no size", path.string());
  Slice content = Slice::Allocate(static_cast<std::size_t>(size));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(content.mutable_bytes().data()), size);
  // A file that became shorter meanwhile is of no use either.
  if (!file) return Fail(ErrorCode::kIo, "the file cannot be read", path.string());
  return content;
}

// The files of `folder` by name. kNotFound.
Result<std::vector<fs::path>> FilesOf(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> out;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file(error)) out.push_back(at->path());
  }
  if (error) return Fail(ErrorCode::kNotFound, error.message(), folder.string());
  std::ranges::sort(out);
  return out;
}

struct LogDump {
  Format format = Format::kTable;
  bool records = false;
};

std::vector<std::pair<std::string_view, std::string>> FieldsOf(const wal::BatchHeader& header) {
  return {{"base_offset", std::to_string(header.base_offset)},
          {"last_offset", std::to_string(header.last_offset())},
          {"records", std::to_string(header.record_count)},
          {"bytes", std::to_string(header.total_bytes)},
          {"leader_epoch", std::to_string(header.leader_epoch)},
          {"base_timestamp", std::to_string(header.base_timestamp)},
          {"max_timestamp", std::to_string(header.max_timestamp)},
          {"producer_id", std::to_string(header.producer_id)},
          {"producer_epoch", std::to_string(header.producer_epoch)},
          {"base_sequence", std::to_string(header.base_sequence)}};
}

void PrintBatch(const wal::BatchHeader& header, std::size_t position, Format format) {
  const std::string codec(header.has_known_codec() ? wal::Name(header.codec()) : "unknown");
  if (format == Format::kTable) {
    std::string line = fmt::format("position {}", position);
    for (const auto& [name, value] : FieldsOf(header)) line += fmt::format(" {} {}", name, value);
    line += fmt::format(" codec {} crc {:08x}", codec, header.crc);
    if (header.transactional()) line += " transactional";
    if (header.control()) line += " control";
    return PrintLine(line);
  }
  std::string line = fmt::format("{{\"position\":{}", position);
  for (const auto& [name, value] : FieldsOf(header)) line += fmt::format(",\"{}\":{}", name, value);
  PrintLine(line + fmt::format(R"(,"codec":"{}","crc":"{:08x}","transactional":{},"control":{}}})",
                               codec, header.crc, header.transactional(), header.control()));
}

void PrintRecord(const wal::RecordView& record, Format format) {
  kafka::JsonText json;
  auto text = [&json](std::string_view name, const std::optional<Bytes>& value) {
    json.Key(name);
    if (value) return json.Value(AsText(*value));
    json.Null();
  };
  json.BeginObject();
  json.Key("offset");
  json.Value(record.offset);
  json.Key("timestamp");
  json.Value(record.timestamp);
  text("key", record.key);
  text("value", record.value);
  json.Key("headers");
  json.BeginArray();
  for (const auto& header : wal::ParseHeaders(record)) {
    json.BeginObject();
    json.Key("key");
    json.Value(header.key);
    text("value", header.value);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  PrintLine((format == Format::kTable ? "  " : "") + json.Take());
}

// What is wrong with the records of a batch whose header is right.
Status DumpRecords(Bytes batch, const wal::BatchHeader& header, const LogDump& dump) {
  wal::RecordReader reader(batch, header);
  for (;;) {
    const auto record = reader.Next();
    if (!record) return std::unexpected(record.error());
    if (*record == nullptr) return {};
    if (dump.records) PrintRecord(**record, dump.format);
  }
}

void PrintNote(const LogDump& dump, std::string_view name, std::string_view what) {
  if (dump.format == Format::kTable) return PrintLine(fmt::format("{}: {}", name, what));
  kafka::JsonText json;
  json.BeginObject();
  json.Key("file");
  json.Value(name);
  json.Key("note");
  json.Value(what);
  json.EndObject();
  PrintLine(json.Take());
}

// Whether every batch is right. After a damaged one nothing tells where the next begins.
bool DumpSegment(const std::string& name, const Slice& content, const LogDump& dump) {
  PrintNote(dump, name, fmt::format("{} bytes", content.size()));
  std::size_t position = 0;
  std::int64_t next_offset = -1;
  while (position < content.size()) {
    const Bytes left = content.bytes().subspan(position);
    const auto size = wal::ParseBatchHeader(left);
    const bool cut = size ? size->total_bytes > left.size() : left.size() < wal::kBatchHeaderBytes;
    if (cut) {
      PrintNote(dump, name,
                fmt::format("incomplete end of {} bytes at position {}", left.size(), position));
      return true;
    }
    const auto header = wal::ParseCheckedBatch(left);
    Status status;
    if (!header) {
      status = std::unexpected(header.error());
    } else if (header->base_offset < next_offset) {
      status = Fail(ErrorCode::kCorruption, "its offsets go back");
    } else {
      PrintBatch(*header, position, dump.format);
      status = DumpRecords(left.first(header->total_bytes), *header, dump);
    }
    if (!status) {
      PrintNote(dump, name,
                fmt::format("DAMAGED at position {}: {}", position, status.error().text));
      return false;
    }
    next_offset = header->next_offset();
    position += header->total_bytes;
  }
  return true;
}

int RunDumpLog(const Arguments& arguments) {
  auto format = ParseFormat(arguments.Text("--format"));
  if (!format) return UsageError(format.error());
  const LogDump dump{.format = *format, .records = arguments.Has("--records")};
  const fs::path path = arguments.Text("PATH");
  std::vector<fs::path> files{path};
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    auto found = FilesOf(path);
    if (!found) return OperationError(found.error());
    files = std::move(*found);
    std::erase_if(files, [](const fs::path& each) {
      return each.extension() != ".log" || !wal::ParseSegmentFileName(each.filename().string());
    });
    if (files.empty()) {
      return OperationError(
          {ErrorCode::kNotFound,
           "no segments here; name a partition's folder, like DATA/topics/TOPIC-0", path.string()});
    }
  }
  bool right = true;
  for (const auto& file : files) {
    const auto content = ReadWhole(file);
    if (!content) return OperationError(content.error());
    right = DumpSegment(file.filename().string(), *content, dump) && right;
  }
  return right ? kExitOk : kExitError;
}

int RunDumpJournal(const Arguments& arguments) {
  auto format = ParseFormat(arguments.Text("--format"));
  if (!format) return UsageError(format.error());
  auto files = FilesOf(arguments.Text("DIR"));
  if (!files) return OperationError(files.error());
  std::vector<wal::NamedJournalFile> named;
  for (const auto& file : *files) {
    auto content = ReadWhole(file);
    if (!content) return OperationError(content.error());
    named.push_back({.name = file.filename().string(), .content = std::move(*content)});
  }
  const bool any = std::ranges::any_of(
      named, [](const auto& each) { return wal::ParseJournalFileName(each.name).has_value(); });
  if (!any) {
    return OperationError({ErrorCode::kNotFound,
                           "no journal files here; name the folder, like DATA/journal",
                           arguments.Text("DIR")});
  }
  const wal::DumpOptions options{.format = *format == Format::kJson ? wal::DumpFormat::kJson
                                                                    : wal::DumpFormat::kText};
  const auto verdict = wal::DescribeJournal(named, options, std::cout);
  std::cout.flush();
  return verdict.damages.empty() ? kExitOk : kExitError;
}

constexpr Option kFormat{.name = "--format",
                         .value = "table|json",
                         .help = "table: text, a line each; json: an object a line",
                         .default_value = "table"};

}  // namespace

CommandList DumpCommands() {
  return {{.noun = "dump",
           .verb = "log",
           .help = "Print and check the batches of a segment, or of all in a partition's folder",
           .options = {{.name = "PATH", .help = "A .log file or its folder", .required = true},
                       {.name = "--records", .help = "Their records, too"},
                       kFormat},
           .run = &RunDumpLog},
          {.noun = "dump",
           .verb = "journal",
           .help = "Print and check the group commits of a journal",
           .options = {{.name = "DIR", .help = "The journal's folder", .required = true}, kFormat},
           .run = &RunDumpJournal}};
}

}  // namespace kronika::cmd
