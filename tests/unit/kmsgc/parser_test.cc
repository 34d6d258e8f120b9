// The schema language: what it says of a field, and that each mistake is named with its line.
#include "cmd/kmsgc/parser.h"

#include <gtest/gtest.h>

#include "cmd/kmsgc/emit.h"

namespace kronika::kmsgc {
namespace {

constexpr const char* kHead = "api 7 Sample\n  serve 1..5\n  flexible 3..\n\nrequest\n";

// The message of the parser for a request with these field lines, from line 6 on.
std::string Fault(const std::string& fields) {
  const auto result =
      Parse("sample.kmsg", kHead + fields + "response\n  error_code error top_error\n");
  const auto* text = std::get_if<std::string>(&result);
  return text != nullptr ? *text : "";
}

Schema Good(const std::string& fields) {
  const auto result =
      Parse("dir/sample.kmsg", kHead + fields + "response\n  error_code error top_error\n");
  if (const auto* text = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *text;
    return {};
  }
  return std::get<Schema>(result);
}

TEST(Parser, ReadsAField) {
  const Schema schema =
      Good("  # Why.\n  items  []Item?  v 2..4  # More.\n    name  string = x  null 3..\n");
  EXPECT_EQ(schema.file, "sample");
  EXPECT_EQ(schema.name, "Sample");
  EXPECT_EQ(schema.key, 7);
  EXPECT_EQ(schema.advertise, std::nullopt);
  const Message& request = *schema.Find(Side::kRequest);
  ASSERT_EQ(request.root.fields.size(), 1u);
  const Field& items = request.root.fields[0];
  EXPECT_TRUE(items.array);
  EXPECT_EQ(items.struct_name, "Item");
  EXPECT_EQ(items.versions.first, 2);
  EXPECT_EQ(items.versions.last, 4);
  ASSERT_TRUE(items.nullable);
  EXPECT_EQ(items.nullable->first, 2);
  EXPECT_EQ(items.comment, "Why.\nMore.");
  const Field& name = request.Find("Item")->fields[0];
  EXPECT_EQ(name.versions.last, 4) << "a field is in no version that its struct is not in";
  EXPECT_EQ(name.nullable->first, 3);
  EXPECT_EQ(name.default_value, "x");
}

struct FaultCase {
  const char* fields;
  const char* expected;
};

TEST(Parser, NamesMistakesWithTheirLine) {
  const FaultCase cases[] = {
      {"  name\n", "sample.kmsg:6: expected 'name type'"},
      {"  name text\n", "sample.kmsg:6: unknown type text"},
      {"  name string bold\n", "sample.kmsg:6: unknown or unfinished attribute bold"},
      {"  name string v 4..2\n", "sample.kmsg:6: unknown attribute or bad value: v 4..2"},
      {"  name string v 9..\n", "sample.kmsg:6: the field is in no served version"},
      {"  name string\n      deep i8\n", "sample.kmsg:7: only a struct has fields of its own"},
      {"  item Item\n", "sample.kmsg:6: the struct Item is not described"},
      {"  a A\n    x i8\n  b A\n    y i8\n", "sample.kmsg:8: the struct A is described twice"},
      {"  Name string\n", "sample.kmsg:6: Name: the name is not in snake_case"},
      {"  a i8\n  a i8\n", "sample.kmsg:7: a: the name is used twice"},
      {"  a i8 v 3.. tag 0\n  b i8 v 3.. tag 0\n", "sample.kmsg:7: b: the tag is used twice"},
      {"  a i8 tag 0\n", "sample.kmsg:6: a: a tag needs flexible versions"},
      {"  a i8?\n", "sample.kmsg:6: a: the type cannot be null"},
      {"  a string = null\n", "sample.kmsg:6: a: null is not among its values"},
      {"  a i16 part_error\n", "sample.kmsg:6: a: only an error field can take the error"},
      {"  a records\n", "sample.kmsg:6: a: records are 'records?'"},
      {"other\n", "sample.kmsg:6: unknown section other"},
  };
  for (const FaultCase& test : cases) EXPECT_EQ(Fault(test.fields), test.expected) << test.fields;
}

TEST(Parser, RecordsHaveATypeAndRequestsDoNot) {
  const auto key = Parse("a.kmsg", "message A\n  serve 0..0\n  record 2\nfields\n  group string\n");
  ASSERT_TRUE(std::holds_alternative<Schema>(key));
  EXPECT_EQ(std::get<Schema>(key).record_type, 2);
  const auto request = Parse("a.kmsg", "api 1 A\n  serve 1..2\n  record 2\nrequest\nresponse\n");
  EXPECT_EQ(std::get<std::string>(request), "a.kmsg:3: unknown property or bad value: record 2");
}

TEST(Parser, NeedsARangeAndBothSections) {
  const auto open = Parse("a.kmsg", "api 1 A\n  serve 1..\nrequest\nresponse\n");
  EXPECT_EQ(std::get<std::string>(open), "a.kmsg: 'serve' needs a first and a last version");
  const auto half = Parse("a.kmsg", "api 1 A\n  serve 1..2\nrequest\n");
  EXPECT_EQ(std::get<std::string>(half), "a.kmsg: a section is missing or repeated");
  const auto beyond =
      Parse("a.kmsg", "api 1 A\n  serve 1..2\n  advertise 1..3\nrequest\nresponse\n");
  EXPECT_EQ(std::get<std::string>(beyond), "a.kmsg: advertises versions that are not served");
  EXPECT_EQ(std::get<std::string>(Parse("a.kmsg", "")), "a.kmsg: the file is empty");
}

TEST(Errors, AreReadInOrder) {
  const auto good =
      ParseErrors("errors.list", "# Comment.\n-1 BAD final it failed\n0 NONE final no error\n");
  const auto& entries = std::get<std::vector<ErrorEntry>>(good);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].text, "it failed");
  const auto bad = ParseErrors("errors.list", "3 A final x\n3 B final y\n");
  EXPECT_EQ(std::get<std::string>(bad), "errors.list:2: codes do not rise");
}

TEST(Cpp, SpellsConditions) {
  EXPECT_EQ(InVersions({0}, {1, 5}), "true");
  EXPECT_EQ(InVersions({2}, {1, 5}), "version >= 2");
  EXPECT_EQ(InVersions({1, 3}, {1, 5}), "version <= 3");
  EXPECT_EQ(InVersions({2, 3}, {1, 5}), "version >= 2 && version <= 3");
  EXPECT_EQ(InVersions({5, 5}, {1, 5}), "version == 5");
  EXPECT_EQ(Constant("NOT_LEADER_OR_FOLLOWER"), "kNotLeaderOrFollower");
}

TEST(Describe, PrintsEveryFieldAsItWasUnderstood) {
  const Schema schema = Good("  cluster_id  string? = null  v 3..  tag 0\n");
  EXPECT_EQ(EmitDescription({schema}),
            "message SampleRequest key=7 serve=1..5 flexible=3\n"
            "field 0 cluster_id string versions=3..5 nullable=3..5 tag=0 default=null\n"
            "message SampleResponse key=7 serve=1..5 flexible=3\n"
            "field 0 error_code int16 versions=1..5\n");
}

}  // namespace
}  // namespace kronika::kmsgc
