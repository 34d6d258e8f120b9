// One load with librdkafka, as bench/compare.sh asks for it; prints one line of JSON.
//
//   bench_load produce --bootstrap HOST:PORT,... --topic T --partitions N [--record-bytes N]
//                      [--bytes N] [--seconds S] [--one-in-flight 1] [--set KEY=VALUE ...]
//   bench_load consume --bootstrap HOST:PORT,... --topic T --partitions N --records N [--passes N]
//                      [--set KEY=VALUE ...]
//
// KEY=VALUE are settings of librdkafka. Latency is from the call of produce to the answer, so in a
// saturated load it is mostly the time in librdkafka's queue. Exit codes: 0 done, 1 not every
// record was acknowledged or read, 2 usage.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "bench/load/load.h"
#include "bench/support/report.h"

namespace kronika::bench {
namespace {

bool Parse(int count, char** words, LoadOptions& options) {
  const std::map<std::string, std::function<void(const std::string&)>> known = {
      {"--bootstrap", [&](const std::string& value) { options.bootstrap = value; }},
      {"--topic", [&](const std::string& value) { options.topic = value; }},
      {"--partitions",
       [&](const std::string& value) { options.partitions = std::atoi(value.c_str()); }},
      {"--record-bytes",
       [&](const std::string& value) {
         options.record_bytes = std::strtoull(value.c_str(), nullptr, 10);
       }},
      {"--bytes", [&](const std::string& value) { options.bytes_max = std::atoll(value.c_str()); }},
      {"--seconds",
       [&](const std::string& value) { options.seconds_max = std::atof(value.c_str()); }},
      {"--one-in-flight", [&](const std::string& value) { options.one_in_flight = value == "1"; }},
      {"--records", [&](const std::string& value) { options.records = std::atoll(value.c_str()); }},
      {"--passes", [&](const std::string& value) { options.passes = std::atoi(value.c_str()); }},
      {"--set", [&](const std::string& value) {
         const std::size_t equals = std::min(value.find('='), value.size() - 1);
         options.settings.emplace_back(value.substr(0, equals), value.substr(equals + 1));
       }}};
  for (int i = 0; i + 1 < count; i += 2) {
    const auto option = known.find(words[i]);
    if (option == known.end() || words[i + 1][0] == '\0') return false;
    option->second(words[i + 1]);
  }
  return count % 2 == 0 && !options.bootstrap.empty() && !options.topic.empty() &&
         options.partitions > 0 && options.record_bytes > 0;
}

double PercentileMs(std::vector<std::uint32_t>& values, double part) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)] / 1000.0;
}

void Print(LoadResult& result) {
  const std::string error = Quotable(result.error);
  std::printf(
      "{\"records\": %lld, \"bytes\": %lld, \"failed\": %lld, \"error\": \"%s\", "
      "\"seconds\": %.3f, \"mb_per_s\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
      "\"client_cpu_s\": %.2f}\n",
      static_cast<long long>(result.records), static_cast<long long>(result.bytes),
      static_cast<long long>(result.failed), error.c_str(), result.seconds,
      result.seconds > 0 ? static_cast<double>(result.bytes) / 1e6 / result.seconds : 0,
      PercentileMs(result.latencies_us, 0.5), PercentileMs(result.latencies_us, 0.99),
      CpuSeconds());
}

}  // namespace
}  // namespace kronika::bench

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  kronika::bench::LoadOptions options;
  if ((what != "produce" && what != "consume") ||
      !kronika::bench::Parse(count - 2, words + 2, options)) {
    std::fprintf(stderr, "usage: see the head of bench/load/main.cc\n");
    return 2;
  }
  kronika::bench::LoadResult result =
      what == "produce" ? kronika::bench::Produce(options) : kronika::bench::Consume(options);
  kronika::bench::Print(result);
  return result.failed == 0 && result.error.empty() && result.records > 0 ? 0 : 1;
}
