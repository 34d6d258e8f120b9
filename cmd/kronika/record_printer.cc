// Printing records; see record_printer.h.
#include "cmd/kronika/record_printer.h"

#include <cstdio>

namespace kronika::cmd {
namespace {

void AddText(kafka::JsonText& json, std::string_view key, const std::optional<Bytes>& text) {
  json.Key(key);
  if (text) return json.Value(AsText(*text));
  json.Null();
}

void PrintJson(std::int32_t partition, const wal::RecordView& record) {
  kafka::JsonText json;
  json.BeginObject();
  json.Key("partition");
  json.Value(partition);
  json.Key("offset");
  json.Value(record.offset);
  json.Key("timestamp");
  json.Value(record.timestamp);
  AddText(json, "key", record.key);
  AddText(json, "value", record.value);
  json.Key("headers");
  json.BeginArray();
  for (const auto& header : wal::ParseHeaders(record)) {
    json.BeginObject();
    json.Key("key");
    json.Value(header.key);
    AddText(json, "value", header.value);
    json.EndObject();
  }
  json.EndArray();
  json.EndObject();
  PrintLine(json.Take());
}

}  // namespace

void RecordPrinter::Print(std::int32_t partition, const wal::RecordView& record) const {
  if (format == Format::kJson) return PrintJson(partition, record);
  std::string line;
  if (!key_separator.empty()) {
    if (record.key) line += AsText(*record.key);
    line += key_separator;
  }
  if (record.value) line += AsText(*record.value);
  PrintLine(line);
}

bool RecordPrinter::OutputIsGone() {
  std::fflush(stdout);
  return std::ferror(stdout) != 0;
}

}  // namespace kronika::cmd
