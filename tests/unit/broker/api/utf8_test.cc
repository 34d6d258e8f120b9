// Which texts are UTF-8.
#include "broker/api/utf8.h"

#include <gtest/gtest.h>

namespace kronika::broker {
namespace {

TEST(Utf8, TakesTheShortestFormOfEveryCharacter) {
  for (const char* text :
       {"", "plain", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF", "a\xC3\xA4z"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
    EXPECT_EQ(ToUtf8(text), text);
  }
}

TEST(Utf8, RefusesTheRest) {
  for (const char* text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                           "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF",
                           "\xC3", "\xC3(", "\xE2\x82", "\xF0\x9F\x98"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
    EXPECT_TRUE(IsUtf8(ToUtf8(text))) << text;
  }
  EXPECT_EQ(ToUtf8("a\xFF\xC3(\xC3\xA4"),
            "a?"
            "?(\xC3\xA4");
}

}  // namespace
}  // namespace kronika::broker
