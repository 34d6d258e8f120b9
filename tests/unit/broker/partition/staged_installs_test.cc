// A full install whose manifest is larger than any record of the journal: a crash at any point
// recovers to before or after it, never between (SAFETY A8).
//
// Planted bugs that were seen to be caught: staged-manifest-not-synced, staged-manifest-by-group,
// staged-manifest-forgotten-early.
#include "broker/partition/staged_installs.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/fake_kv.h"
#include "broker/partition/replicas.h"
#include "broker/store_keys.h"
#include "metadata/delta.h"
#include "metadata/image.h"
#include "raft/fake_log_store.h"
#include "raft/fake_transport.h"
#include "tests/unit/wal/log/log_world.h"
#include "wal/log/install.h"

namespace kronika::broker {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr GroupId kGroup{1};
constexpr raft::ReplicaId kSelf{BrokerId{1}, Incarnation{6}};
constexpr std::size_t kEntryBytesMax = (32 << 10) - 4096;
constexpr int kProducers = 5000;  // their manifest comes in pieces

Uuid Directory(std::uint8_t number) {
  Uuid out;
  out.bytes.back() = number;
  return out;
}

std::string ManyProducers() {
  ProducerState state;
  for (int i = 1; i <= kProducers; ++i) {
    const wal::BatchHeader batch{.producer_id = i, .producer_epoch = 0, .base_sequence = 0};
    state.Apply(Index{static_cast<std::uint64_t>(i)}, batch, 1000);
  }
  return state.Encode();
}

// What a leader streams: `batches` batches, at entry `batches`.
struct Stream {
  raft::LogStart start;
  std::int64_t end = 0;
  std::vector<wal::InstallPiece> pieces;
};

Stream StreamOf(int batches) {
  wal::LogWorld leader(1, wal::SmallOptions());
  for (int i = 0; i < batches; ++i) leader.Append(1, 120, 1000 + i);
  EXPECT_TRUE(leader.Checkpoint());
  wal::Manifest manifest = leader.manifest();
  manifest.group = kGroup;
  manifest.producers = ManyProducers();
  Stream out{.start = {manifest.applied, Term{1}, {}}, .end = manifest.end_offset};
  out.start.membership.voters = {{BrokerId{2}, Incarnation{6}}, {BrokerId{3}, Incarnation{6}}};
  out.start.membership.learners = {kSelf};
  auto reader = leader.log().OpenInstall(std::move(manifest));
  while (true) {
    auto piece = leader.Wait<wal::InstallPiece>([&](auto done) { reader->Next(std::move(done)); });
    EXPECT_TRUE(piece);
    if (!piece || piece->header.empty()) return out;
    // The leader's buffers end with it.
    if (!piece->payload.empty()) piece->payload = {Slice::CopyOf(Flatten(piece->payload).bytes())};
    out.pieces.push_back(std::move(*piece));
  }
}

// One broker's life after the other on one disk.
class World {
 public:
  explicit World(std::uint64_t seed) : rng_(seed) {
    kv_store_.SetDelay(milliseconds(1));
    disk_.SetDelays(microseconds(300), milliseconds(1));
    BeginAsLearner();
    Start();
  }
  ~World() { Stop(); }

  void Crash(const CrashOptions& options = {}) {
    Stop();
    disk_.Crash(options);
    kv_store_.Crash();
    Start();
  }

  raft::Group& group() { return *life_->manager.Find(kGroup); }
  RaftPartition* partition() { return life_->replicas->FindGroup(kGroup); }
  const std::map<GroupId, FencedReplica>& fenced() const { return life_->replicas->fenced(); }

  // Stages all of the stream; what the journal is to record. `then` runs when that is known.
  void Stage(const Stream& stream, std::function<void(std::string)> then) {
    sinks_.push_back(group().state_machine().OpenInstallSink(stream.start));
    WriteFrom(*sinks_.back(), stream, 0, std::move(then));
  }
  void Install(const Stream& stream) {
    Stage(stream, [this, start = stream.start](std::string record) {
      EXPECT_LT(record.size(), 100U);
      group().AdoptInstall(start, std::move(record), [this](Status adopted) {
        adopted_ = adopted.has_value();
        if (adopted_) Checkpoint([] {});
      });
    });
  }

  void Checkpoint(std::function<void()> then) {
    group().Checkpoint([this, then](Result<raft::Group::Checkpointed> captured) {
      if (!captured) return;
      life_->kv.Apply(std::move(captured->batch), Durability::kSynced, [then](Status) { then(); });
    });
  }

