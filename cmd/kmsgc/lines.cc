// Lines of a schema text; see lines.h.
#include "cmd/kmsgc/lines.h"

#include <sstream>

namespace kronika::kmsgc {
namespace {

std::string Trim(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

void Append(std::string& comment, const std::string& more) {
  if (more.empty()) return;
  if (!comment.empty()) comment += "\n";
  comment += more;
}

}  // namespace

std::vector<Line> SplitLines(const std::string& text) {
  std::vector<Line> out;
  std::string comment;
  std::istringstream in(text);
  int number = 0;
  for (std::string raw; std::getline(in, raw);) {
    ++number;
    const auto hash = raw.find('#');
    const std::string body = raw.substr(0, hash);
    if (hash != std::string::npos) Append(comment, Trim(raw.substr(hash + 1)));
    if (Trim(body).empty()) continue;
    Line line{.number = number, .comment = comment};
    comment.clear();
    const auto spaces = static_cast<int>(body.find_first_not_of(' '));
    line.indent = spaces % 2 == 0 ? spaces / 2 : -1;
    std::istringstream words(body);
    for (std::string word; words >> word;) line.words.push_back(word);
    out.push_back(std::move(line));
  }
  return out;
}

}  // namespace kronika::kmsgc
