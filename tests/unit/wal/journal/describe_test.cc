// What `kronika dump journal` prints, as people and programs read it.
#include "wal/journal/describe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "journal_image.h"

namespace kronika::wal {
namespace {

std::string Dump(const JournalImage& image, DumpFormat format) {
  std::ostringstream out;
  DescribeJournal({{JournalImage::NameOf(1), Slice::CopyOf(image.files.at(1))}}, {.format = format},
                  out);
  return out.str();
}

JournalImage SmallImage() {
  JournalImage image;
  image.Commit({OpenedRecord()});
  image.Commit({EntryRecord(7, 3, 2, 40), VoteRecord(7, 2, 1)});
  return image;
}

TEST(DescribeJournal, TextNamesEveryRecordAndTheVerdict) {
  const std::string text = Dump(SmallImage(), DumpFormat::kText);
  EXPECT_NE(text.find("00000001-262144.wal\n  block 0 +1 sequence 1 epoch 1 checkpoint 0"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("\n    opened\n"), std::string::npos) << text;
  EXPECT_NE(text.find("    entry group 7 index 3 term 2 type 0 append_time_ms 0 bytes 40\n"
                      "    hard-state group 7 term 2 vote 1 incarnation 0\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("verdict: replay from 1 to 2, clean end\n"), std::string::npos) << text;
}

TEST(DescribeJournal, DamageIsShownWhereItIs) {
  JournalImage image = SmallImage();
  image.Commit({SealRecord()});
  image.FlipBit(1, (kBlockBytes + 180) * 8);
  const std::string text = Dump(image, DumpFormat::kText);
  EXPECT_NE(text.find("broken in block 1: a record's checksum is wrong"), std::string::npos)
      << text;
}

TEST(DescribeJournal, JsonIsOneObjectPerLine) {
  const std::string text = Dump(SmallImage(), DumpFormat::kJson);
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  EXPECT_NE(text.find(R"("records":[{"kind":"entry","group":7,"index":3,"term":2,"type":0,)"
                      R"("append_time_ms":0,"bytes":40},{"kind":"hard-state","group":7,)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"({"verdict":"replay from 1 to 2, clean end","last_sequence":2,)"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace kronika::wal
