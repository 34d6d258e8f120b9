// How the model is spelled in C++: names, types, conditions; and the builder that all emitters
// write into.
#pragma once

#include <string>
#include <string_view>

#include "cmd/kmsgc/schema.h"

namespace kronika::kmsgc {

// Generated text, line by line. Lines that end with '{' indent what follows, lines that start with
// '}' end that.
class Code {
 public:
  Code& Line(const std::string& text = "");
  // Lines of a schema comment as C++ comments.
  Code& Comment(const std::string& comment);
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  int indent_ = 0;
};

// Joins pieces; the emitters' only formatting.
template <class... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string out;
  ((out += pieces), ...);
  return out;
}

std::string Camel(std::string_view snake);     // current_leader -> CurrentLeader
std::string Constant(std::string_view upper);  // NOT_LEADER -> kNotLeader
std::string Quoted(std::string_view text);     // a C++ string literal

// The C++ name of a struct of `message`; the root's is the message's name.
std::string StructName(const Message& message, const std::string& struct_name);
// The type of one element, and of the whole field.
std::string ElementType(const Message& message, const Field& field);
std::string FieldType(const Message& message, const Field& field);
// " = ..." or nothing.
std::string Initializer(const Message& message, const Field& field);
// The default as an expression to compare with, for scalars and texts.
std::string DefaultExpression(const Field& field);

// Whether `version` is in `range`, as an expression; "true" when every served version is.
std::string InVersions(const Versions& range, const Versions& serve);
// "{flexible, nullable}" as the reader and the outputs want it.
std::string ShapeOf(const Field& field, const Schema& schema);
// The name of the flag that selects compact lengths for this field.
std::string FlexibleOf(const Field& field);
// The line that declares `flexible`.
std::string FlexibleLine(const Schema& schema);
bool HasTags(const Struct& fields);

std::string IntType(Base base);  // of integers; empty for other types
// The comment that every generated file starts with.
std::string Banner(const Schema& schema, std::string_view what);

}  // namespace kronika::kmsgc
