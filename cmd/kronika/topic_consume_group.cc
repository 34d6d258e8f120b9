// `kronika topic consume --group`: a member of a consumer group that prints what it gets.
//
// Main thread.
// 1. Only what was printed is committed, so that after a crash records may come again and none is
//    missing.
// 2. Whatever ends the command, what was printed is committed and the group is left, once it was
//    joined.
// 3. Without -f it ends at the end offsets that its partitions had when it got them.
#include <algorithm>
#include <cstdio>
#include <limits>

#include "cmd/client/admin.h"
#include "cmd/client/fetcher.h"
#include "cmd/client/group_member.h"
#include "cmd/kronika/client_arguments.h"
#include "cmd/kronika/health_view.h"
#include "cmd/kronika/interrupt.h"
#include "cmd/kronika/record_printer.h"
#include "cmd/kronika/topic_records.h"
#include "cmd/kronika/wait_notice.h"

namespace kronika::cmd {
namespace {

using client::Cluster;
using Offsets = std::map<std::int32_t, std::int64_t>;

constexpr client::Milliseconds kCommitEvery{1'000};
// A member whose partitions have no new records, or that has none, asks no more often than this.
constexpr client::Milliseconds kRoundWait{500};

struct MemberSetup {
  std::string topic;
  std::string group;
  std::int64_t without_commit = client::kStartOfLog;
  std::uint64_t records_max = std::numeric_limits<std::uint64_t>::max();
  bool follow = false;
  RecordPrinter printer;
  client::MemberOptions member;
};

Result<MemberSetup> ReadMemberSetup(const Arguments& arguments, Format format) {
  MemberSetup out{
      .topic = arguments.Text("TOPIC"),
      .group = arguments.Text("--group"),
      .follow = arguments.Has("--follow"),
      .printer = {.format = format, .key_separator = arguments.Text("--key-separator")}};
  if (out.group.empty()) return Fail(ErrorCode::kInvalidArgument, "is empty", "--group");
  if (arguments.Has("--partition")) {
    return Fail(ErrorCode::kInvalidArgument, "the group decides who reads which partition",
                "--partition");
  }
  const std::string& from = arguments.Text("--offset");
  if (from == "end") out.without_commit = client::kEndOfLog;
  if (from != "start" && from != "end") {
    return Fail(ErrorCode::kInvalidArgument,
                "with --group it is start or end; `kronika group reset-offsets` moves a group",
                "--offset");
  }
  if (arguments.Has("--num")) {
    auto records = ReadNumber(arguments, "--num", {.first = 1});
    if (!records) return std::unexpected(std::move(records).error());
    out.records_max = static_cast<std::uint64_t>(*records);
  }
  auto session = ReadNumber(arguments, "--session-timeout-ms", {.first = 1, .last = 1'800'000});
  if (!session) return std::unexpected(std::move(session).error());
  out.member.session_timeout = client::Milliseconds(*session);
  out.member.topics = {out.topic};
  if (arguments.Has("--instance-id")) out.member.instance_id = arguments.Text("--instance-id");
  if (arguments.Has("--assignor")) out.member.assignors.clear();
  for (const auto& name : arguments.List("--assignor")) {
    const auto assignor = client::ParseAssignor(name);
    if (!assignor) {
      return Fail(ErrorCode::kInvalidArgument, "'" + name + "' is none of range and sticky",
                  "--assignor");
    }
    out.member.assignors.push_back(*assignor);
  }
  return out;
}

// 0 for a partition that came up after the offsets were asked for.
std::int64_t At(const Offsets& offsets, std::int32_t partition) {
  const auto found = offsets.find(partition);
  return found == offsets.end() ? 0 : found->second;
}

class MemberReader {
 public:
  MemberReader(Cluster& cluster, const MemberSetup& setup, Interrupt& interrupt)
      : cluster_(cluster),
        setup_(setup),
        interrupt_(interrupt),
        coordinator_(cluster, setup.group),
        member_(coordinator_, setup.member, [&interrupt] { return interrupt.Raised(); }) {}

  Status Run() {
    Status status;
    while (status && !finished_) status = OneGeneration();
    const auto committed = Commit();
    const auto left = member_.Leave();
    if (status && !committed) status = std::unexpected(committed.error());
    if (status && !left) status = left;
    return status;
  }

 private:
  // Joins, then reads until the group rebalances or the command is to end.
  Status OneGeneration() {
    auto joined = member_.Join();
    if (!joined && joined.error().code == ErrorCode::kShutdown) return Finish();
    if (!joined) return joined;
    KRONIKA_TRY(Position());
    for (;;) {
      if (interrupt_.Raised() || Ended()) return Finish();
      KRONIKA_TRY(Round());
      if (RecordPrinter::OutputIsGone()) done_.clear();
      if (printed_ >= setup_.records_max || RecordPrinter::OutputIsGone()) return Finish();
      if (client::Now() >= next_commit_) {
        auto stays = Commit();
        if (!stays) return std::unexpected(std::move(stays).error());
        if (!*stays) return {};
      }
      auto stays = member_.Beat();
      if (!stays) return std::unexpected(std::move(stays).error());
      if (*stays) continue;
      // What was printed is committed before others read on from there.
      auto committed = Commit();
      return committed ? Status{} : std::unexpected(std::move(committed).error());
    }
  }

  Status Finish() {
    finished_ = true;
    return {};
  }

  // Where each partition of the assignment goes on.
  Status Position() {
    positions_.clear();
    done_.clear();
    const auto deadline = client::Now() + cluster_.options().request_timeout;
    auto committed = member_.Committed();
    if (!committed) return std::unexpected(std::move(committed).error());
    auto fresh = client::ListOffsets(cluster_, setup_.topic, setup_.without_commit, deadline);
    if (!fresh) return std::unexpected(std::move(fresh).error());
    auto ends = client::ListOffsets(cluster_, setup_.topic, client::kEndOfLog, deadline);
    if (!ends) return std::unexpected(std::move(ends).error());
    ends_ = std::move(*ends);
    for (const auto& each : member_.assignment()) {
      const auto known = committed->find(each);
      positions_[each.partition] =
          known == committed->end() ? At(*fresh, each.partition) : known->second.offset;
    }
    next_commit_ = client::Now() + kCommitEvery;
    Open();
    return {};
  }

  void Open() {
    reader_.emplace(cluster_, setup_.topic, positions_);
    reader_->limits.wait_max = kRoundWait;
  }

  Status Round() {
    if (positions_.empty()) {
      client::Pause(kRoundWait);
      return {};
    }
    auto read = reader_->Round([this](std::int32_t partition, const auto&, const auto& record) {
      if (printed_ >= setup_.records_max) return;
      if (!setup_.follow && record.offset >= At(ends_, partition)) return;
      ++printed_;
      setup_.printer.Print(partition, record);
      done_[partition] = record.offset + 1;
    });
    if (!read && read.error().code == ErrorCode::kNotFound) return StartAgainWhereNeeded();
    if (!read) return read;
    if (auto stuck = reader_->StuckFor(PatienceOf(cluster_.options())); stuck && !setup_.follow)
      return std::unexpected(std::move(*stuck));
    if (printed_ < setup_.records_max) positions_ = reader_->positions();
    return {};
  }

  // A committed offset that the log does not have (any more) counts as none.
  Status StartAgainWhereNeeded() {
    const auto deadline = client::Now() + cluster_.options().request_timeout;
    auto starts = client::ListOffsets(cluster_, setup_.topic, client::kStartOfLog, deadline);
    if (!starts) return std::unexpected(std::move(starts).error());
    auto ends = client::ListOffsets(cluster_, setup_.topic, client::kEndOfLog, deadline);
    if (!ends) return std::unexpected(std::move(ends).error());
    const bool from_start = setup_.without_commit == client::kStartOfLog;
    positions_ = reader_->positions();
    for (auto& [partition, position] : positions_) {
      if (position >= At(*starts, partition) && position <= At(*ends, partition)) continue;
      position = At(from_start ? *starts : *ends, partition);
    }
    Open();
    return {};
  }

  bool Ended() const {
    if (setup_.follow) return false;
    return std::ranges::all_of(
        positions_, [this](const auto& each) { return each.second >= At(ends_, each.first); });
  }

  // False: too late, the group went on without this member.
  Result<bool> Commit() {
    next_commit_ = client::Now() + kCommitEvery;
    client::CommittedOffsets offsets;
    for (const auto& [partition, offset] : done_) {
      offsets[{setup_.topic, partition}] = {.offset = offset};
    }
    done_.clear();
    return member_.Commit(offsets);
  }

  Cluster& cluster_;
  const MemberSetup& setup_;
  Interrupt& interrupt_;
  client::Coordinator coordinator_;
  client::GroupMember member_;
  std::optional<client::TopicReader> reader_;
  Offsets positions_;
  Offsets ends_;
  Offsets done_;  // printed and not committed: the offset behind the last record
  client::Moment next_commit_{};
  std::uint64_t printed_ = 0;
  bool finished_ = false;
};

}  // namespace

int RunTopicConsumeAsMember(const Arguments& arguments) {
  auto setup = ReadClientSetup(arguments);
  if (!setup) return UsageError(setup.error());
  auto member = ReadMemberSetup(arguments, setup->format);
  if (!member) return UsageError(member.error());
  setup->options.waits = WaitNotice();
  if (!member->follow) member->member.patience = PatienceOf(setup->options);
  const auto failed = [&](const Error& error) {
    return TopicError(setup->options, member->topic, error);
  };
  Cluster cluster(setup->options);
  if (auto topic = cluster.DescribeTopic(member->topic); !topic) return failed(topic.error());
  Interrupt interrupt;
  if (auto read = MemberReader(cluster, *member, interrupt).Run(); !read) {
    return failed(read.error());
  }
  return kExitOk;
}

}  // namespace kronika::cmd
