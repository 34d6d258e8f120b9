// The parser of .kmsg texts: lines, indentation, then one field at a time. See parser.h.
#include "cmd/kmsgc/parser.h"

#include <charconv>
#include <map>

#include "cmd/kmsgc/lines.h"
#include "cmd/kmsgc/validate.h"

namespace kronika::kmsgc {
namespace {

std::optional<int> ToInt(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "4..17", "4..", "..17" or "4".
std::optional<Versions> ToVersions(const std::string& text) {
  const auto dots = text.find("..");
  if (dots == std::string::npos) {
    const auto only = ToInt(text);
    if (!only) return std::nullopt;
    return Versions{*only, *only};
  }
  Versions out;
  if (dots > 0) {
    const auto first = ToInt(text.substr(0, dots));
    if (!first) return std::nullopt;
    out.first = *first;
  }
  if (dots + 2 < text.size()) {
    const auto last = ToInt(text.substr(dots + 2));
    if (!last) return std::nullopt;
    out.last = *last;
  }
  return out.Empty() ? std::nullopt : std::optional(out);
}

const std::map<std::string, Base>& Bases() {
  static const std::map<std::string, Base> bases = {
      {"bool", Base::kBool},     {"i8", Base::kI8},       {"i16", Base::kI16},
      {"u16", Base::kU16},       {"i32", Base::kI32},     {"u32", Base::kU32},
      {"i64", Base::kI64},       {"f64", Base::kF64},     {"uuid", Base::kUuid},
      {"string", Base::kString}, {"bytes", Base::kBytes}, {"records", Base::kRecords},
      {"error", Base::kError},
  };
  return bases;
}

class Parser {
 public:
  Parser(const std::string& path, const std::string& text)
      : path_(path), lines_(SplitLines(text)) {}

  ParseResult Run() {
    const auto slash = path_.find_last_of('/');
    const std::string name = slash == std::string::npos ? path_ : path_.substr(slash + 1);
    schema_.file = name.substr(0, name.find('.'));
    ParseHead();
    while (error_.empty() && at_ < lines_.size()) ParseSection();
    if (error_.empty()) error_ = Validate(path_, schema_);
    if (!error_.empty()) return error_;
    return std::move(schema_);
  }

 private:
  void Fail(const Line& line, const std::string& text) {
    if (error_.empty()) error_ = path_ + ":" + std::to_string(line.number) + ": " + text;
  }

  // api KEY NAME | message NAME, and its indented properties.
  void ParseHead() {
    if (lines_.empty()) {
      error_ = path_ + ": the file is empty";
      return;
    }
    const Line& head = lines_[at_++];
    schema_.comment = head.comment;
    if (head.indent == 0 && head.words.size() == 3 && head.words[0] == "api" &&
        ToInt(head.words[1])) {
      schema_.key = ToInt(head.words[1]);
      schema_.name = head.words[2];
    } else if (head.indent == 0 && head.words.size() == 2 && head.words[0] == "message") {
      schema_.name = head.words[1];
    } else {
      return Fail(head, "expected 'api KEY Name' or 'message Name'");
    }
    while (at_ < lines_.size() && lines_[at_].indent == 1) ParseProperty(lines_[at_++]);
  }

  void ParseProperty(const Line& line) {
    if (line.words.size() != 2) return Fail(line, "expected 'property value'");
    const std::string& name = line.words[0];
    const std::string& value = line.words[1];
    const auto versions = ToVersions(value);
    if (name == "serve" && versions) {
      schema_.serve = *versions;
    } else if (name == "advertise" && (versions || value == "none")) {
      schema_.advertise = versions;
    } else if (name == "flexible" && (versions || value == "none")) {
      if (versions) schema_.flexible_first = versions->first;
    } else if (name == "trailing" && versions && schema_.key) {
      schema_.trailing_first = versions->first;
    } else if (name == "record" && ToInt(value) && !schema_.key) {
      schema_.record_type = ToInt(value);
    } else if (name == "response_header" && ToInt(value)) {
      schema_.response_header = ToInt(value);
    } else {
      Fail(line, "unknown property or bad value: " + name + " " + value);
    }
  }

  void ParseSection() {
    const Line& line = lines_[at_++];
    if (line.indent != 0 || line.words.size() != 1) return Fail(line, "expected a section");
    Message message;
    if (line.words[0] == "request" && schema_.key) {
      message.side = Side::kRequest;
      message.name = schema_.name + "Request";
    } else if (line.words[0] == "response" && schema_.key) {
      message.side = Side::kResponse;
      message.name = schema_.name + "Response";
    } else if (line.words[0] == "fields" && !schema_.key) {
      message.name = schema_.name;
    } else {
      return Fail(line, "unknown section " + line.words[0]);
    }
    message.root.comment = line.comment;
    ParseFields(message, message.root, 1, schema_.serve);
    schema_.messages.push_back(std::move(message));
  }

  // The fields at `indent`; deeper lines are the fields of the struct that was just named.
  void ParseFields(Message& message, Struct& into, int indent, const Versions& outer) {
    while (error_.empty() && at_ < lines_.size() && lines_[at_].indent >= indent) {
      const Line& line = lines_[at_++];
      if (line.indent > indent) return Fail(line, "indented deeper than its parent allows");
      Field field = ParseField(line, outer);
      if (!error_.empty()) return;
      const bool has_children = at_ < lines_.size() && lines_[at_].indent > indent;
      if (field.base == Base::kStruct && has_children) {
        if (message.Find(field.struct_name) != nullptr) {
          return Fail(line, "the struct " + field.struct_name + " is described twice");
        }
        Struct inner{.name = field.struct_name, .comment = field.comment};
        ParseFields(message, inner, indent + 1, field.versions);
        message.structs.push_back(std::move(inner));
      } else if (field.base == Base::kStruct && message.Find(field.struct_name) == nullptr) {
        return Fail(line, "the struct " + field.struct_name + " is not described");
      } else if (has_children) {
        return Fail(lines_[at_], "only a struct has fields of its own");
      }
      into.fields.push_back(std::move(field));
    }
  }

  Field ParseField(const Line& line, const Versions& outer) {
    Field field{.comment = line.comment, .line = line.number};
    if (line.words.size() < 2) {
      Fail(line, "expected 'name type'");
      return field;
    }
    field.name = line.words[0];
    bool may_be_null = false;
    ParseType(line, line.words[1], field, may_be_null);
    field.versions = outer;
    std::size_t at = 2;
    while (at < line.words.size() && error_.empty()) ParseAttribute(line, at, field);
    field.versions = field.versions.Within(outer);
    if (may_be_null && !field.nullable) field.nullable = field.versions;
    if (field.nullable) field.nullable = field.nullable->Within(field.versions);
    if (field.versions.Empty()) Fail(line, "the field is in no served version");
    return field;
  }

  void ParseType(const Line& line, std::string type, Field& field, bool& may_be_null) {
    if (type.ends_with('?')) {
      may_be_null = true;
      type.pop_back();
    }
    if (type.starts_with("[]")) {
      field.array = true;
      type = type.substr(2);
    }
    if (const auto base = Bases().find(type); base != Bases().end()) {
      field.base = base->second;
    } else if (!type.empty() && type[0] >= 'A' && type[0] <= 'Z') {
      field.base = Base::kStruct;
      field.struct_name = type;
    } else {
      Fail(line, "unknown type " + type);
    }
  }

  void ParseAttribute(const Line& line, std::size_t& at, Field& field) {
    const std::string word = line.words[at++];
    if (ParseFlag(word, field)) return;
    if (word.starts_with("echo")) {
      if (!ParseEcho(word, field)) Fail(line, "expected echo, echo=source or echo=source:field");
      return;
    }
    if (at == line.words.size()) return Fail(line, "unknown or unfinished attribute " + word);
    const std::string& value = line.words[at++];
    const auto versions = ToVersions(value);
    if (word == "v" && versions) {
      field.versions = *versions;
    } else if (word == "null" && versions) {
      field.nullable = *versions;
    } else if (word == "tag" && ToInt(value)) {
      field.tag = ToInt(value);
    } else if (word == "=") {
      field.default_value = value;
    } else if (word == "failed") {
      field.failed_value = value;
    } else {
      Fail(line, "unknown attribute or bad value: " + word + " " + value);
    }
  }

  static bool ParseFlag(const std::string& word, Field& field) {
    bool* flag = word == "fixed"        ? &field.fixed
                 : word == "sensitive"  ? &field.sensitive
                 : word == "top_error"  ? &field.top_error
                 : word == "part_error" ? &field.part_error
                 : word == "error_text" ? &field.error_text
                                        : nullptr;
    if (flag != nullptr) *flag = true;
    return flag != nullptr;
  }

  static bool ParseEcho(const std::string& word, Field& field) {
    Echo echo{.source = field.name};
    if (word != "echo") {
      if (!word.starts_with("echo=")) return false;
      const std::string target = word.substr(5);
      const auto colon = target.find(':');
      echo.source = target.substr(0, colon);
      if (colon != std::string::npos) echo.element_field = target.substr(colon + 1);
      if (echo.source.empty()) return false;
    }
    field.echoes.push_back(echo);
    return true;
  }

  const std::string path_;
  const std::vector<Line> lines_;
  std::size_t at_ = 0;
  Schema schema_;
  std::string error_;
};

}  // namespace

ParseResult Parse(const std::string& path, const std::string& text) {
  return Parser(path, text).Run();
}

}  // namespace kronika::kmsgc
