// Tables and JSON; see output.h.
#include "cmd/kronika/output.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/check.h"

namespace kronika::cmd {
namespace {

void AddCell(kafka::JsonText& json, CellKind kind, const std::string& cell) {
  if (kind == CellKind::kText) return json.Value(cell);
  if (kind == CellKind::kNumber) {
    if (cell.empty()) return json.Null();
    return json.Value(std::strtoll(cell.c_str(), nullptr, 10));
  }
  json.BeginArray();
  const char* at = cell.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    json.Value(std::strtoll(at, &end, 10));
    if (end == at) break;
    at = *end == ',' ? end + 1 : end;
  }
  json.EndArray();
}

}  // namespace

Result<Format> ParseFormat(std::string_view text) {
  if (text == "table") return Format::kTable;
  if (text == "json") return Format::kJson;
  return Fail(ErrorCode::kInvalidArgument,
              "'" + std::string(text) + "' is no format; there are table and json", "--format");
}

std::string Table::ToText() const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = columns_[i].title.size();
    for (const auto& row : rows_) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  std::string out;
  auto add = [&](std::size_t column, std::string_view cell) {
    out += cell;
    const bool last = column + 1 == columns_.size();
    out += last ? "\n" : std::string(widths[column] - cell.size() + 2, ' ');
  };
  for (std::size_t i = 0; i < columns_.size(); ++i) add(i, columns_[i].title);
  for (const auto& row : rows_) {
    KRONIKA_CHECK(row.size() == columns_.size(), "a cell for each column");
    for (std::size_t i = 0; i < row.size(); ++i) add(i, row[i].empty() ? "-" : row[i]);
  }
  return out;
}

void Table::ToJson(kafka::JsonText& json) const {
  json.BeginArray();
  for (const auto& row : rows_) {
    json.BeginObject();
    for (std::size_t i = 0; i < row.size(); ++i) {
      json.Key(columns_[i].key);
      AddCell(json, columns_[i].kind, row[i]);
    }
    json.EndObject();
  }
  json.EndArray();
}

std::string JoinNumbers(const std::vector<std::int32_t>& numbers) {
  std::string out;
  for (const auto number : numbers) out += (out.empty() ? "" : ",") + std::to_string(number);
  return out;
}

void Print(Format format, const Table& table) {
  if (format == Format::kTable) {
    std::fputs(table.ToText().c_str(), stdout);
    return;
  }
  kafka::JsonText json;
  table.ToJson(json);
  PrintLine(json.Take());
}

void PrintLine(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
}

}  // namespace kronika::cmd
