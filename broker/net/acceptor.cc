#include "broker/net/acceptor.h"

namespace kronika::broker::net {
namespace {

using boost::asio::ip::tcp;

Status ToStatus(boost::system::error_code error, const std::string& what,
                const std::string& where) {
  if (!error) return {};
  if (error == boost::asio::error::address_in_use)
    return Fail(ErrorCode::kBusy, what + " is in use by another process", where);
  return Fail(ErrorCode::kIo, "cannot listen: " + error.message(), where);
}

}  // namespace

Result<std::uint16_t> BindAcceptor(tcp::acceptor& acceptor, const std::string& host,
                                   std::uint16_t port, const std::string& what) {
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
  KRONIKA_TRY(ToStatus(error, what, where));
  return acceptor.local_endpoint(error).port();
}

Status Listen(tcp::acceptor& acceptor, const std::string& what) {
  boost::system::error_code error;
  acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  boost::system::error_code ignored;
  return ToStatus(error, what, "port " + std::to_string(acceptor.local_endpoint(ignored).port()));
}

}  // namespace kronika::broker::net
