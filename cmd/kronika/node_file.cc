// The node file's sources; see node_file.h.
#include "cmd/kronika/node_file.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace kronika::cmd {
namespace {

std::map<std::string, std::string> ReadEnvironment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      out.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return out;
}

}  // namespace

std::vector<Option> NodeFileOptions() {
  return {{.name = "--config", .value = "FILE", .help = "The node file (YAML)", .required = true},
          {.name = "--set",
           .value = "KEY=VALUE",
           .help = "Replaces a key of the node file; may be given again",
           .repeated = true}};
}

Result<config::Options> LoadNodeFile(const Arguments& arguments, std::string_view option) {
  const std::string& path = arguments.Text(option);
  std::error_code ignored;
  const bool folder = std::filesystem::is_directory(path, ignored);
  if (folder) return Fail(ErrorCode::kInvalidArgument, "a folder is no node file", path);
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kNotFound, "the node file cannot be opened", path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Fail(ErrorCode::kIo, "the node file cannot be read", path);
  return config::Load({.yaml = text.str(),
                       .yaml_name = path,
                       .environment = ReadEnvironment(),
                       .overrides = arguments.List("--set")});
}

int PrintError(const Error& error) {
  std::fprintf(stderr, "kronika: %s\n", error.Describe().c_str());
  return kExitError;
}

}  // namespace kronika::cmd
