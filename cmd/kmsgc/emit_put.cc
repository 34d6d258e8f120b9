// Emits the function that writes one struct (or counts its size), and the comparison with the
// default that decides whether a tagged field is written at all.
#include <algorithm>

#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

std::string WriteElement(const Message& message, const Field& field, const std::string& writer,
                         const std::string& value) {
  switch (field.base) {
    case Base::kBool:
      return Cat(writer, ".Bool(", value, ");");
    case Base::kF64:
      return Cat(writer, ".Float64(", value, ");");
    case Base::kUuid:
      return Cat(writer, ".Id(", value, ");");
    case Base::kString:
      return Cat(writer, ".Text(", value, ", ", FlexibleOf(field), ");");
    case Base::kBytes:
      return Cat(writer, ".Blob(", value, ", ", FlexibleOf(field), ");");
    case Base::kError:
      return Cat(writer, ".Int(static_cast<std::int16_t>(", value, "));");
    case Base::kStruct:
      return Cat("Put(", writer, ", ", value, ", version);");
    case Base::kI8:
    case Base::kI16:
    case Base::kU16:
    case Base::kI32:
    case Base::kU32:
    case Base::kI64:
      return Cat(writer, ".Int(", value, ");");
    case Base::kRecords:
      return "";
  }
  static_cast<void>(message);
  return "";
}

void EmitWrite(Code& out, const Schema& schema, const Message& message, const Field& field,
               const std::string& writer) {
  const std::string value = "value." + field.name;
  const std::string shape = ShapeOf(field, schema);
  if (field.array) {
    out.Line(Cat(writer, ".Array(", value, ", ", shape, ", [&](auto& to, const ",
                 ElementType(message, field), "& element) { ",
                 WriteElement(message, field, "to", "element"), " });"));
  } else if (field.base == Base::kRecords) {
    out.Line(Cat(writer, ".Records(", value, ", ", shape, ");"));
  } else if (field.nullable && field.base == Base::kBytes) {
    out.Line(Cat(writer, ".NullableBlob(", value, ", ", shape, ");"));
  } else if (field.nullable && field.base == Base::kString) {
    out.Line(Cat(writer, ".NullableText(", value, ", ", shape, ");"));
  } else if (field.nullable) {
    out.Line(Cat(writer, ".Present(", value, ".has_value());"));
    out.Line(Cat("if (", value, ") Put(", writer, ", *", value, ", version);"));
  } else {
    out.Line(WriteElement(message, field, writer, value));
  }
}

// Whether the field has the value that it has when nobody sets it.
std::string IsDefaultExpression(const Field& field) {
  const std::string value = "value." + field.name;
  if (field.nullable) {
    if (field.default_value == "null" || field.base == Base::kRecords) return Cat("!", value);
    if (field.base == Base::kStruct && !field.array) return "false";
    return Cat("(", value, " && ", value, "->empty())");
  }
  if (field.array || field.base == Base::kBytes) return Cat(value, ".empty()");
  if (field.base == Base::kStruct) return Cat("IsDefault(", value, ")");
  return Cat(value, " == ", DefaultExpression(field));
}

void EmitTags(Code& out, const Schema& schema, const Message& message, const Struct& fields) {
  out.Line("if (flexible) {");
  std::string count = "std::uint64_t{0}";
  std::vector<const Field*> tagged;
  for (const Field& field : fields.fields) {
    if (field.tag) tagged.push_back(&field);
  }
  std::ranges::sort(tagged, {}, [](const Field* field) { return *field->tag; });
  for (const Field* field : tagged) {
    const std::string name = "has_" + field->name;
    const std::string present = InVersions(field->versions, schema.serve);
    out.Line(Cat("const bool ", name, " = ", present, " && !(", IsDefaultExpression(*field), ");"));
    count += " + " + name;
  }
  out.Line(Cat("out.UnsignedVarint(", count, ");"));
  for (const Field* field : tagged) {
    out.Line(Cat("if (has_", field->name, ") {"));
    out.Line(Cat("out.Tag(", std::to_string(*field->tag), ", [&](auto& field) {"));
    EmitWrite(out, schema, message, *field, "field");
    out.Line("});").Line("}");
  }
  out.Line("}");
}

}  // namespace

void EmitPut(Code& out, const Schema& schema, const Message& message, const Struct& fields) {
  out.Line("template <class Out>");
  out.Line(Cat("void Put([[maybe_unused]] Out& out, [[maybe_unused]] const ",
               StructName(message, fields.name),
               "& value, [[maybe_unused]] std::int16_t version) {"));
  out.Line(FlexibleLine(schema));
  for (const Field& field : fields.fields) {
    if (field.tag) continue;
    const std::string present = InVersions(field.versions, schema.serve);
    if (present != "true") out.Line(Cat("if (", present, ") {"));
    EmitWrite(out, schema, message, field, "out");
    if (present != "true") out.Line("}");
  }
  if (schema.flexible_first) EmitTags(out, schema, message, fields);
  out.Line("}").Line();
}

void EmitIsDefault(Code& out, const Message& message, const Struct& fields) {
  out.Line(Cat("bool IsDefault(const ", StructName(message, fields.name), "& value) {"));
  std::string all;
  for (const Field& field : fields.fields) {
    all += Cat(all.empty() ? "" : " && ", IsDefaultExpression(field));
  }
  out.Line(Cat("return ", all, ";")).Line("}").Line();
}

}  // namespace kronika::kmsgc
