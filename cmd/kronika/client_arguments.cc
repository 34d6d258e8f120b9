// Options of commands that connect; see client_arguments.h.
#include "cmd/kronika/client_arguments.h"

#include <charconv>
#include <cstdio>

namespace kronika::cmd {
namespace {

Result<std::vector<HostPort>> ParseBrokers(std::string_view text) {
  std::vector<HostPort> out;
  while (!text.empty()) {
    const auto comma = text.find(',');
    auto each = HostPort::Parse(text.substr(0, comma));
    if (!each) return std::unexpected(std::move(each).error());
    out.push_back(std::move(*each));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  if (out.empty()) return Fail(ErrorCode::kInvalidArgument, "no broker is named", "--brokers");
  return out;
}

}  // namespace

std::vector<Option> WithClientOptions(std::vector<Option> more) {
  std::vector<Option> out = {
      {.name = "--brokers",
       .short_name = "-b",
       .value = "HOST:PORT,...",
       .help = "Where to ask for the cluster",
       .default_value = "127.0.0.1:9092"},
      {.name = "--timeout-ms",
       .value = "MS",
       .help = "How long one request may take; `topic produce` and `topic consume` "
               "give up after three times that without success",
       .default_value = "10000"},
      {.name = "--format",
       .value = "table|json",
       .help = "How results are printed",
       .default_value = "table"}};
  for (auto& option : more) out.push_back(option);
  return out;
}

Result<ClientSetup> ReadClientSetup(const Arguments& arguments) {
  auto brokers = ParseBrokers(arguments.Text("--brokers"));
  if (!brokers) return std::unexpected(std::move(brokers).error());
  auto format = ParseFormat(arguments.Text("--format"));
  if (!format) return std::unexpected(std::move(format).error());
  auto timeout = ReadNumber(arguments, "--timeout-ms", {.first = 1, .last = 3'600'000});
  if (!timeout) return std::unexpected(std::move(timeout).error());
  ClientSetup setup{.options = {.brokers = std::move(*brokers)}, .format = *format};
  setup.options.request_timeout = client::Milliseconds(*timeout);
  setup.options.metadata_timeout =
      std::min(setup.options.metadata_timeout, setup.options.request_timeout);
  return setup;
}

client::Milliseconds PatienceOf(const client::ClientOptions& options) {
  return 3 * options.request_timeout;
}

Result<std::int64_t> ReadNumber(const Arguments& arguments, std::string_view name,
                                NumberRange range) {
  const std::string& text = arguments.Text(name);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && value >= range.first &&
      value <= range.last) {
    return value;
  }
  std::string wanted = "a number from " + std::to_string(range.first);
  if (range.last != INT64_MAX) wanted += " to " + std::to_string(range.last);
  return Fail(ErrorCode::kInvalidArgument, "'" + text + "' is not " + wanted, std::string(name));
}

Result<wal::Codec> ReadCodec(const Arguments& arguments, std::string_view name) {
  const std::string& text = arguments.Text(name);
  for (int i = 0; i <= 4; ++i) {
    const auto codec = static_cast<wal::Codec>(i);
    if (text == wal::Name(codec)) return codec;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "'" + text + "' is none of none, gzip, snappy, lz4 and zstd", std::string(name));
}

Result<std::pair<std::string, std::string>> SplitPair(std::string_view text, char separator) {
  const auto at = text.find(separator);
  if (at == std::string_view::npos || at == 0) {
    return Fail(ErrorCode::kInvalidArgument,
                "'" + std::string(text) + "' has no '" + separator + "' behind a name");
  }
  return std::pair(std::string(text.substr(0, at)), std::string(text.substr(at + 1)));
}

int UsageError(const Error& error) {
  std::fprintf(stderr, "kronika: %s\n", error.Describe().c_str());
  return kExitUsage;
}

int OperationError(const Error& error) {
  std::fprintf(stderr, "kronika: %s\n", error.Describe().c_str());
  return kExitError;
}

}  // namespace kronika::cmd
