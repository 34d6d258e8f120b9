// kronika-sim core: seeds of one Raft group of cores.
#include "cmd/kronika_sim/core_world.h"
#include "cmd/kronika_sim/run_seeds.h"

namespace kronika::sim {

int RunCore(const std::vector<std::string>& arguments) {
  return RunSeeds(arguments, [](std::uint64_t seed, SeedArguments::Log log) {
    return CoreWorld(seed, log).Run();
  });
}

}  // namespace kronika::sim
