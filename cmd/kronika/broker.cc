// `kronika broker replace`: the operator's word that a broker lost its disk, told to any live
// broker's admin port.
//
// Main thread. Repeating it is success. Source: safety rules A4 and A12.
#include <fmt/format.h>

#include <cstdio>

#include "base/ids.h"
#include "cmd/client/socket.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/command.h"

namespace kronika::cmd {
namespace {

constexpr auto kPatience = std::chrono::seconds(15);
constexpr std::size_t kAnswerBytesMax = 64 << 10;

// Everything that the other side says until it closes the connection.
Result<std::string> Ask(const HostPort& admin, std::string request) {
  const client::Moment deadline = client::Now() + kPatience;
  auto socket = client::Socket::Connect(admin, deadline);
  if (!socket) return std::unexpected(socket.error());
  KRONIKA_TRY(socket->Write({Slice::CopyOf(request)}, deadline));
  std::string answer;
  std::byte next{};
  for (;;) {
    auto read = socket->Read(MutableBytes(&next, 1), deadline);
    if (!read && read.error().code == ErrorCode::kTimedOut) return std::unexpected(read.error());
    if (!read || answer.size() == kAnswerBytesMax) return answer;
    answer.push_back(static_cast<char>(next));
  }
}

int Replace(const Arguments& arguments) {
  const std::string& broker = arguments.Text("BROKER");
  if (const auto id = ReadNumber(arguments, "BROKER", {.first = 1, .last = INT32_MAX}); !id)
    return UsageError(id.error());
  const auto directory = Uuid::Parse(arguments.Text("--uuid"));
  if (!directory) {
    return UsageError(
        {ErrorCode::kInvalidArgument,
         "'" + arguments.Text("--uuid") + "' is no UUID as `kronika format` prints it", "--uuid"});
  }
  const auto admin = HostPort::Parse(arguments.Text("--admin"));
  if (!admin) return UsageError({admin.error().code, admin.error().text, "--admin"});
  const auto answer =
      Ask(*admin, fmt::format("POST /v1/brokers/{}/replace?uuid={} HTTP/1.0\r\nHost: "
                              "{}\r\nContent-Length: 0\r\n\r\n",
                              broker, directory->ToString(), admin->Describe()));
  if (!answer) {
    std::fprintf(stderr, "kronika: %s\n", answer.error().Describe().c_str());
    return kExitError;
  }
  const std::size_t body = answer->find("\r\n\r\n");
  const std::size_t code = answer->find(' ');
  if (code == std::string::npos || body == std::string::npos) {
    std::fputs("kronika: that is no admin port of a broker\n", stderr);
    return kExitError;
  }
  if (answer->compare(code + 1, 3, "200") != 0) {
    std::fprintf(stderr, "kronika: %s", answer->substr(body + 4).c_str());
    return kExitError;
  }
  std::printf("broker %s is replaced by directory %s; /v1/status shows how its replicas return\n",
              broker.c_str(), directory->ToString().c_str());
  return kExitOk;
}

}  // namespace

CommandList BrokerCommands() {
  return {{.noun = "broker",
           .verb = "replace",
           .help = "Give a broker that lost its disk new, empty replicas in a new directory",
           .options = {{.name = "BROKER", .help = "The broker's id", .required = true},
                       {.name = "--uuid",
                        .value = "UUID",
                        .help = "The new directory, as `kronika format --replace` printed it",
                        .required = true},
                       {.name = "--admin",
                        .value = "HOST:PORT",
                        .help = "The admin port of any live broker, from its own machine",
                        .default_value = "127.0.0.1:9644"}},
           .run = &Replace}};
}

}  // namespace kronika::cmd
