// `kronika topic produce` and `consume`.
//
// Main thread.
#pragma once

#include <vector>

#include "cmd/kronika/command.h"

namespace kronika::cmd {

std::vector<Option> ProduceOptions(const Option& topic);
std::vector<Option> ConsumeOptions(const Option& topic);
int RunTopicProduce(const Arguments& arguments);
int RunTopicConsume(const Arguments& arguments);
// With --group.
int RunTopicConsumeAsMember(const Arguments& arguments);

}  // namespace kronika::cmd
