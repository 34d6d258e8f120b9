// The parser of proto/kafka/errors.list; see errors_list.h.
#include "cmd/kmsgc/errors_list.h"

#include <charconv>

#include "cmd/kmsgc/lines.h"

namespace kronika::kmsgc {

std::variant<std::vector<ErrorEntry>, std::string> ParseErrors(const std::string& path,
                                                               const std::string& text) {
  std::vector<ErrorEntry> out;
  for (const Line& line : SplitLines(text)) {
    const auto& words = line.words;
    ErrorEntry entry;
    const bool shaped = words.size() >= 4 && (words[2] == "retriable" || words[2] == "final");
    if (!shaped ||
        std::from_chars(words[0].data(), words[0].data() + words[0].size(), entry.code).ec !=
            std::errc{}) {
      return path + ":" + std::to_string(line.number) +
             ": expected 'code NAME retriable|final text'";
    }
    if (!out.empty() && entry.code <= out.back().code) {
      return path + ":" + std::to_string(line.number) + ": codes do not rise";
    }
    entry.name = words[1];
    entry.retriable = words[2] == "retriable";
    for (std::size_t i = 3; i < words.size(); ++i) entry.text += (i > 3 ? " " : "") + words[i];
    out.push_back(entry);
  }
  return out;
}

}  // namespace kronika::kmsgc
