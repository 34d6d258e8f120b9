// Asks a cluster what health.h judges, and tells people why something of it does not serve.
//
// Main thread.
#pragma once

#include <string>

#include "cmd/client/cluster.h"
#include "cmd/kronika/health.h"

namespace kronika::cmd {

constexpr client::Milliseconds kAnswerMax{1000};  // a broker that needs longer does not answer

// `info` as it was told, and who of the brokers that it names answers.
HealthView LookAt(client::Cluster& cluster, client::ClusterInfo info, std::size_t brokers_expected);

// Prints an error about `topic`. Where brokers that are not there may be its cause, it asks the
// cluster again and names them, the topic's partitions that suffer, and the way out. The exit code.
int TopicError(client::ClientOptions options, const std::string& topic, const Error& error);

}  // namespace kronika::cmd
