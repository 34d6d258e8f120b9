// Turns on the planted bug that the environment variable KRONIKA_PLANTED names, to see the tests
// fail.
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/planted.h"

namespace {

class PlantedEnvironment final : public testing::Environment {
 public:
  void SetUp() override {
    if (const char* name = std::getenv("KRONIKA_PLANTED")) kronika::planted::Enable(name);
  }
};

[[maybe_unused]] auto* const kRegistered =
    testing::AddGlobalTestEnvironment(new PlantedEnvironment);

}  // namespace
