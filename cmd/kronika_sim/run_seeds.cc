// What the subcommands share: reports, and the hunt for planted bugs.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "base/planted.h"
#include "cmd/kronika_sim/run_seeds.h"

namespace kronika::sim {
namespace {

bool RunOne(std::uint64_t seed, const SeedArguments& arguments, const RunSeed& run,
            SeedReport& total) {
  const SeedReport report = run(seed, arguments.log);
  total.events += report.events;
  total.hash = total.hash * 31 + report.hash;
  for (const auto& [name, count] : report.counts) total.counts[name] += count;
  total.required.insert(report.required.begin(), report.required.end());
  if (report.violation.empty()) return true;
  std::printf("seed %llu: VIOLATION %s\n", static_cast<unsigned long long>(seed),
              report.violation.c_str());
  return false;
}

#if KRONIKA_TEST_BUILD
// A planted bug may end in a CHECK, so each seed has a process of its own.
int HuntBug(const SeedArguments& arguments, const RunSeed& run) {
  planted::Enable(arguments.bug);
  for (std::uint64_t seed = arguments.first; seed <= arguments.last; ++seed) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      SeedReport total;
      const bool clean = RunOne(seed, arguments, run, total);
      std::fflush(stdout);
      _exit(clean ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status == 0) continue;
    std::printf("%s: found by seed %llu\n", arguments.bug.c_str(),
                static_cast<unsigned long long>(seed));
    return 1;
  }
  std::printf("%s: NOT FOUND by seeds %llu..%llu\n", arguments.bug.c_str(),
              static_cast<unsigned long long>(arguments.first),
              static_cast<unsigned long long>(arguments.last));
  return 0;
}
#endif

}  // namespace

int RunSeeds(const std::vector<std::string>& arguments, const RunSeed& run) {
  SeedArguments seeds;
  if (!ParseSeedArguments(arguments, seeds)) return 2;
  if (!seeds.bug.empty()) {
#if KRONIKA_TEST_BUILD
    return HuntBug(seeds, run);
#else
    std::puts("this build has no planted bugs");
    return 2;
#endif
  }
  SeedReport total;
  std::uint64_t failed = 0;
  for (std::uint64_t seed = seeds.first; seed <= seeds.last; ++seed) {
    failed += RunOne(seed, seeds, run, total) ? 0 : 1;
  }
  std::printf("%llu seeds, %llu events, hash %016llx, %llu violations\n",
              static_cast<unsigned long long>(seeds.last - seeds.first + 1),
              static_cast<unsigned long long>(total.events),
              static_cast<unsigned long long>(total.hash), static_cast<unsigned long long>(failed));
  for (const auto& [name, count] : total.counts) {
    std::printf("  %-22s %llu\n", name.c_str(), static_cast<unsigned long long>(count));
  }
  if (seeds.last - seeds.first + 1 < kFullRunSeeds) return failed == 0 ? 0 : 1;
  for (const auto& name : total.required) {
    if (total.counts[name] > 0) continue;
    std::printf("never happened: %s\n", name.c_str());
    ++failed;
  }
  return failed == 0 ? 0 : 1;
}

}  // namespace kronika::sim
