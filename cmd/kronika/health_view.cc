// See health_view.h.
#include "cmd/kronika/health_view.h"

#include <algorithm>
#include <cstdio>

#include "cmd/client/admin.h"
#include "cmd/kronika/client_arguments.h"

namespace kronika::cmd {
namespace {

constexpr std::size_t kPartitionsTold = 3;

bool BrokersMayBeTheCause(ErrorCode code) {
  return code == ErrorCode::kUnavailable || code == ErrorCode::kTimedOut ||
         code == ErrorCode::kNotLeader || code == ErrorCode::kIo;
}

void Tell(const std::string& line) {
  std::fprintf(stderr, "kronika: %s\n", line.c_str());
}

std::string NamesOf(const std::vector<HostPort>& brokers) {
  std::string out;
  for (const auto& broker : brokers) out += (out.empty() ? "" : ", ") + broker.Describe();
  return out;
}

void TellPartitions(const Health& health) {
  std::size_t told = 0;
  for (const auto& each : health.partitions) {
    if (each.writable || ++told > kPartitionsTold) continue;
    Tell(each.topic + "-" + std::to_string(each.partition) + ": " + each.text);
  }
  if (told > kPartitionsTold)
    Tell("and " + std::to_string(told - kPartitionsTold) + " partitions more");
}

}  // namespace

HealthView LookAt(client::Cluster& cluster, client::ClusterInfo info,
                  std::size_t brokers_expected) {
  HealthView view{.info = std::move(info), .brokers_expected = brokers_expected};
  for (const auto& broker : view.info.brokers) {
    if (!cluster.To(broker.id)) view.silent.insert(broker.id);
  }
  const auto topics = TopicsInDoubt(view);
  if (topics.empty()) return view;
  // Not told: the rest of the judgement stands.
  if (auto told = client::DescribeMinInSync(cluster, topics)) view.min_in_sync = std::move(*told);
  return view;
}

int TopicError(client::ClientOptions options, const std::string& topic, const Error& error) {
  const int code = OperationError(error);
  if (!BrokersMayBeTheCause(error.code)) return code;
  options.metadata_timeout = std::min(options.metadata_timeout, kAnswerMax);
  options.request_timeout = std::min(options.request_timeout, 2 * kAnswerMax);
  // A new one: connections of the old one may be to brokers that have died since.
  client::Cluster cluster(options);
  auto info = cluster.Describe(std::vector{topic});
  if (!info) {
    Tell("no broker answers at " + NamesOf(options.brokers) + "; are they running?");
    return code;
  }
  const Health health = Judge(LookAt(cluster, std::move(*info), 0));
  TellPartitions(health);
  if (health.missing.empty()) return code;
  const bool one = health.missing.size() == 1;
  Tell(std::string(one ? "broker " : "brokers ") + JoinNumbers(health.missing) +
       (one ? " does" : " do") + " not answer: start " + (one ? "it" : "them") +
       " again; `kronika cluster health` tells when all is well");
  return code;
}

}  // namespace kronika::cmd
