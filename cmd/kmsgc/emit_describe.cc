// Emits what the generator understood of a schema, one line a field, for tools that compare it with
// other sources.
#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

std::string Range(const Versions& versions) {
  return Cat(std::to_string(versions.first), "..", std::to_string(versions.last));
}

std::string TypeName(const Field& field) {
  switch (field.base) {
    case Base::kBool:
      return "bool";
    case Base::kI8:
      return "int8";
    case Base::kI16:
    case Base::kError:
      return "int16";
    case Base::kU16:
      return "uint16";
    case Base::kI32:
      return "int32";
    case Base::kU32:
      return "uint32";
    case Base::kI64:
      return "int64";
    case Base::kF64:
      return "float64";
    case Base::kUuid:
      return "uuid";
    case Base::kString:
      return "string";
    case Base::kBytes:
      return "bytes";
    case Base::kRecords:
      return "records";
    case Base::kStruct:
      return "struct";
  }
  return "";
}

void DescribeFields(Code& out, const Message& message, const Struct& fields, int depth) {
  for (const Field& field : fields.fields) {
    std::string line =
        Cat("field ", std::to_string(depth), " ", field.name, " ", field.array ? "[]" : "",
            TypeName(field), " versions=", Range(field.versions));
    if (field.nullable) line += Cat(" nullable=", Range(*field.nullable));
    if (field.tag) line += Cat(" tag=", std::to_string(*field.tag));
    if (field.fixed) line += " fixed";
    if (field.default_value) line += Cat(" default=", *field.default_value);
    out.Line(line);
    if (field.base == Base::kStruct) {
      DescribeFields(out, message, *message.Find(field.struct_name), depth + 1);
    }
  }
}

}  // namespace

std::string EmitDescription(const std::vector<Schema>& schemas) {
  Code out;
  for (const Schema& schema : schemas) {
    for (const Message& message : schema.messages) {
      std::string line =
          Cat("message ", message.name, " key=", std::to_string(schema.key.value_or(-1)),
              " serve=", Range(schema.serve));
      if (schema.flexible_first) line += Cat(" flexible=", std::to_string(*schema.flexible_first));
      if (schema.record_type) line += Cat(" record=", std::to_string(*schema.record_type));
      out.Line(line);
      DescribeFields(out, message, message.root, 0);
    }
  }
  return out.text();
}

}  // namespace kronika::kmsgc
