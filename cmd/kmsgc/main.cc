// kmsgc: turns schema texts into C++.
//
//   kmsgc message FILE.kmsg OUT_DIR         writes <file>.h and <file>.cc
//   kmsgc table   OUT_DIR FILE.kmsg...      writes api_table.h, api_table.cc and advertised.h
//   kmsgc layout  OUT_DIR FILE.kmsg...      writes layouts.cc
//   kmsgc errors  errors.list OUT_DIR       writes errors.h and errors.cc
//   kmsgc describe FILE.kmsg...             prints every field as it was understood
//
// A host tool without dependencies, run by the build. proto/kafka/README.md is the language.
#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "cmd/kmsgc/emit.h"
#include "cmd/kmsgc/parser.h"

namespace kronika::kmsgc {
namespace {

std::optional<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool WriteFile(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.flush();
  if (!out) std::cerr << path << ": cannot be written\n";
  return static_cast<bool>(out);
}

std::optional<Schema> Load(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) {
    std::cerr << path << ": cannot be read\n";
    return std::nullopt;
  }
  ParseResult result = Parse(path, *text);
  if (const auto* fault = std::get_if<std::string>(&result)) {
    std::cerr << *fault << "\n";
    return std::nullopt;
  }
  return std::get<Schema>(std::move(result));
}

// All schemas by rising key, plain messages last.
std::optional<std::vector<Schema>> LoadAll(const std::vector<std::string>& paths) {
  std::vector<Schema> out;
  for (const std::string& path : paths) {
    auto schema = Load(path);
    if (!schema) return std::nullopt;
    out.push_back(std::move(*schema));
  }
  std::ranges::sort(out, {}, [](const Schema& schema) {
    return std::pair(schema.key.value_or(Versions::kOpen), schema.name);
  });
  for (std::size_t i = 1; i < out.size(); ++i) {
    if (out[i].key && out[i].key == out[i - 1].key) {
      std::cerr << out[i].file << ".kmsg: the key of " << out[i - 1].file << ".kmsg\n";
      return std::nullopt;
    }
  }
  return out;
}

bool RunMessage(const std::string& file, const std::string& out_dir) {
  const auto schema = Load(file);
  return schema && WriteFile(Cat(out_dir, "/", schema->file, ".h"), EmitHeader(*schema)) &&
         WriteFile(Cat(out_dir, "/", schema->file, ".cc"), EmitSource(*schema));
}

bool RunTable(const std::string& out_dir, const std::vector<std::string>& files) {
  const auto schemas = LoadAll(files);
  return schemas && WriteFile(out_dir + "/api_table.h", EmitTableHeader(*schemas)) &&
         WriteFile(out_dir + "/api_table.cc", EmitTableSource(*schemas)) &&
         WriteFile(out_dir + "/advertised.h", EmitAdvertised(*schemas));
}

bool RunLayout(const std::string& out_dir, const std::vector<std::string>& files) {
  const auto schemas = LoadAll(files);
  return schemas && WriteFile(out_dir + "/layouts.cc", EmitLayouts(*schemas));
}

bool RunErrors(const std::string& file, const std::string& out_dir) {
  const auto text = ReadFile(file);
  const auto errors = ParseErrors(file, text.value_or(""));
  if (const auto* fault = std::get_if<std::string>(&errors)) {
    std::cerr << *fault << "\n";
    return false;
  }
  const auto& entries = std::get<std::vector<ErrorEntry>>(errors);
  return text && WriteFile(out_dir + "/errors.h", EmitErrorsHeader(entries)) &&
         WriteFile(out_dir + "/errors.cc", EmitErrorsSource(entries));
}

bool RunDescribe(const std::vector<std::string>& files) {
  const auto schemas = LoadAll(files);
  if (schemas) std::cout << EmitDescription(*schemas);
  return schemas.has_value();
}

int Main(const std::vector<std::string>& arguments) {
  bool done = false;
  if (arguments.size() == 3 && arguments[0] == "message") {
    done = RunMessage(arguments[1], arguments[2]);
  } else if (arguments.size() == 3 && arguments[0] == "errors") {
    done = RunErrors(arguments[1], arguments[2]);
  } else if (arguments.size() > 2 && (arguments[0] == "table" || arguments[0] == "layout")) {
    const std::vector<std::string> files(arguments.begin() + 2, arguments.end());
    done = arguments[0] == "table" ? RunTable(arguments[1], files) : RunLayout(arguments[1], files);
  } else if (arguments.size() > 1 && arguments[0] == "describe") {
    done = RunDescribe({arguments.begin() + 1, arguments.end()});
  } else {
    std::cerr << "usage: kmsgc message FILE.kmsg OUT_DIR | table OUT_DIR FILE... | layout OUT_DIR "
                 "FILE... | errors LIST OUT_DIR | describe FILE...\n";
    return 2;
  }
  return done ? 0 : 1;
}

}  // namespace
}  // namespace kronika::kmsgc

int main(int argc, char** argv) {
  return kronika::kmsgc::Main(std::vector<std::string>(argv + 1, argv + argc));
}
