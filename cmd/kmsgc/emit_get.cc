// Emits the function that reads one struct.
#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

// The statement that reads one value that is neither an array nor a nullable struct.
std::string ReadElement(const Message& message, const Field& field, const std::string& reader,
                        const std::string& target) {
  switch (field.base) {
    case Base::kBool:
      return Cat(target, " = ", reader, ".Bool();");
    case Base::kF64:
      return Cat(target, " = ", reader, ".Float64();");
    case Base::kUuid:
      return Cat(target, " = ", reader, ".Id();");
    case Base::kString:
      return Cat(target, " = ", reader, ".Text(", FlexibleOf(field), ");");
    case Base::kBytes:
      return Cat(target, " = ", reader, ".Blob(", FlexibleOf(field), ");");
    case Base::kError:
      return Cat(target, " = KafkaError{", reader, ".Int<std::int16_t>()};");
    case Base::kStruct:
      return Cat("Get(", reader, ", ", target, ", version);");
    case Base::kI8:
    case Base::kI16:
    case Base::kU16:
    case Base::kI32:
    case Base::kU32:
    case Base::kI64:
      return Cat(target, " = ", reader, ".Int<", ElementType(message, field), ">();");
    case Base::kRecords:
      return "";
  }
  return "";
}

void EmitRead(Code& out, const Schema& schema, const Message& message, const Field& field) {
  const std::string target = "out." + field.name;
  const std::string shape = ShapeOf(field, schema);
  if (field.array) {
    const std::string type = ElementType(message, field);
    out.Line(Cat("in.Array(", target, ", ", shape, ", [&](Reader& from, ",
                 type == "bool" ? "auto&&" : type + "&", " element) { ",
                 ReadElement(message, field, "from", "element"), " });"));
  } else if (field.base == Base::kRecords && !message.views()) {
    out.Line(Cat(target, ".reset();"));
    out.Line(Cat("if (auto records = in.NullableBlob(", shape, ")) ", target,
                 ".emplace({*std::move(records)});"));
  } else if (field.base == Base::kRecords || (field.nullable && field.base == Base::kBytes)) {
    out.Line(Cat(target, " = in.NullableBlob(", shape, ");"));
  } else if (field.nullable && field.base == Base::kString) {
    out.Line(Cat(target, " = in.NullableText(", shape, ");"));
  } else if (field.nullable) {
    out.Line(Cat(target, ".reset();"));
    out.Line(Cat("if (in.Present()) Get(in, ", target, ".emplace(), version);"));
  } else {
    out.Line(ReadElement(message, field, "in", target));
  }
}

void EmitTags(Code& out, const Schema& schema, const Message& message, const Struct& fields) {
  out.Line("if (flexible) {");
  out.Line("in.Tags([&](std::uint32_t tag) {");
  for (const Field& field : fields.fields) {
    if (!field.tag) continue;
    const std::string present = InVersions(field.versions, schema.serve);
    out.Line(Cat("if (tag == ", std::to_string(*field.tag), " && ", present, ") {"));
    EmitRead(out, schema, message, field);
    out.Line("return true;").Line("}");
  }
  if (!HasTags(fields)) out.Line("static_cast<void>(tag);");
  out.Line("return false;").Line("});").Line("}");
}

}  // namespace

void EmitGet(Code& out, const Schema& schema, const Message& message, const Struct& fields) {
  out.Line(Cat("void Get(Reader& in, ", StructName(message, fields.name),
               "& out, [[maybe_unused]] std::int16_t version) {"));
  out.Line(FlexibleLine(schema));
  if (fields.fields.empty()) out.Line("static_cast<void>(out);");
  for (const Field& field : fields.fields) {
    if (field.tag) continue;
    const std::string present = InVersions(field.versions, schema.serve);
    if (present == "true") {
      EmitRead(out, schema, message, field);
    } else {
      out.Line(Cat("if (", present, ") {"));
      EmitRead(out, schema, message, field);
      out.Line("}");
    }
  }
  if (schema.flexible_first) EmitTags(out, schema, message, fields);
  out.Line("}").Line();
}

}  // namespace kronika::kmsgc
