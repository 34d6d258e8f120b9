// SuperFrame round trips: every field survives, in order; anything else is refused whole.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "raft/super_frame.h"

namespace kronika::raft {
namespace {

constexpr BrokerId kFrom{1}, kTo{2};

class Random {
 public:
  explicit Random(std::uint64_t seed) : rng_(seed) {}
  std::uint64_t Number() { return rng_.Next() >> rng_.Below(64); }
  std::uint32_t Small() { return static_cast<std::uint32_t>(rng_.Below(1000)); }
  bool Flag() { return rng_.Chance(0.5); }
  Slice Bytes() {
    Slice out = Slice::Allocate(rng_.Below(50));
    for (auto& byte : out.mutable_bytes()) byte = static_cast<std::byte>(rng_.Next());
    return out;
  }
  std::string Text() { return std::string(Bytes().text()); }

  Message AnyMessage() {
    Message out{.type = static_cast<MessageType>(rng_.Below(10)),
                .from = {kFrom, {Number()}},
                .to = {kTo, {Number()}},
                .term = Term{Number()},
                .log_index = Index{Number() >> 1},
                .log_term = Term{Number()},
                .commit = Index{Number()},
                .hint_index = Index{Number()},
                .hint_term = Term{Number()},
                .reject = Flag(),
                .busy = Flag(),
                .transfer = Flag(),
                .read_context = Number()};
    for (auto n = rng_.Below(4); n > 0; --n) {
      out.entries.push_back({.index = out.log_index + (out.entries.size() + 1),
                             .term = Term{Number()},
                             .type = static_cast<EntryType>(rng_.Below(4)),
                             .append_time_ms = static_cast<std::int64_t>(Number()),
                             .payload = Bytes()});
    }
    return out;
  }

  SuperFrame AnyFrame() {
    SuperFrame out{.metadata_index = Number(),
                   .wall_clock_ms = static_cast<std::int64_t>(Number())};
    for (auto n = rng_.Below(4); n > 0; --n)
      out.messages.push_back({GroupId{Small()}, Generation{Small()}, AnyMessage()});
    if (Flag()) {
      out.beat = Beat{.sequence = Number()};
      for (std::uint32_t group = Small(), n = 0; n < 3; ++n, group += 1 + Small()) {
        out.beat->full.push_back(
            {GroupId{Small()}, {Number()}, {Number()}, {Number()}, {Number()}, Number()});
        out.beat->unchanged.push_back(GroupId{group});
      }
    }
    if (Flag()) out.beat_answers.push_back({Number(), {GroupId{Small()}, GroupId{Small()}}});
    if (Flag())
      out.not_yet.push_back(
          {GroupId{Small()}, {Number()}, {Number()}, MessageType::kVote, Term{Number()}});
    if (Flag())
      out.leaders.push_back(
          {GroupId{Small()}, Term{Number()}, kFrom, Number(), {kFrom, kTo}, Term{Number()}});
    out.leaders_wanted = Flag();
    if (Flag()) {
      Membership members{.voters = {{kFrom, {1}}}, .metadata_index = 9};
      LogStart start{Index{Number()}, Term{Number()}, members};
      out.install_chunks.push_back({GroupId{Small()},
                                    {Number()},
                                    {Number()},
                                    Term{Number()},
                                    Number(),
                                    0,
                                    start,
                                    Text(),
                                    Bytes(),
                                    false});
      out.install_answers.push_back(
          {GroupId{Small()}, {Number()}, {Number()}, Number(), Number(), Flag(), Flag(), "why"});
    }
    if (Flag()) out.calls.push_back({Number(), Small(), Small(), Bytes()});
    if (Flag()) out.call_answers.push_back({Number(), Bytes()});
    if (Flag()) out.call_answers.push_back({Number(), Fail(ErrorCode::kNotLeader, "ask broker 3")});
    return out;
  }

 private:
  SeededRng rng_;
};

TEST(Codec, EveryFieldSurvives) {
  Random random(1);
  for (int i = 0; i < 500; ++i) {
    SuperFrame frame = random.AnyFrame();
    Frame first = Encode(frame);
    auto decoded = Decode(first, kFrom, kTo);
    ASSERT_TRUE(decoded) << decoded.error().Describe();
    ASSERT_EQ(decoded->messages.size(), frame.messages.size());
    for (std::size_t m = 0; m < frame.messages.size(); ++m) {
      EXPECT_EQ(decoded->messages[m].message.Describe(), frame.messages[m].message.Describe());
      EXPECT_EQ(decoded->messages[m].message.from, frame.messages[m].message.from);
    }
    Frame second = Encode(*decoded);
    EXPECT_EQ(first.header, second.header);
    EXPECT_EQ(Flatten(first.payload).text(), Flatten(second.payload).text());
  }
}

TEST(Codec, PayloadCutAnywhereIsReadTheSame) {
  Random random(2);
  for (int i = 0; i < 200; ++i) {
    Frame frame = Encode(random.AnyFrame());
    Slice whole = Flatten(frame.payload);
    if (whole.size() < 2) continue;
    std::size_t cut = 1 + static_cast<std::size_t>(i) % (whole.size() - 1);
    Frame recut{frame.header, {whole.Sub(0, cut), Slice(), whole.Sub(cut, whole.size() - cut)}};
    auto decoded = Decode(recut, kFrom, kTo);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(Flatten(Encode(*decoded).payload).text(), whole.text());
  }
}

// Indexes do not travel: an append whose entries are of another place would become other entries
// on the follower, so it never leaves.
TEST(Codec, AnAppendOfAnotherPlaceIsNotSent) {
  SuperFrame frame;
  Message append{.type = MessageType::kAppend, .log_index = Index{4}};
  append.entries.push_back({.index = Index{3}, .type = EntryType::kData});
  frame.messages.push_back({GroupId{1}, Generation{1}, append});
  EXPECT_DEATH(Encode(frame), "follow its previous index");
  frame.messages[0].message.entries[0].index = Index{5};
  const auto decoded = Decode(Encode(frame), kFrom, kTo);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->messages[0].message.entries[0].index, Index{5});
}

TEST(Codec, PayloadThatDoesNotFitIsRefused) {
  SuperFrame frame;
  frame.calls.push_back({1, 2, 3, Slice::CopyOf("four")});
  Frame encoded = Encode(frame);
  encoded.payload = {Slice::CopyOf("fou")};
  EXPECT_EQ(Decode(encoded, kFrom, kTo).error().code, ErrorCode::kCorruption);
  encoded.payload = {Slice::CopyOf("fours")};
  EXPECT_EQ(Decode(encoded, kFrom, kTo).error().code, ErrorCode::kCorruption);
  encoded.payload = {Slice::CopyOf("four")};
  EXPECT_TRUE(Decode(encoded, kFrom, kTo));
}

TEST(Codec, GarbageIsRefusedAndNeverCrashes) {
  Random random(3);
  SeededRng rng(4);
  for (int i = 0; i < 2000; ++i) {
    Frame frame = Encode(random.AnyFrame());
    for (int flips = 0; flips < 3 && !frame.header.empty(); ++flips) {
      frame.header[rng.Below(frame.header.size())] ^= static_cast<char>(1 << rng.Below(8));
    }
    auto decoded = Decode(frame, kFrom, kTo);
    EXPECT_TRUE(decoded || decoded.error().code == ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace kronika::raft
