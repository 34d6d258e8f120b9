#include "broker/net/acceptor.h"

namespace kronika::broker::net {

Result<std::uint16_t> OpenAcceptor(boost::asio::ip::tcp::acceptor& acceptor,
                                   const std::string& host, std::uint16_t port,
                                   const std::string& what) {
  using boost::asio::ip::tcp;
  const std::string where = host + ":" + std::to_string(port);
  boost::system::error_code error;
  tcp::resolver resolver(acceptor.get_executor());
  const auto found = resolver.resolve(
      host, std::to_string(port), tcp::resolver::passive | tcp::resolver::numeric_service, error);
  if (error || found.empty()) {
    return Fail(ErrorCode::kInvalidArgument,
                "the host of " + what + " does not resolve: " + error.message(), where);
  }
  const tcp::endpoint endpoint = *found.begin();
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error == boost::asio::error::address_in_use) {
    return Fail(ErrorCode::kAlreadyExists, what + " is in use by another process", where);
  }
  if (error) return Fail(ErrorCode::kIo, "cannot listen: " + error.message(), where);
  return acceptor.local_endpoint(error).port();
}

}  // namespace kronika::broker::net
