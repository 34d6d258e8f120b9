// Consumer groups by the thousand, as bench/compare.sh asks for them; prints one line of JSON.
//
//   bench_groups --bootstrap HOST:PORT,... --topic T --partitions N --groups G --members M
//                [--prefix P] [--stable-seconds S] [--commit-seconds S] [--committers N]
//
// Every member has a connection and is driven by one thread. Times: from the first join until a
// group is stable (p50, p99, the last), and of one commit. Exit codes: 0 done, 1 a group did not
// become stable or a commit failed, 2 usage.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <sstream>

#include "bench/groups/swarm.h"
#include "bench/support/report.h"

namespace kronika::bench {
namespace {

bool ParseBrokers(const std::string& text, std::vector<HostPort>& brokers) {
  std::istringstream in(text);
  for (std::string each; std::getline(in, each, ',');) {
    auto parsed = HostPort::Parse(each);
    if (!parsed) return false;
    brokers.push_back(std::move(*parsed));
  }
  return !brokers.empty();
}

bool Parse(int count, char** words, SwarmOptions& options) {
  bool good = true;
  const auto number = [](const std::string& text) {
    return static_cast<std::size_t>(std::strtoull(text.c_str(), nullptr, 10));
  };
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--bootstrap",
       [&](const std::string& text) { good &= ParseBrokers(text, options.brokers); }},
      {"--topic", [&](const std::string& text) { options.topic = text; }},
      {"--partitions",
       [&](const std::string& text) { options.partitions = std::atoi(text.c_str()); }},
      {"--groups", [&](const std::string& text) { options.groups = number(text); }},
      {"--members", [&](const std::string& text) { options.members = number(text); }},
      {"--prefix", [&](const std::string& text) { options.prefix = text; }},
      {"--stable-seconds",
       [&](const std::string& text) { options.stable_seconds_max = std::atof(text.c_str()); }},
      {"--commit-seconds",
       [&](const std::string& text) { options.commit_seconds = std::atof(text.c_str()); }},
      {"--committers", [&](const std::string& text) { options.committers = number(text); }}};
  for (int i = 0; i + 1 < count; i += 2) {
    const auto option = known.find(words[i]);
    if (option == known.end()) return false;
    option->second(words[i + 1]);
  }
  return good && count % 2 == 0 && !options.brokers.empty() && !options.topic.empty() &&
         options.partitions > 0 && options.groups > 0 && options.members > 0;
}

// A connection is a descriptor.
void RaiseDescriptorLimit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void Print(const SwarmResult& result) {
  const auto ms = [](const client::Histogram& histogram, double part) {
    return static_cast<double>(histogram.Percentile(part)) / 1e3;
  };
  std::printf(
      "{\"error\": \"%s\", \"connect_s\": %.3f, \"stable_s\": %.3f, \"stable_p50_ms\": %.1f, "
      "\"stable_p99_ms\": %.1f, \"generation\": %d, \"commits\": %llu, \"commits_per_s\": %.1f, "
      "\"commit_p50_ms\": %.3f, \"commit_p99_ms\": %.3f, \"client_cpu_s\": %.2f}\n",
      Quotable(result.error).c_str(), result.connect_seconds, result.stable_seconds,
      ms(result.stable, 0.5), ms(result.stable, 0.99), result.generation,
      static_cast<unsigned long long>(result.commits), result.commits_per_second,
      ms(result.commit, 0.5), ms(result.commit, 0.99), CpuSeconds());
}

}  // namespace
}  // namespace kronika::bench

int main(int count, char** words) {
  kronika::bench::SwarmOptions options;
  if (!kronika::bench::Parse(count - 1, words + 1, options)) {
    std::fprintf(stderr, "usage: see the head of bench/groups/main.cc\n");
    return 2;
  }
  kronika::bench::RaiseDescriptorLimit();
  kronika::bench::SwarmResult result = kronika::bench::RunSwarm(options);
  kronika::bench::Print(result);
  return result.error.empty() ? 0 : 1;
}
