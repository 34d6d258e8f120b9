// Tables, their JSON, and the numbers that users give.
//
// Single thread.
#include <gtest/gtest.h>

#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/output.h"

namespace kronika::cmd {
namespace {

Table Sample() {
  Table table({{"NAME", "name"},
               {"LEADER", "leader", CellKind::kNumber},
               {"ISR", "isr", CellKind::kNumbers}});
  table.Add({"a\"b", "-1", "1,2"});
  table.Add({"longer", "", ""});
  return table;
}

TEST(Output, ColumnsAreAligned) {
  EXPECT_EQ(Sample().ToText(),
            "NAME    LEADER  ISR\n"
            "a\"b     -1      1,2\n"
            "longer  -       -\n");
}

TEST(Output, JsonHasNumbersListsAndNulls) {
  kafka::JsonText json;
  Sample().ToJson(json);
  EXPECT_EQ(
      json.Take(),
      R"([{"name":"a\"b","leader":-1,"isr":[1,2]},{"name":"longer","leader":null,"isr":[]}])");
}

TEST(Arguments, ANumberOutsideItsRangeIsRefused) {
  for (const std::string text : {"", "x", "1x", "0", "11", " 5"}) {
    Arguments arguments;
    arguments.Add("--n", text);
    EXPECT_FALSE(ReadNumber(arguments, "--n", {.first = 1, .last = 10})) << text;
  }
  Arguments arguments;
  arguments.Add("--n", "10");
  EXPECT_EQ(ReadNumber(arguments, "--n", {.first = 1, .last = 10}).value(), 10);
}

TEST(Arguments, APairNeedsANameAndTheSeparator) {
  EXPECT_FALSE(SplitPair("abc", '='));
  EXPECT_FALSE(SplitPair("=x", '='));
  EXPECT_EQ(SplitPair("a=b=c", '=').value(), (std::pair<std::string, std::string>("a", "b=c")));
}

}  // namespace
}  // namespace kronika::cmd
