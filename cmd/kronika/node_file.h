// Reading the node file for a command: the file, the environment, --set.
//
// Main thread, before anything runs.
#pragma once

#include "cmd/kronika/command.h"
#include "config/options.h"

namespace kronika::cmd {

// The options that LoadNodeFile() reads.
std::vector<Option> NodeFileOptions();
// kNotFound and kIo for the file, kInvalidArgument for what it says.
// `path` is the option that names the file.
Result<config::Options> LoadNodeFile(const Arguments& arguments,
                                     std::string_view path = "--config");
// Prints the error as one line to the standard error stream.
int PrintError(const Error& error);

}  // namespace kronika::cmd
