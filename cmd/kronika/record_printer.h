// RecordPrinter: records on the standard output, one line each: the value, with its key before it,
// or JSON.
//
// Main thread.
#pragma once

#include <cstdint>
#include <string>

#include "cmd/kronika/output.h"
#include "wal/record_reader.h"

namespace kronika::cmd {

struct RecordPrinter {
  Format format = Format::kTable;
  std::string key_separator = {};  // empty: keys are not printed

  void Print(std::int32_t partition, const wal::RecordView& record) const;
  // Nobody reads any more.
  static bool OutputIsGone();
};

}  // namespace kronika::cmd
