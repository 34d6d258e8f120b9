// The model of a .kmsg text: messages, their structs and fields, and in which versions each of them
// exists.
//
// One thread (a host tool). The parser makes it, the emitters read it; proto/kafka/README.md is the
// language.
//
// 1. Structs stand before the structs that use them.
// 2. Every version range lies inside its message's served range once Parse() has returned.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kronika::kmsgc {

// Versions first..last, both included; kOpen as `last` means "and all later ones".
struct Versions {
  static constexpr int kOpen = 32767;
  int first = 0;
  int last = kOpen;

  bool Empty() const { return first > last; }
  bool Contains(int version) const { return first <= version && version <= last; }
  bool Covers(const Versions& other) const { return first <= other.first && other.last <= last; }
  Versions Within(const Versions& other) const {
    return {first > other.first ? first : other.first, last < other.last ? last : other.last};
  }
};

enum class Base {
  kBool,
  kI8,
  kI16,
  kU16,
  kI32,
  kU32,
  kI64,
  kF64,
  kUuid,
  kString,
  kBytes,
  kRecords,
  kError,
  kStruct,
};

// Where a field of an error response takes its value from; see "Error responses" in the README.
struct Echo {
  std::string source;         // the request's field, in the element at hand
  std::string element_field;  // for an array of scalars: the field that takes the element
};

struct Field {
  std::string name;
  std::string comment;
  int line = 0;
  Base base = Base::kI32;
  std::string struct_name;  // of kStruct
  bool array = false;
  Versions versions;
  std::optional<Versions> nullable;  // absent: never null
  std::optional<int> tag;
  std::optional<std::string> default_value;  // as in the text; "null" for null
  bool fixed = false;                        // keeps its old length form in flexible versions
  bool sensitive = false;                    // masked in dumps
  bool top_error = false;
  bool part_error = false;
  bool error_text = false;
  std::optional<std::string> failed_value;  // in an error response
  std::vector<Echo> echoes;
};

struct Struct {
  std::string name;  // empty: the message itself
  std::string comment;
  std::vector<Field> fields;
};

enum class Side { kRequest, kResponse, kPlain };

struct Message {
  std::string name;  // for example FetchRequest
  Side side = Side::kPlain;
  std::vector<Struct> structs;
  Struct root;
  // Requests and plain messages are views into the bytes that they were read from; responses own
  // their texts.
  bool views() const { return side != Side::kResponse; }
  const Struct* Find(const std::string& struct_name) const {
    for (const Struct& candidate : structs) {
      if (candidate.name == struct_name) return &candidate;
    }
    return nullptr;
  }
};

// One .kmsg file.
struct Schema {
  std::string file;                // its name without folder and ending
  std::string comment;             // the lines above the first statement
  std::string name;                // Fetch
  std::optional<int> key;          // absent: plain messages that belong to no API
  std::optional<int> record_type;  // of a key or value in an internal topic
  Versions serve;
  std::optional<Versions> advertise;
  std::optional<int> flexible_first;
  std::optional<int> trailing_first;   // requests from here on may have bytes behind them
  std::optional<int> response_header;  // a fixed version of the response header
  std::vector<Message> messages;       // request and response, or the one plain message

  const Message* Find(Side side) const {
    for (const Message& message : messages) {
      if (message.side == side) return &message;
    }
    return nullptr;
  }
};

}  // namespace kronika::kmsgc
