// Which bytes are UTF-8; see utf8.h.
#include "broker/api/utf8.h"

#include <cstddef>

#include "base/planted.h"

namespace kronika::broker {
namespace {

unsigned At(std::string_view text, std::size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

// The bytes of the character that `text` begins with; 0: it begins with none.
std::size_t CharacterBytes(std::string_view text) {
  const unsigned lead = At(text, 0), second = At(text, 1);
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  for (std::size_t i = 1; i < size; ++i) {
    if ((At(text, i) & 0xC0) != 0x80) return 0;
  }
  const bool too_long = (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool surrogate = lead == 0xED && second >= 0xA0;
  const bool too_large = lead == 0xF4 && second >= 0x90;
  return too_long || surrogate || too_large ? 0 : size;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  if (KRONIKA_PLANTED("text-unchecked")) return true;
  while (!text.empty()) {
    const std::size_t size = CharacterBytes(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string ToUtf8(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = CharacterBytes(text);
    if (size == 0) {
      out += '?';
      text.remove_prefix(1);
      continue;
    }
    out += text.substr(0, size);
    text.remove_prefix(size);
  }
  return out;
}

}  // namespace kronika::broker
