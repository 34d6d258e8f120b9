// Full installs of the metadata image: see state_machine.h and install.h.
#include "metadata/install.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "metadata/state_machine.h"

namespace kronika::metadata {
namespace {

std::unexpected<Error> Corrupt(std::string text) {
  return Fail(ErrorCode::kCorruption, std::move(text), "metadata install");
}

}  // namespace

std::string EncodeChunkHeader(const ChunkHeader& header) {
  LeWriter out;
  out.Int(header.number).Int(header.checksum);
  return out.Take();
}

std::optional<ChunkHeader> DecodeChunkHeader(std::string_view header) {
  LeReader in(AsBytes(header));
  ChunkHeader out{.number = in.Int<std::uint32_t>(), .checksum = in.Int<std::uint32_t>()};
  if (!in.ok() || in.left() != 0) return std::nullopt;
  return out;
}

std::string StagedHeadKey() {
  return std::string(kStagedPrefix) + "head";
}

std::string StagedChunkKey(std::uint32_t number) {
  return fmt::format("{}chunk/{:08x}", kStagedPrefix, number);
}

std::string EncodeStagedHead(const StagedHead& head) {
  LeWriter out;
  out.Int(head.chunks).Int(head.index.value);
  return out.Take();
}

Result<StagedHead> DecodeStagedHead(Bytes bytes) {
  LeReader in(bytes);
  StagedHead head;
  head.chunks = in.Int<std::uint32_t>();
  head.index = {in.Int<std::uint64_t>()};
  if (!in.ok() || in.left() != 0) return Corrupt("the staged head does not decode");
  return head;
}

class StateMachine::Source final : public raft::InstallSource {
 public:
  Source(Loop& loop, raft::LogStart start, const Image& image)
      : loop_(loop), start_(std::move(start)), pairs_(Dump(image)) {}

  const raft::LogStart& start() const override { return start_; }

  void Next(std::size_t bytes_max, Done<Chunk> done) override {
    loop_.Post([chunk = MakeChunk(bytes_max), done = std::move(done)]() mutable {
      done(std::move(chunk));
    });
  }

 private:
  // At least one pair, as many as bytes_max has room for.
  Chunk MakeChunk(std::size_t bytes_max) {
    Pairs part;
    std::size_t bytes = 0;
    while (next_ < pairs_.size()) {
      const auto& [key, value] = pairs_[next_];
      bytes += key.size() + value.size() + 2 * sizeof(std::uint32_t);
      if (!part.empty() && bytes > bytes_max) break;
      part.push_back(pairs_[next_++]);
    }
    if (part.empty()) return {};
    Slice payload = Slice::CopyOf(EncodePairs(part));
    const ChunkHeader header{.number = number_++, .checksum = crc32c::Value(payload.bytes())};
    return {.header = EncodeChunkHeader(header), .payload = {std::move(payload)}};
  }

  Loop& loop_;
  const raft::LogStart start_;
  const Pairs pairs_;
  std::size_t next_ = 0;
  std::uint32_t number_ = 0;
};

class StateMachine::Sink final : public raft::InstallSink {
 public:
  Sink(StateMachine& machine, raft::LogStart start)
      : machine_(machine), machine_alive_(machine.alive_), start_(std::move(start)) {}

  void Write(raft::InstallSource::Chunk chunk, Done<void> done) override {
    machine_.loop_.Post(
        [taken = Take(chunk), done = std::move(done)]() mutable { done(std::move(taken)); });
  }

  void Finish(Done<std::string> done) override {
    auto image = LoadImage(pairs_);
    if (image && (*image)->applied != start_.index)
      image = Corrupt("the image is of another index");
    if (!image) {
      machine_.loop_.Post([error = std::move(image).error(), done = std::move(done)]() mutable {
        done(std::unexpected(std::move(error)));
      });
      return;
    }
    const auto count = static_cast<std::uint32_t>(chunks_.size());
    KvBatch batch;
    const StagedHead head{.index = start_.index, .chunks = count};
    batch.Put(StagedHeadKey(), EncodeStagedHead(head));
    for (std::uint32_t i = 0; i < count; ++i) batch.Put(StagedChunkKey(i), std::move(chunks_[i]));
    Staged staged{.image = std::move(*image), .chunks = count};
    auto written = [&machine = machine_, alive = machine_alive_, staged = std::move(staged),
                    done = std::move(done)](Status result) mutable {
      if (!*alive) return;
      if (!result) return done(std::unexpected(std::move(result).error()));
      machine.staged_ = std::move(staged);
      done(std::string());  // what is staged is in the store, under its own keys
    };
    machine_.kv_.Apply(std::move(batch), Durability::kSynced, std::move(written));
  }

