// The parser of .kmsg texts; proto/kafka/README.md is the language.
#pragma once

#include <string>
#include <variant>

#include "cmd/kmsgc/schema.h"

namespace kronika::kmsgc {

// A schema, or a sentence "file:line: what is wrong".
using ParseResult = std::variant<Schema, std::string>;

// `path` names the file in messages and gives the schema its file name.
ParseResult Parse(const std::string& path, const std::string& text);

}  // namespace kronika::kmsgc
