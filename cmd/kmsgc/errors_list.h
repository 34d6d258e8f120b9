// The parser of proto/kafka/errors.list: one Kafka error code a line.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace kronika::kmsgc {

struct ErrorEntry {
  int code = 0;
  std::string name;  // NOT_LEADER_OR_FOLLOWER
  bool retriable = false;
  std::string text;
};

// The entries in the order of the file, or a sentence "file:line: what is wrong".
std::variant<std::vector<ErrorEntry>, std::string> ParseErrors(const std::string& path,
                                                               const std::string& text);

}  // namespace kronika::kmsgc
