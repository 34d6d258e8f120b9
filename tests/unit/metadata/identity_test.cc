// Identity of a data directory: texts, founding, the file and its boot epoch, the lock.
#include "metadata/identity.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/fake_files.h"
#include "base/lock_file.h"
#include "base/sim_loop.h"
#include "metadata/identity_file.h"

namespace kronika::metadata {
namespace {

FoundingText Cluster(int brokers) {
  SeededRng rng(5);
  std::vector<FoundingBroker> list;
  for (int id = brokers; id >= 1; --id) {
    list.push_back({.broker = {id}, .peer = {.host = "h", .port = static_cast<std::uint16_t>(id)}});
  }
  return *Found(std::move(list), rng);
}

TEST(FoundingText, NamesEveryBrokerAndComesBack) {
  const FoundingText text = Cluster(7);
  EXPECT_EQ(text.voters.size(), kMetadataVotersMax);
  EXPECT_EQ(text.others.size(), 2u);
  EXPECT_EQ(text.voters.front().broker, BrokerId{1});
  const auto parsed = ParseFoundingText(PrintFoundingText(text));
  ASSERT_TRUE(parsed) << parsed.error().Describe();
  EXPECT_EQ(*parsed, text);
}

TEST(FoundingText, RefusesWhatCannotFound) {
  SeededRng rng(1);
  const HostPort one{.host = "a", .port = 1};
  const HostPort two{.host = "b", .port = 1};
  EXPECT_FALSE(Found({}, rng));
  EXPECT_FALSE(Found({{.broker = {1}, .peer = one}, {.broker = {1}, .peer = two}}, rng));
  EXPECT_FALSE(Found({{.broker = {1}, .peer = one}, {.broker = {2}, .peer = one}}, rng));
  EXPECT_FALSE(Found({{.broker = {0}, .peer = one}}, rng));
  const std::string good = PrintFoundingText(Cluster(1));
  EXPECT_TRUE(ParseFoundingText("\n# note\n" + good));
  const auto bad = ParseFoundingText(good + "voter x h:1 y\n");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text.find("line 4"), std::string::npos) << bad.error().text;
  EXPECT_FALSE(ParseFoundingText(good + good)) << "each broker once";
  EXPECT_FALSE(ParseFoundingText("cluster " + Cluster(1).cluster.ToString() + "\n"));
}

TEST(Identity, FoundersFoundAndOthersJoin) {
  const FoundingText text = Cluster(6);
  const auto founder = IdentityFrom(text, {2});
  ASSERT_TRUE(founder);
  EXPECT_TRUE(founder->founds());
  EXPECT_EQ(founder->directory, text.voters[1].directory);
  const auto sixth = IdentityFrom(text, {6});
  ASSERT_TRUE(sixth);
  EXPECT_FALSE(sixth->founds()) << "never founds a cluster of its own (safety rule A12)";
  EXPECT_EQ(sixth->directory, text.others[0].directory);
  EXPECT_EQ(IdentityFrom(text, {7}).error().code, ErrorCode::kNotFound);
  for (const auto& identity : {*founder, *sixth}) {
    const auto decoded = DecodeIdentity(EncodeIdentity(identity));
    ASSERT_TRUE(decoded) << decoded.error().Describe();
    EXPECT_EQ(*decoded, identity);
  }
}

// The node file need not name anybody: a founder knows the others from its identity, too.
TEST(Identity, WhoeverJoinsKnowsWhomToAskFirst) {
  const FoundingText text = Cluster(6);
  EXPECT_TRUE(IdentityFrom(text, {2})->contacts.empty());
  EXPECT_EQ(IdentityFrom(text, {6})->contacts.size(), 5u);
  const Identity successor = JoinerIdentity(text, {3}, text.cluster);
  const auto decoded = DecodeIdentity(EncodeIdentity(successor));
  ASSERT_TRUE(decoded) << decoded.error().Describe();
  ASSERT_EQ(decoded->contacts.size(), 5u) << "all but itself";
  EXPECT_EQ(decoded->contacts.front(),
            (FoundingBroker{.broker = {1}, .peer = {.host = "h", .port = 1}}));
  EXPECT_EQ(decoded->contacts.back().broker, BrokerId{6});
}

TEST(Identity, EveryFlippedBitAndEveryCutIsSeen) {
  const std::string whole = EncodeIdentity(*IdentityFrom(Cluster(3), {2}));
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    const auto decoded = DecodeIdentity(damaged);
    // Only the case of a hex digit of the checksum, and the last line's end, say nothing.
    if (decoded) {
      EXPECT_EQ(*decoded, *DecodeIdentity(whole)) << bit;
    }
  }
  for (std::size_t size = 0; size + 1 < whole.size(); ++size)
    EXPECT_FALSE(DecodeIdentity(whole.substr(0, size))) << size;
}