 private:
  Status Take(const raft::InstallSource::Chunk& chunk) {
    const auto header = DecodeChunkHeader(chunk.header);
    const Slice payload = Flatten(chunk.payload);
    if (!header || header->number != chunks_.size())
      return Corrupt("a chunk is missing or out of order");
    if (crc32c::Value(payload.bytes()) != header->checksum)
      return Corrupt("a chunk's checksum is wrong");
    auto pairs = DecodePairs(payload.bytes());
    if (!pairs) return std::unexpected(std::move(pairs).error());
    for (auto& pair : *pairs) pairs_.push_back(std::move(pair));
    chunks_.emplace_back(payload.text());
    return {};
  }

  StateMachine& machine_;
  std::shared_ptr<bool> machine_alive_;
  const raft::LogStart start_;
  Pairs pairs_;
  std::vector<std::string> chunks_;
};

void StateMachine::OpenInstallSource(raft::LogStart start,
                                     Done<std::unique_ptr<raft::InstallSource>> done) {
  Result<std::unique_ptr<raft::InstallSource>> source;
  if (start.index == image_->applied) {
    source = std::make_unique<Source>(loop_, std::move(start), *image_);
  } else {
    source = Fail(ErrorCode::kUnavailable, fmt::format("no image at index {}", start.index.value),
                  "metadata install");
  }
  loop_.Post(
      [source = std::move(source), done = std::move(done)]() mutable { done(std::move(source)); });
}

std::unique_ptr<raft::InstallSink> StateMachine::OpenInstallSink(raft::LogStart start) {
  return std::make_unique<Sink>(*this, std::move(start));
}

Result<StateMachine::Staged> StateMachine::LoadStaged() const {
  auto stored = kv_.Get(StagedHeadKey());
  if (!stored) return std::unexpected(std::move(stored).error());
  if (!*stored) return Fail(ErrorCode::kNotFound, "nothing is staged", "metadata install");
  auto head = DecodeStagedHead(AsBytes(**stored));
  if (!head) return std::unexpected(std::move(head).error());
  Pairs pairs;
  for (std::uint32_t i = 0; i < head->chunks; ++i) {
    auto chunk = kv_.Get(StagedChunkKey(i));
    if (!chunk) return std::unexpected(std::move(chunk).error());
    if (!*chunk) return Corrupt("a staged chunk is missing");
    auto part = DecodePairs(AsBytes(**chunk));
    if (!part) return std::unexpected(std::move(part).error());
    for (auto& pair : *part) pairs.push_back(std::move(pair));
  }
  auto image = LoadImage(pairs);
  if (!image) return std::unexpected(std::move(image).error());
  if ((*image)->applied != head->index) return Corrupt("the image is of another index");
  return Staged{.image = std::move(*image), .chunks = head->chunks};
}

void StateMachine::AdoptInstall(raft::LogStart start, std::string /*manifest*/, Done<void> done) {
  // The last run swapped, but did not live to forget the journal's record.
  if (start.index <= image_->applied) {
    loop_.Post([done = std::move(done)]() mutable { done({}); });
    return;
  }
  Result<Staged> staged = staged_ ? Result<Staged>(std::move(*staged_)) : LoadStaged();
  staged_.reset();
  if (staged && staged->image->applied != start.index)
    staged = Corrupt("another install is staged");
  if (!staged) {
    loop_.Post([error = std::move(staged).error(), done = std::move(done)]() mutable {
      done(std::unexpected(std::move(error)));
    });
    return;
  }
  KvBatch batch;
  AddChanges(checkpointed_ ? *checkpointed_ : Image{}, *staged->image, batch);
  if (!carried_out_) carried_out_ = image_->applied;
  batch.Put(CarriedOutKey(), EncodeIndex(*carried_out_));
  batch.Delete(StagedHeadKey());
  for (std::uint32_t i = 0; i < staged->chunks; ++i) batch.Delete(StagedChunkKey(i));
  auto swap = [this, alive = alive_, image = std::move(staged->image),
               done = std::move(done)](Status written) mutable {
    if (!*alive) return;
    if (written) {
      checkpointed_ = image;
      Publish(image);
    }
    done(std::move(written));
  };
  kv_.Apply(std::move(batch), Durability::kSynced, std::move(swap));
}

}  // namespace kronika::metadata
