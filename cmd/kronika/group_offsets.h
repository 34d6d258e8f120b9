// `kronika group reset-offsets` and `delete-offsets`.
//
// Main thread.
#pragma once

#include <vector>

#include "cmd/kronika/command.h"

namespace kronika::cmd {

std::vector<Option> ResetOptions(const Option& group);
int RunGroupReset(const Arguments& arguments);
std::vector<Option> DeleteOffsetsOptions(const Option& group);
int RunGroupDeleteOffsets(const Arguments& arguments);

}  // namespace kronika::cmd
