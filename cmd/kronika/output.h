// What a command prints: a table for people or JSON for programs, from the same rows.
//
// Main thread. JSON numbers are written as they stand in the row, so a row's cell of such a column
// is a number or empty (null).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/kafka/json.h"

namespace kronika::cmd {

enum class Format { kTable, kJson };
Result<Format> ParseFormat(std::string_view text);

enum class CellKind { kText, kNumber, kNumbers };  // kNumbers: "1,2,3", in JSON an array

struct Column {
  std::string_view title;  // "LEADER"
  std::string_view key;    // "leader"
  CellKind kind = CellKind::kText;
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as there are columns.
  void Add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  bool empty() const { return rows_.empty(); }
  // Aligned, one line a row, titles first.
  std::string ToText() const;
  // An array of objects.
  void ToJson(kafka::JsonText& json) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "1,2,3".
std::string JoinNumbers(const std::vector<std::int32_t>& numbers);
// `table` on the standard output in `format`.
void Print(Format format, const Table& table);
// `text` and a line end on the standard output.
void PrintLine(std::string_view text);

}  // namespace kronika::cmd
