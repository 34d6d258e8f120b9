// Java's hash of a text. The expected numbers are what java.lang.String.hashCode gives.
#include "broker/api/java_hash.h"

#include <gtest/gtest.h>

#include <string>

namespace kronika::broker {
namespace {

TEST(JavaHash, AgreesWithJava) {
  EXPECT_EQ(JavaHash(""), 0);
  EXPECT_EQ(JavaHash("a"), 97);
  EXPECT_EQ(JavaHash("group"), 98629247);
  EXPECT_EQ(JavaHash("polygenelubricants"), std::numeric_limits<std::int32_t>::min());
  EXPECT_EQ(JavaHash("\xC3\xA4"), 228);                           // U+00E4
  EXPECT_EQ(JavaHash("\xF0\x9F\x98\x80"), 0xD83D * 31 + 0xDE00);  // U+1F600, two units
}

TEST(JavaHash, DoesNotTrustItsInput) {
  EXPECT_EQ(JavaHash("\xFF"), 0xFFFD);
  EXPECT_EQ(JavaHash("\xE2\x82"), 0xFFFD);
}

TEST(JavaHash, ThePartitionIsNeverNegative) {
  EXPECT_EQ(PartitionOfText("group", 50), 47);
  EXPECT_EQ(PartitionOfText("polygenelubricants", 50), 0);
  for (int i = 0; i < 1000; ++i) {
    const auto partition = PartitionOfText("consumer-" + std::to_string(i * 7919), 50);
    EXPECT_GE(partition, 0);
    EXPECT_LT(partition, 50);
  }
}

}  // namespace
}  // namespace kronika::broker
