// Emits the function that dumps one struct as JSON text for people.
#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

std::string DumpElement(const Field& field, const std::string& value) {
  if (field.sensitive) return "out.Masked();";
  if (field.base == Base::kStruct) return Cat("Dump(out, ", value, ", version);");
  return Cat("out.Value(", value, ");");
}

void EmitField(Code& out, const Field& field) {
  std::string value = "value." + field.name;
  out.Line(Cat("out.Key(", Quoted(field.name), ");"));
  if (field.nullable) {
    out.Line(Cat("if (!", value, ") {")).Line("out.Null();").Line("} else {");
    value = "*" + value;
  }
  if (field.array) {
    out.Line("out.BeginArray();");
    out.Line(Cat("for (const auto& element : ", value, ") {"));
    out.Line(DumpElement(field, "element")).Line("}");
    out.Line("out.EndArray();");
  } else {
    out.Line(DumpElement(field, value));
  }
  if (field.nullable) out.Line("}");
}

}  // namespace

void EmitDump(Code& out, const Schema& schema, const Message& message, const Struct& fields) {
  out.Line(Cat("void Dump(JsonText& out, [[maybe_unused]] const ", StructName(message, fields.name),
               "& value, [[maybe_unused]] std::int16_t version) {"));
  out.Line("out.BeginObject();");
  for (const Field& field : fields.fields) {
    const std::string present = InVersions(field.versions, schema.serve);
    if (present != "true") out.Line(Cat("if (", present, ") {"));
    EmitField(out, field);
    if (present != "true") out.Line("}");
  }
  out.Line("out.EndObject();").Line("}").Line();
}

}  // namespace kronika::kmsgc
