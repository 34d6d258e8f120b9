// The options that every command with a connection has, and reading what the user gave for an
// option.
//
// Main thread. An error of these functions is the user's: exit code 2.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cmd/client/cluster.h"
#include "cmd/kronika/command.h"
#include "cmd/kronika/output.h"
#include "wal/record_batch.h"

namespace kronika::cmd {

// --brokers, --timeout-ms and --format, before `more`.
std::vector<Option> WithClientOptions(std::vector<Option> more);

struct ClientSetup {
  client::ClientOptions options;
  Format format = Format::kTable;
};
Result<ClientSetup> ReadClientSetup(const Arguments& arguments);
// How long records are tried to be written or read before a command gives up: three requests.
client::Milliseconds PatienceOf(const client::ClientOptions& options);

struct NumberRange {
  std::int64_t first = 0;
  std::int64_t last = INT64_MAX;
};
// The number given for `name` or its default value. kInvalidArgument.
Result<std::int64_t> ReadNumber(const Arguments& arguments, std::string_view name,
                                NumberRange range);
// "none", "gzip", "snappy", "lz4", "zstd".
Result<wal::Codec> ReadCodec(const Arguments& arguments, std::string_view name);
// "KEY=VALUE", or with another separator. kInvalidArgument without one.
Result<std::pair<std::string, std::string>> SplitPair(std::string_view text, char separator);

// Prints the error; the exit code for it.
int UsageError(const Error& error);
int OperationError(const Error& error);

}  // namespace kronika::cmd
