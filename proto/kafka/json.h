// JsonText: the small JSON writer behind ToJson(); for people and logs, so bytes are shown as their
// count.
//
// Any thread; one writer belongs to one. Keys and values alternate inside objects; the caller keeps
// the nesting right.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/buffer.h"
#include "base/ids.h"
#include "proto/kafka/errors.h"

namespace kronika::kafka {

class JsonText {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { Close('}'); }
  void BeginArray() { Open('['); }
  void EndArray() { Close(']'); }
  void Key(std::string_view name);
  void Null() { Plain("null"); }
  void Masked() { Plain("\"(masked)\""); }

  void Value(bool value) { Plain(value ? "true" : "false"); }
  void Value(double value) { Plain(std::to_string(value)); }
  template <std::integral T>
  void Value(T value) {
    Plain(std::to_string(value));
  }
  void Value(std::string_view text);
  void Value(const std::string& text) { Value(std::string_view(text)); }
  void Value(const Uuid& id) { Value(std::string_view(id.ToString())); }
  void Value(KafkaError error);
  void Value(const Slice& bytes) { Count(bytes.size()); }
  void Value(const Slices& bytes) { Count(TotalSize(bytes)); }

  std::string Take() { return std::move(out_); }

 private:
  void Open(char bracket);
  void Close(char bracket);
  void Comma();
  void Plain(std::string_view text);
  void Count(std::size_t bytes);

  std::string out_;
  bool first_ = true;
};

}  // namespace kronika::kafka
