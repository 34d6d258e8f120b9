// Lines of a schema text: words, depth of indentation, and the comment that belongs to each.
#pragma once

#include <string>
#include <vector>

namespace kronika::kmsgc {

struct Line {
  int number = 0;
  int indent = 0;  // in steps of two spaces; -1 when it is not such a step
  std::vector<std::string> words;
  std::string comment;  // the comment lines above it and the one behind it
};

// Empty and pure comment lines are folded into the line after them. A comment starts with '#'.
std::vector<Line> SplitLines(const std::string& text);

}  // namespace kronika::kmsgc
