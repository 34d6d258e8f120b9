// How the model is spelled in C++; see cpp.h.
#include "cmd/kmsgc/cpp.h"

#include <sstream>

namespace kronika::kmsgc {

Code& Code::Line(const std::string& text) {
  if (text.starts_with('}')) --indent_;
  if (!text.empty()) {
    const int shift = text == "public:" || text == "private:" ? -1 : 2 * indent_;
    text_.append(static_cast<std::size_t>(shift < 0 ? 1 : shift), ' ');
  }
  text_ += text + "\n";
  if (text.ends_with('{')) ++indent_;
  return *this;
}

Code& Code::Comment(const std::string& comment) {
  std::istringstream lines(comment);
  for (std::string line; std::getline(lines, line);) Line("// " + line);
  return *this;
}

std::string Camel(std::string_view snake) {
  std::string out;
  bool upper = true;
  for (const char c : snake) {
    if (c == '_') {
      upper = true;
    } else {
      out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return out;
}

std::string Constant(std::string_view upper) {
  std::string lower;
  for (const char c : upper) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return "k" + Camel(lower);
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

std::string StructName(const Message& message, const std::string& struct_name) {
  return message.name + struct_name;
}

std::string IntType(Base base) {
  switch (base) {
    case Base::kI8:
      return "std::int8_t";
    case Base::kI16:
      return "std::int16_t";
    case Base::kU16:
      return "std::uint16_t";
    case Base::kI32:
      return "std::int32_t";
    case Base::kU32:
      return "std::uint32_t";
    case Base::kI64:
      return "std::int64_t";
    case Base::kBool:
    case Base::kF64:
    case Base::kUuid:
    case Base::kString:
    case Base::kBytes:
    case Base::kRecords:
    case Base::kError:
    case Base::kStruct:
      return "";
  }
  return "";
}

std::string ElementType(const Message& message, const Field& field) {
  switch (field.base) {
    case Base::kBool:
      return "bool";
    case Base::kF64:
      return "double";
    case Base::kUuid:
      return "Uuid";
    case Base::kString:
      return message.views() ? "std::string_view" : "std::string";
    case Base::kBytes:
      return "Slice";
    case Base::kRecords:
      return message.views() ? "Slice" : "Slices";
    case Base::kError:
      return "KafkaError";
    case Base::kStruct:
      return StructName(message, field.struct_name);
    case Base::kI8:
    case Base::kI16:
    case Base::kU16:
    case Base::kI32:
    case Base::kU32:
    case Base::kI64:
      return IntType(field.base);
  }
  return "";
}

std::string FieldType(const Message& message, const Field& field) {
  std::string type = ElementType(message, field);
  if (field.array) type = Cat("std::vector<", type, ">");
  if (field.nullable) type = Cat("std::optional<", type, ">");
  return type;
}

std::string DefaultExpression(const Field& field) {
  if (field.default_value && field.base != Base::kString) return *field.default_value;
  switch (field.base) {
    case Base::kBool:
      return "false";
    case Base::kUuid:
      return "Uuid{}";
    case Base::kString:
      return Quoted(field.default_value.value_or(""));
    case Base::kError:
      return "KafkaError::kNone";
    case Base::kI8:
    case Base::kI16:
    case Base::kU16:
    case Base::kI32:
    case Base::kU32:
    case Base::kI64:
    case Base::kF64:
    case Base::kBytes:
    case Base::kRecords:
    case Base::kStruct:
      return "0";
  }
  return "0";
}

std::string Initializer(const Message& message, const Field& field) {
  if (field.nullable) {
    if (field.default_value == "null" || field.base == Base::kRecords) return " = std::nullopt";
    Field plain = field;
    plain.nullable.reset();
    return Cat(" = ", FieldType(message, plain), "{}");
  }
  if (field.array || field.base == Base::kBytes || field.base == Base::kStruct) return " = {}";
  if (field.base == Base::kUuid) return " = {}";
  if (field.base == Base::kString && !field.default_value) return " = {}";
  return " = " + DefaultExpression(field);
}

std::string InVersions(const Versions& range, const Versions& serve) {
  if (range.Covers(serve)) return "true";
  if (range.first == range.last) return Cat("version == ", std::to_string(range.first));
  std::string out;
  if (range.first > serve.first) out = Cat("version >= ", std::to_string(range.first));
  if (range.last < serve.last) {
    out += Cat(out.empty() ? "" : " && ", "version <= ", std::to_string(range.last));
  }
  return out;
}

std::string FlexibleOf(const Field& field) {
  return field.fixed ? "false" : "flexible";
}

std::string ShapeOf(const Field& field, const Schema& schema) {
  const std::string nullable = field.nullable ? InVersions(*field.nullable, schema.serve) : "false";
  return Cat("Shape{", FlexibleOf(field), ", ", nullable, "}");
}

std::string FlexibleLine(const Schema& schema) {
  const std::string value =
      schema.flexible_first ? InVersions({*schema.flexible_first}, schema.serve) : "false";
  return Cat("[[maybe_unused]] const bool flexible = ", value, ";");
}

bool HasTags(const Struct& fields) {
  for (const Field& field : fields.fields) {
    if (field.tag) return true;
  }
  return false;
}

std::string Banner(const Schema& schema, std::string_view what) {
  return Cat("// ", what, " Generated by kmsgc from proto/kafka/", schema.file, ".kmsg.\n");
}

}  // namespace kronika::kmsgc
