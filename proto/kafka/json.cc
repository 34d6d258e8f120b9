// JsonText; see json.h.
#include "proto/kafka/json.h"

namespace kronika::kafka {
namespace {

void AppendEscaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
}

}  // namespace

void JsonText::Comma() {
  if (!first_) out_ += ',';
  first_ = false;
}

void JsonText::Open(char bracket) {
  Comma();
  out_ += bracket;
  first_ = true;
}

void JsonText::Close(char bracket) {
  out_ += bracket;
  first_ = false;
}

void JsonText::Plain(std::string_view text) {
  Comma();
  out_ += text;
}

void JsonText::Key(std::string_view name) {
  Comma();
  out_ += '"';
  out_ += name;
  out_ += "\":";
  first_ = true;
}

void JsonText::Value(std::string_view text) {
  Comma();
  out_ += '"';
  AppendEscaped(out_, text);
  out_ += '"';
}

void JsonText::Value(KafkaError error) {
  const auto code = static_cast<std::int16_t>(error);
  if (IsKnown(code)) return Value(Name(error));
  Plain(std::to_string(code));
}

void JsonText::Count(std::size_t bytes) {
  Plain("\"(" + std::to_string(bytes) + " bytes)\"");
}

}  // namespace kronika::kafka
