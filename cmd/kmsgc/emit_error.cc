// Emits the error response of an API from the echo, top_error, part_error, error_text and failed
// attributes.
#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

const Field* FindField(const Struct* fields, const std::string& name) {
  if (fields == nullptr) return nullptr;
  for (const Field& field : fields->fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

class ErrorEmitter {
 public:
  ErrorEmitter(Code& out, const Message& request, const Message& response)
      : out_(out), request_(request), response_(response) {}

  void Run() {
    out_.Line(Cat(
        response_.name, " MakeErrorResponse([[maybe_unused]] const ", request_.name,
        "& request, [[maybe_unused]] KafkaError error, [[maybe_unused]] std::string_view text) {"));
    out_.Line(Cat(response_.name, " response;"));
    Fill(response_.root, &request_.root, "response", "request", 0);
    out_.Line("return response;").Line("}").Line();
  }

 private:
  // Fills the response's struct `to` from the request's struct `from` (absent: only the error is
  // known).
  void Fill(const Struct& fields, const Struct* source, const std::string& to,
            const std::string& from, int depth) {
    for (const Field& field : fields.fields) {
      const std::string target = Cat(to, ".", field.name);
      if (field.top_error || field.part_error) out_.Line(Cat(target, " = error;"));
      if (field.error_text) out_.Line(Cat("if (!text.empty()) ", target, " = std::string(text);"));
      if (field.failed_value) out_.Line(Cat(target, " = ", *field.failed_value, ";"));
      for (const Echo& echo : field.echoes) {
        const Field* origin = FindField(source, echo.source);
        if (origin == nullptr) {
          // The compiler names the schema's mistake: the request has no such field.
          out_.Line(Cat("static_assert(false, ", Quoted("no request field " + echo.source), ");"));
        } else if (field.array && field.base == Base::kStruct) {
          FillArray(field, echo, *origin, {to, from, depth});
        } else {
          const bool unwrap = origin->nullable && !field.nullable;
          out_.Line(Cat(target, " = ", from, ".", echo.source,
                        unwrap ? ".value_or(std::string_view{});" : ";"));
        }
      }
    }
  }

  // Where the generated code stands: the structs that it fills and reads, and how deep its loops
  // nest.
  struct Place {
    std::string to;
    std::string from;
    int depth = 0;
  };

  void FillArray(const Field& field, const Echo& echo, const Field& origin, const Place& place) {
    const std::string each = "from" + std::to_string(place.depth);
    const std::string made = "to" + std::to_string(place.depth);
    const std::string list = Cat(place.from, ".", echo.source);
    if (origin.nullable) out_.Line(Cat("if (", list, ") {"));
    out_.Line(Cat("for (const auto& ", each, " : ", origin.nullable ? "*" : "", list, ") {"));
    const std::string vector =
        field.nullable ? Cat(place.to, ".", field.name, "->") : Cat(place.to, ".", field.name, ".");
    out_.Line(Cat("auto& ", made, " = ", vector, "emplace_back();"));
    const Struct* element =
        origin.base == Base::kStruct ? request_.Find(origin.struct_name) : nullptr;
    if (element == nullptr) {
      if (!echo.element_field.empty())
        out_.Line(Cat(made, ".", echo.element_field, " = ", each, ";"));
      Fill(WithoutEchoes(*response_.Find(field.struct_name)), nullptr, made, each, place.depth + 1);
    } else {
      Fill(*response_.Find(field.struct_name), element, made, each, place.depth + 1);
    }
    out_.Line("}");
    if (origin.nullable) out_.Line("}");
  }

  static Struct WithoutEchoes(Struct fields) {
    for (Field& field : fields.fields) field.echoes.clear();
    return fields;
  }

  Code& out_;
  const Message& request_;
  const Message& response_;
};

}  // namespace

void EmitErrorResponse(Code& out, const Message& request, const Message& response) {
  ErrorEmitter(out, request, response).Run();
}

}  // namespace kronika::kmsgc
