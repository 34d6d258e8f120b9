// What a parsed schema must obey beyond its grammar.
#pragma once

#include <string>

#include "cmd/kmsgc/schema.h"

namespace kronika::kmsgc {

// Empty, or a sentence "file:line: what is wrong".
std::string Validate(const std::string& path, const Schema& schema);

}  // namespace kronika::kmsgc