TEST(Identity, AForeignDirectoryGetsOneLine) {
  const Identity identity = *IdentityFrom(Cluster(3), {2});
  EXPECT_TRUE(CheckOwner(identity, {2}));
  const auto foreign = CheckOwner(identity, {1});
  EXPECT_EQ(foreign.error().code, ErrorCode::kFenced);
  EXPECT_NE(foreign.error().text.find("belongs to broker 2"), std::string::npos);
}

class IdentityFileTest : public ::testing::Test {
 protected:
  template <class T, class Start>
  Result<T> Run(Start&& start) {
    std::optional<Result<T>> result;
    start([&](Result<T> outcome) { result = std::move(outcome); });
    EXPECT_TRUE(
        scheduler_.RunUntilTrue([&] { return result.has_value(); }, std::chrono::seconds(10)));
    return std::move(*result);
  }
  Status Format(const Identity& identity) {
    return Run<void>([&](Done<void> done) { FormatDirectory(*files_, identity, std::move(done)); });
  }
  Result<Identity> Open(std::int32_t node_id) {
    return Run<Identity>(
        [&](Done<Identity> done) { OpenIdentity(*files_, {node_id}, std::move(done)); });
  }
  void Create(const std::string& name) {
    EXPECT_TRUE(
        Run<std::unique_ptr<File>>([&](auto done) { files_->Create(name, {}, std::move(done)); }));
  }
  void Crash() {
    files_.reset();
    disk_.Crash({});
    files_ = std::make_unique<FakeFiles>(disk_, loop_);
  }

  SeededRng rng_{3};
  SimScheduler scheduler_{rng_};
  SimLoop loop_{scheduler_};
  FakeDisk disk_{rng_};
  std::unique_ptr<FakeFiles> files_ = std::make_unique<FakeFiles>(disk_, loop_);
  const Identity identity_ = *IdentityFrom(Cluster(3), {2});
};

TEST_F(IdentityFileTest, FormattedOnceAndSafeToRepeat) {
  EXPECT_EQ(Open(2).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(Format(identity_));
  EXPECT_EQ(Open(2)->boot_epoch, 1u);
  EXPECT_TRUE(Format(identity_)) << "the same again";
  EXPECT_EQ(Open(2)->boot_epoch, 2u) << "and the boot epoch was left alone";
  const auto other = Format(JoinerIdentity(Cluster(3), {2}, Cluster(1).cluster));
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().text.find("already formatted, for broker 2"), std::string::npos)
      << other.error().text;
  EXPECT_EQ(Open(1).error().code, ErrorCode::kFenced);
  EXPECT_EQ(Open(2)->boot_epoch, 3u) << "a refused open raises nothing";
}

TEST_F(IdentityFileTest, DataWithoutAnIdentityIsNotFormattedOver) {
  Create("0.wal");
  const auto formatted = Format(identity_);
  ASSERT_FALSE(formatted);
  EXPECT_NE(formatted.error().text.find("'0.wal' is there"), std::string::npos);
  EXPECT_EQ(Open(2).error().code, ErrorCode::kNotFound);
}

// Safety rule D-8: a boot epoch that was given out is never given out again, whatever a power loss
// forgets. Seen to fail when the file is renamed before it is synced.
TEST_F(IdentityFileTest, TheBootEpochOnlyRisesAcrossPowerLoss) {
  ASSERT_TRUE(Format(identity_));
  std::uint64_t last = 0;
  for (int round = 0; round < 50; ++round) {
    if (round % 3 == 0) {
      // A crash in the middle of an open: it may or may not have taken place.
      OpenIdentity(*files_, {2}, [](Result<Identity>) {});
      for (std::uint64_t steps = rng_.Below(12); steps > 0; --steps) scheduler_.Step();
      Crash();
    }
    const auto opened = Open(2);
    ASSERT_TRUE(opened) << opened.error().Describe();
    EXPECT_GT(opened->boot_epoch, last);
    last = opened->boot_epoch;
    Crash();
  }
}

TEST(LockFile, OneHolderAtATime) {
  const std::string path = std::filesystem::path(::testing::TempDir()) / "kronika_lock_test";
  auto first = LockFile::Acquire(path);
  ASSERT_TRUE(first) << first.error().Describe();
  const auto second = LockFile::Acquire(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kBusy);
  EXPECT_NE(second.error().text.find("in use by process "), std::string::npos)
      << second.error().text;
  {
    const LockFile released = std::move(*first);
  }
  EXPECT_TRUE(LockFile::Acquire(path));
  EXPECT_EQ(LockFile::Acquire("/nowhere/at/all").error().code, ErrorCode::kIo);
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace kronika::metadata
