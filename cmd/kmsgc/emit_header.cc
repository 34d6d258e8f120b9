// Emits the header of one schema: plain structs and the calls on them.
#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

void EmitFields(Code& out, const Message& message, const Struct& fields) {
  for (const Field& field : fields.fields) {
    out.Comment(field.comment);
    out.Line(Cat(FieldType(message, field), " ", field.name, Initializer(message, field), ";"));
  }
}

void EmitInner(Code& out, const Message& message, const Struct& inner) {
  out.Comment(inner.comment);
  out.Line(Cat("struct ", StructName(message, inner.name), " {"));
  EmitFields(out, message, inner);
  out.Line("};").Line();
}

// The version of the request or response header, as an expression of `version`.
std::string HeaderVersion(const Schema& schema, const Message& message) {
  const int fixed = message.side == Side::kRequest ? 1 : 0;
  if (message.side == Side::kResponse && schema.response_header) {
    return std::to_string(*schema.response_header);
  }
  if (!schema.flexible_first) return std::to_string(fixed);
  const std::string flexible = InVersions({*schema.flexible_first}, schema.serve);
  return Cat(flexible, " ? ", std::to_string(fixed + 1), " : ", std::to_string(fixed));
}

void EmitConstants(Code& out, const Schema& schema, const Message& message) {
  if (schema.key) {
    out.Line(Cat("static constexpr ApiKey kApiKey{", std::to_string(*schema.key), "};"));
  }
  if (schema.record_type) {
    out.Line(Cat(
        "static constexpr std::int16_t kRecordType = ", std::to_string(*schema.record_type), ";"));
  }
  out.Line(Cat("static constexpr std::string_view kName = ", Quoted(message.name), ";"));
  out.Line(Cat("static constexpr std::int16_t kVersionFirst = ", std::to_string(schema.serve.first),
               ";"));
  out.Line(
      Cat("static constexpr std::int16_t kVersionLast = ", std::to_string(schema.serve.last), ";"));
  if (message.side == Side::kRequest && schema.trailing_first) {
    out.Line("// From here on bytes behind the message are no error.");
    out.Line(Cat("static constexpr std::int16_t kTrailingFirst = ",
                 std::to_string(*schema.trailing_first), ";"));
  }
  if (message.side == Side::kPlain) return;
  out.Line("// The version of the header that stands before this message.");
  out.Line("static constexpr std::int16_t HeaderVersion([[maybe_unused]] std::int16_t version) {");
  out.Line(Cat("return ", HeaderVersion(schema, message), ";")).Line("}");
}

void EmitCalls(Code& out, const Message& message) {
  const std::string& name = message.name;
  out.Line(
      "// Reads a whole message; bytes left over are an error unless the schema lets them be, as "
      "is "
      "a version that is not served.");
  out.Line(Cat("static Result<", name, "> Decode(Slice bytes, std::int16_t version);"));
  out.Line("// Reads a message from the front of `in`, whose faults the caller checks.");
  out.Line("void Read(Reader& in, std::int16_t version);");
  out.Line("// `prefix`, then the message; records are attached. The version must be served.");
  out.Line("Slices Encode(std::int16_t version, Bytes prefix = {}) const;");
  out.Line("std::size_t EncodedSize(std::int16_t version) const;");
  out.Line(
      "// For people: one line of JSON, with sensitive values masked and bytes as their count.");
  out.Line("std::string ToJson(std::int16_t version) const;");
}

void EmitMessage(Code& out, const Schema& schema, const Message& message) {
  for (const Struct& inner : message.structs) EmitInner(out, message, inner);
  out.Comment(message.root.comment);
  if (message.views())
    out.Line("// Texts are views into the bytes it was read from, which `backing` keeps alive.");
  out.Line(Cat("struct ", message.name, " {"));
  if (message.side == Side::kRequest) out.Line(Cat("using Response = ", schema.name, "Response;"));
  if (message.side == Side::kResponse) out.Line(Cat("using Request = ", schema.name, "Request;"));
  for (const Struct& inner : message.structs) {
    out.Line(Cat("using ", inner.name, " = ", StructName(message, inner.name), ";"));
  }
  EmitConstants(out, schema, message);
  out.Line();
  EmitFields(out, message, message.root);
  if (message.views()) out.Line("Slice backing = {};");
  out.Line();
  EmitCalls(out, message);
  out.Line("};").Line();
}

}  // namespace

std::string EmitHeader(const Schema& schema) {
  Code out;
  out.Line(Banner(schema, Cat(schema.name, ": Kafka messages as plain structs.")) + "//")
      .Comment(schema.comment);
  out.Line("#pragma once").Line();
  for (const char* name : {"cstdint", "optional", "string", "string_view", "vector"}) {
    out.Line(Cat("#include <", name, ">"));
  }
  out.Line().Line("#include \"base/buffer.h\"").Line("#include \"base/ids.h\"");
  out.Line("#include \"base/result.h\"").Line("#include \"proto/kafka/errors.h\"").Line();
  out.Line("namespace kronika::kafka {\n");
  Code body;
  body.Line("enum class ApiKey : std::int16_t;").Line("class Reader;");
  for (const Message& message : schema.messages) body.Line(Cat("struct ", message.name, ";"));
  body.Line();
  for (const Message& message : schema.messages) EmitMessage(body, schema, message);
  if (schema.key) {
    body.Line("// The response that says `error` for everything that the request names.");
    body.Line(Cat(schema.name, "Response MakeErrorResponse(const ", schema.name,
                  "Request& request, KafkaError error, std::string_view text = {});"));
    body.Line();
  }
  return Cat(out.text(), body.text(), "}  // namespace kronika::kafka\n");
}

}  // namespace kronika::kmsgc
