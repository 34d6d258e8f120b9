// Binds TCP sockets and listens; for the files of broker/net and broker/admin that include Asio
// anyway.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace kronika::broker::net {

// Binds `acceptor` to host:port, and refuses who connects; port 0 takes any free one. Gives the
// port. kInvalidArgument: the host does not resolve; kBusy: the port is in use; kIo.
// `what` names the port in errors ("the admin port").
Result<std::uint16_t> BindAcceptor(boost::asio::ip::tcp::acceptor& acceptor,
                                   const std::string& host, std::uint16_t port,
                                   const std::string& what);

// From here on connections wait to be accepted. kBusy, kIo.
Status Listen(boost::asio::ip::tcp::acceptor& acceptor, const std::string& what);

}  // namespace kronika::broker::net