  void RunFor(Duration time) { scheduler_.RunFor(time); }
  bool recorded() const {
    const auto found = log_disk_.groups().find(kGroup);
    return found != log_disk_.groups().end() && found->second.installed.has_value();
  }
  std::size_t staged() const {
    std::size_t out = 0;
    for (const auto& [key, value] : kv_store_.pairs()) out += key.starts_with(kStagedPrefix);
    return out;
  }
  std::optional<wal::Manifest> manifest() const {
    const auto found = kv_store_.pairs().find(PartitionKey(kGroup));
    if (found == kv_store_.pairs().end()) return std::nullopt;
    auto decoded = wal::DecodeManifest(AsBytes(found->second));
    return decoded ? std::optional(std::move(*decoded)) : std::nullopt;
  }
  bool adopted() const { return adopted_; }
  // The segments that the store's manifest names hold what it says.
  Status Verify() {
    wal::OpenFiles open_files(life_->loop, life_->files, 8);
    wal::TailCache cache(0);
    wal::PartitionLog log({life_->loop, life_->files, open_files, cache}, wal::SmallOptions(),
                          *manifest());
    std::optional<Status> out;
    log.Verify([&](Status status) { out = std::move(status); });
    scheduler_.RunUntilTrue([&] { return out.has_value(); }, std::chrono::seconds(10));
    return out.value_or(Fail(ErrorCode::kTimedOut, "never completed"));
  }

 private:
  struct Life {
    Life(SimScheduler& scheduler, FakeDisk& disk, FakeKvStore& store, raft::FakeLogDisk& log_disk,
         raft::SimNetwork& network, Rng& rng, std::uint64_t boot)
        : loop(scheduler),
          files(disk, loop),
          kv(store, loop),
          log(loop, log_disk, {.sync_delay = milliseconds(1), .entry_bytes_max = kEntryBytesMax}),
          transport(network.Attach({1}, loop, boot)),
          manager(raft::ManagerEnvironment{loop, *transport, log, rng, NullLog()}, BrokerId{1},
                  raft::ManagerOptions{}) {}
    SimLoop loop;
    FakeFiles files;
    FakeKv kv;
    raft::FakeLogStore log;
    std::unique_ptr<raft::Transport> transport;
    raft::GroupManager manager;
    std::optional<Replicas> replicas;
  };

  // A replica that was placed here later begins with nothing, as a learner.
  void BeginAsLearner() {
    SimLoop loop(scheduler_);
    raft::FakeLogStore store(loop, log_disk_);
    store.Append({.group = kGroup, .created = raft::Created{.self = kSelf}}, [](Status) {});
    RunFor(milliseconds(10));
  }

  void WriteFrom(raft::InstallSink& sink, const Stream& stream, std::size_t number,
                 std::function<void(std::string)> then) {
    if (number == stream.pieces.size()) {
      return sink.Finish([then = std::move(then)](Result<std::string> record) {
        ASSERT_TRUE(record) << record.error().Describe();
        then(std::move(*record));
      });
    }
    const auto& piece = stream.pieces[number];
    sink.Write({piece.header, piece.payload},
               [this, &sink, &stream, number, then = std::move(then)](Status status) {
                 ASSERT_TRUE(status) << status.error().Describe();
                 WriteFrom(sink, stream, number + 1, then);
               });
  }

  void Start() {
    life_ =
        std::make_unique<Life>(scheduler_, disk_, kv_store_, log_disk_, network_, rng_, ++boot_);
    life_->replicas.emplace(ReplicasEnvironment{.loop = life_->loop,
                                                .files = life_->files,
                                                .kv = life_->kv,
                                                .groups = life_->manager,
                                                .log = NullLog(),
                                                .self = BrokerId{1},
                                                .directory = Directory(1)});
    RecoveredReplicas recovered{.metadata_last = Index{6}};
    recovered.journal = log_disk_.groups();
    if (auto known = manifest()) recovered.manifests.emplace(kGroup, std::move(*known));
    metadata::ImagePtr image =
        metadata::FoundingImage(Directory(99), {{.broker = {1}, .directory = Directory(1)},
                                                {.broker = {2}, .directory = Directory(2)},
                                                {.broker = {3}, .directory = Directory(3)}});
    life_->replicas->Recover(std::move(recovered), image);
    life_->manager.Start([](const Error& error) { ADD_FAILURE() << error.Describe(); });
    const raft::ReplicaId here[] = {{BrokerId{1}, metadata::kPlacedHere},
                                    {BrokerId{2}, metadata::kPlacedHere},
                                    {BrokerId{3}, metadata::kPlacedHere}};
    const metadata::TopicCreated topic{
        .name = "topic",
        .topic = Directory(100),
        .partitions = {{.group = kGroup, .replicas = {here, here + 3}}}};
    auto next = metadata::Apply(*image, Index{6}, {topic});
    ASSERT_TRUE(next) << next.error().Describe();
    life_->replicas->OnImage(*next, metadata::Diff(*image, **next));
    RunFor(milliseconds(100));
  }
  void Stop() {
    if (!life_) return;
    life_->loop.Kill();
    sinks_.clear();
    life_->replicas.reset();
    life_.reset();
  }

