// kronika-sim cluster: seeds of three whole brokers.
#include "cmd/kronika_sim/cluster_world.h"
#include "cmd/kronika_sim/run_seeds.h"

namespace kronika::sim {

int RunCluster(const std::vector<std::string>& arguments) {
  return RunSeeds(arguments, [](std::uint64_t seed, SeedArguments::Log log) {
    return ClusterWorld(seed, log).Run();
  });
}

}  // namespace kronika::sim
