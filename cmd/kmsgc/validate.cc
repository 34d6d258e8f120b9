// What a parsed schema must obey beyond its grammar; see validate.h.
#include "cmd/kmsgc/validate.h"

#include <set>

namespace kronika::kmsgc {
namespace {

bool IsSnakeCase(const std::string& name) {
  for (const char c : name) {
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
  }
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z';
}

bool CanBeNull(const Field& field) {
  return field.array || field.base == Base::kString || field.base == Base::kBytes ||
         field.base == Base::kRecords || field.base == Base::kStruct;
}

std::string FieldFault(const Schema& schema, const Field& field) {
  if (!IsSnakeCase(field.name)) return "the name is not in snake_case";
  if (field.nullable && !CanBeNull(field)) return "the type cannot be null";
  if (field.nullable && field.nullable->Empty()) return "it is null in no version that has it";
  if (field.base == Base::kRecords && (field.array || !field.nullable))
    return "records are 'records?'";
  if (field.array && field.base == Base::kBytes) return "arrays of bytes are not supported";
  if (field.default_value == "null" && !field.nullable) return "null is not among its values";
  if (field.default_value && field.base == Base::kStruct && *field.default_value != "null") {
    return "a struct has no default but null";
  }
  if (field.tag && (!schema.flexible_first || field.versions.first < *schema.flexible_first)) {
    return "a tag needs flexible versions";
  }
  if ((field.top_error || field.part_error) && (field.base != Base::kError || field.array)) {
    return "only an error field can take the error";
  }
  if (field.error_text && (field.base != Base::kString || field.array)) {
    return "only a string can take the error's text";
  }
  return "";
}

std::string StructFault(const Schema& schema, const Struct& fields, const std::string& path) {
  std::set<std::string> names;
  std::set<int> tags;
  for (const Field& field : fields.fields) {
    std::string fault = FieldFault(schema, field);
    if (!names.insert(field.name).second) fault = "the name is used twice";
    if (field.tag && !tags.insert(*field.tag).second) fault = "the tag is used twice";
    if (!fault.empty()) {
      return path + ":" + std::to_string(field.line) + ": " + field.name + ": " + fault;
    }
  }
  return "";
}

}  // namespace

std::string Validate(const std::string& path, const Schema& schema) {
  if (schema.serve.last == Versions::kOpen)
    return path + ": 'serve' needs a first and a last version";
  if (schema.advertise && schema.advertise->last > schema.serve.last) {
    return path + ": advertises versions that are not served";
  }
  const std::size_t expected = schema.key ? 2 : 1;
  if (schema.messages.size() != expected) return path + ": a section is missing or repeated";
  for (const Message& message : schema.messages) {
    for (const Struct& inner : message.structs) {
      if (const auto fault = StructFault(schema, inner, path); !fault.empty()) return fault;
    }
    if (const auto fault = StructFault(schema, message.root, path); !fault.empty()) return fault;
  }
  return "";
}

}  // namespace kronika::kmsgc
