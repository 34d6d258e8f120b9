// Emits the source of one schema from its parts.
#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

// The structs that some tagged field of the message has as its value, and so are compared with
// their default.
bool IsTaggedStruct(const Message& message, const std::string& struct_name) {
  const auto uses = [&](const Struct& fields) {
    for (const Field& field : fields.fields) {
      if (field.tag && !field.array && !field.nullable && field.base == Base::kStruct &&
          field.struct_name == struct_name) {
        return true;
      }
    }
    return false;
  };
  if (uses(message.root)) return true;
  for (const Struct& inner : message.structs) {
    if (uses(inner)) return true;
  }
  return false;
}

void EmitCalls(Code& out, const Message& message) {
  const std::string& name = message.name;
  out.Line(Cat("void ", name, "::Read(Reader& in, std::int16_t version) {"));
  out.Line("Get(in, *this, version);");
  if (message.views()) out.Line("backing = in.frame();");
  out.Line("}").Line();
  out.Line(Cat("Result<", name, "> ", name, "::Decode(Slice bytes, std::int16_t version) {"));
  out.Line(Cat("return DecodeMessage<", name, ">(std::move(bytes), version);")).Line("}").Line();
  out.Line(Cat("std::size_t ", name, "::EncodedSize(std::int16_t version) const {"));
  out.Line("SizeCounter size;").Line("Put(size, *this, version);");
  out.Line("return size.total();").Line("}").Line();
  out.Line(Cat("Slices ", name, "::Encode(std::int16_t version, Bytes prefix) const {"));
  out.Line("KRONIKA_CHECK(kVersionFirst <= version && version <= kVersionLast, kName);");
  out.Line("SizeCounter size;").Line("Put(size, *this, version);");
  out.Line("Writer out(prefix.size() + size.total() - size.attached());");
  out.Line("out.Raw(prefix);").Line("Put(out, *this, version);");
  out.Line("return out.Finish();").Line("}").Line();
  out.Line(Cat("std::string ", name, "::ToJson(std::int16_t version) const {"));
  out.Line("JsonText out;").Line("Dump(out, *this, version);").Line("return out.Take();");
  out.Line("}").Line();
}

}  // namespace

std::string EmitSource(const Schema& schema) {
  Code out;
  out.Line(Banner(schema, Cat(schema.name, ": codec.")));
  out.Line(Cat("#include \"proto/kafka/", schema.file, ".h\"")).Line();
  out.Line("#include \"base/check.h\"").Line("#include \"proto/kafka/json.h\"");
  out.Line("#include \"proto/kafka/message.h\"").Line("#include \"proto/kafka/wire.h\"").Line();
  Code body;
  for (const Message& message : schema.messages) {
    for (const Struct& inner : message.structs) {
      if (IsTaggedStruct(message, inner.name)) EmitIsDefault(body, message, inner);
      EmitGet(body, schema, message, inner);
      EmitPut(body, schema, message, inner);
      EmitDump(body, schema, message, inner);
    }
    EmitGet(body, schema, message, message.root);
    EmitPut(body, schema, message, message.root);
    EmitDump(body, schema, message, message.root);
  }
  Code calls;
  for (const Message& message : schema.messages) EmitCalls(calls, message);
  if (schema.key)
    EmitErrorResponse(calls, *schema.Find(Side::kRequest), *schema.Find(Side::kResponse));
  return Cat(out.text(), "namespace kronika::kafka {\nnamespace {\n\n", body.text(),
             "}  // namespace\n\n", calls.text(), "}  // namespace kronika::kafka\n");
}

}  // namespace kronika::kmsgc