  SeededRng rng_;
  SimScheduler scheduler_{rng_};
  FakeDisk disk_{rng_};
  FakeKvStore kv_store_{rng_};
  raft::FakeLogDisk log_disk_;
  raft::SimNetwork network_{scheduler_, rng_};
  std::uint64_t boot_ = 0;
  bool adopted_ = false;
  std::unique_ptr<Life> life_;
  // Of this life. Whoever waits for one does not own it: it owns whoever waits.
  std::vector<std::unique_ptr<raft::InstallSink>> sinks_;
};

// The state is the one before or the one after, with segments and producers of the same moment.
void ExpectWhole(World& world, const Stream& stream, bool installed) {
  ASSERT_TRUE(world.fenced().empty()) << world.fenced().begin()->second.why;
  ASSERT_NE(world.partition(), nullptr);
  EXPECT_EQ(world.partition()->high_watermark(), installed ? stream.end : 0);
  EXPECT_EQ(world.group().status().applied, installed ? stream.start.index : Index{});
  bool done = false;
  world.Checkpoint([&] { done = true; });
  world.RunFor(milliseconds(200));
  ASSERT_TRUE(done);
  EXPECT_EQ(world.staged(), 0U) << "a staged manifest stays behind";
  EXPECT_EQ(world.manifest()->end_offset, installed ? stream.end : 0);
  EXPECT_EQ(world.manifest()->producers == ManyProducers(), installed);
  const auto verified = world.Verify();
  EXPECT_TRUE(verified) << verified.error().Describe();
}

TEST(StagedInstalls, ACrashAtAnyPointRecoversToBeforeOrAfter) {
  const Stream stream = StreamOf(40);
  struct {
    int unstaged = 0, staged = 0, recorded = 0, checkpointed = 0;
  } seen;
  for (std::uint64_t seed = 1; seed <= 160; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed);
    world.Install(stream);
    world.RunFor(microseconds(seed * 250));
    const bool recorded = world.recorded();
    const bool staged = world.staged() > 0;
    ++(recorded ? (staged ? seen.recorded : seen.checkpointed)
                : (staged ? seen.staged : seen.unstaged));
    world.Crash();
    ExpectWhole(world, stream, recorded);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(seen.unstaged, 0);
  EXPECT_GT(seen.staged, 0);
  EXPECT_GT(seen.recorded, 0);
  EXPECT_GT(seen.checkpointed, 0);
}

// Between the adoption and its checkpoint another leader's stream is staged to its end, and never
// recorded.
TEST(StagedInstalls, ALaterOneThatIsNotRecordedTakesNoPlace) {
  const Stream stream = StreamOf(40), later = StreamOf(50);
  World world(1);
  std::string record;
  world.Stage(stream, [&](std::string staged) { record = std::move(staged); });
  world.RunFor(milliseconds(500));
  ASSERT_FALSE(record.empty());
  bool adopted = false;
  world.group().AdoptInstall(stream.start, record, [&](Status status) { adopted = !!status; });
  world.RunFor(milliseconds(500));
  ASSERT_TRUE(adopted);
  bool staged = false;
  world.Stage(later, [&](const std::string&) { staged = true; });
  world.RunFor(milliseconds(500));
  ASSERT_TRUE(staged);
  EXPECT_EQ(world.staged(), 2U);
  world.Crash();
  EXPECT_EQ(world.staged(), 1U) << "a start forgets what no record names";
  ExpectWhole(world, stream, true);
}

TEST(StagedInstalls, ARecordThatIsNotOursOrNamesNothingIsCorrupt) {
  SeededRng rng(1);
  SimScheduler scheduler(rng);
  SimLoop loop(scheduler);
  FakeKvStore store(rng);
  FakeKv kv(store, loop);
  auto installs = std::make_shared<StagedInstalls>(kv, kGroup);
  const StagedInstall named{Index{9}, 100, 1};
  const std::string record = EncodeStagedInstall(named);
  ASSERT_EQ(DecodeStagedInstall(Index{9}, AsBytes(record)).value(), named);
  for (std::size_t bytes = 0; bytes < record.size(); ++bytes) {
    EXPECT_FALSE(DecodeStagedInstall(Index{9}, AsBytes(record).first(bytes)));
  }
  EXPECT_EQ(installs->Take(Index{9}, AsBytes(record)).error().code, ErrorCode::kCorruption);
  KvBatch batch;
  batch.Put(StagedKey(kGroup, named), std::string(100, 'x'));
  kv.Apply(std::move(batch), Durability::kSynced, [](Status) {});
  EXPECT_EQ(installs->Take(Index{9}, AsBytes(record)).error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace kronika::broker
