// The broker's own metrics; see broker_source.h. The names are an interface: they stay.
#include <map>

#include "broker/broker_source.h"

namespace kronika::broker {
namespace {

using admin::MetricFamily;
using admin::MetricType;

constexpr MetricFamily kReady{"kronika_ready", MetricType::kGauge, "1 while clients are served."};
constexpr MetricFamily kController{"kronika_controller_id", MetricType::kGauge,
                                   "The broker that leads the metadata group; -1: unknown here."};
constexpr MetricFamily kBrokers{"kronika_brokers_listed", MetricType::kGauge,
                                "Brokers that this one lists to clients."};
constexpr MetricFamily kCommits{"kronika_journal_commits_total", MetricType::kCounter,
                                "Group commits of the journal; as many syncs."};
constexpr MetricFamily kWritten{"kronika_journal_bytes_written_total", MetricType::kCounter,
                                "Bytes written to the journal."};
constexpr MetricFamily kRecycled{"kronika_journal_files_recycled_total", MetricType::kCounter,
                                 "Journal files that were freed to be written again."};
constexpr MetricFamily kFiles{"kronika_journal_files", MetricType::kGauge, "Journal files."};
constexpr MetricFamily kFilesFree{"kronika_journal_files_free", MetricType::kGauge,
                                  "Journal files that hold nothing that is needed."};
constexpr MetricFamily kUnreleased{"kronika_journal_bytes_unreleased", MetricType::kGauge,
                                   "Bytes of entries that only the journal holds yet."};
constexpr MetricFamily kWaiting{"kronika_journal_writes_waiting", MetricType::kGauge,
                                "Writes that wait for the next group commit."};
constexpr MetricFamily kCheckpoints{"kronika_checkpoints_total", MetricType::kCounter,
                                    "Checkpoints that were completed."};
constexpr MetricFamily kGivenUp{"kronika_checkpoints_given_up_total", MetricType::kCounter,
                                "Checkpoints of which a step failed."};
constexpr MetricFamily kGroups{"kronika_groups", MetricType::kGauge,
                               "Raft groups with a replica here, by its role."};
constexpr MetricFamily kFenced{"kronika_replicas_fenced", MetricType::kGauge,
                               "Replicas that are out of use because their data is damaged."};
constexpr MetricFamily kDuplicates{"kronika_produce_duplicates_total", MetricType::kCounter,
                                   "Retried batches that were answered from producer state."};
constexpr MetricFamily kDiskLow{"kronika_disk_low", MetricType::kGauge,
                                "1 while producers are refused because the disk is nearly full."};
constexpr MetricFamily kPassRuns{"kronika_compaction_running", MetricType::kGauge,
                                 "1 while a log is compacted."};
constexpr MetricFamily kPasses{"kronika_compaction_passes_total", MetricType::kCounter,
                               "Passes of compaction over a log that were completed."};
constexpr MetricFamily kPassesFailed{"kronika_compaction_failed_total", MetricType::kCounter,
                                     "Passes of compaction that were given up."};
constexpr MetricFamily kBytesCompacted{"kronika_compaction_bytes_read_total", MetricType::kCounter,
                                       "Bytes of the segments that compaction went through."};
constexpr MetricFamily kBytesKept{"kronika_compaction_bytes_kept_total", MetricType::kCounter,
                                  "Bytes that it left of them."};
constexpr MetricFamily kRecordsRemoved{"kronika_compaction_records_removed_total",
                                       MetricType::kCounter, "Records that it took out."};
constexpr MetricFamily kGained{"kronika_leaderships_gained_total", MetricType::kCounter,
                               "Leaderships that replicas here gained, by how."};
constexpr MetricFamily kHandedOver{"kronika_leaderships_handed_over_total", MetricType::kCounter,
                                   "Leaderships that others took over from here, by why."};
constexpr MetricFamily kNotTakenOver{"kronika_leadership_transfers_failed_total",
                                     MetricType::kCounter,
                                     "Transfers of leadership from here that were given up."};
constexpr MetricFamily kInstallsSent{"kronika_installs_sent_total", MetricType::kCounter,
                                     "Full installs that a replica elsewhere took from here."};
constexpr MetricFamily kInstallsReceived{"kronika_installs_received_total", MetricType::kCounter,
                                         "Full installs that a replica here took."};
constexpr MetricFamily kInstallsFailed{"kronika_installs_failed_total", MetricType::kCounter,
                                       "Full installs from here that ended before their end."};
constexpr MetricFamily kConnected{"kronika_peer_connected", MetricType::kGauge,
                                  "1 while the peer's liveness stream is up."};
constexpr MetricFamily kFramesIn{"kronika_peer_frames_received_total", MetricType::kCounter,
                                 "Frames from the peer."};
constexpr MetricFamily kFramesOut{"kronika_peer_frames_sent_total", MetricType::kCounter,
                                  "Frames to the peer."};
constexpr MetricFamily kUndecodable{"kronika_peer_frames_undecodable_total", MetricType::kCounter,
                                    "Frames from the peer that contradict their format."};
constexpr MetricFamily kDamaged{"kronika_peer_frames_damaged_total", MetricType::kCounter,
                                "Frames from the peer that did not match their checksum."};
constexpr MetricFamily kMisdirected{"kronika_peer_messages_misdirected_total", MetricType::kCounter,
                                    "Messages for a replica that should be known here and is not."};
constexpr MetricFamily kNotYet{"kronika_peer_messages_not_yet_total", MetricType::kCounter,
                               "Messages that were ahead of the metadata applied here."};

constexpr MetricFamily kConsumerGroups{"kronika_consumer_groups", MetricType::kGauge,
                                       "Consumer groups that this broker coordinates."};
constexpr MetricFamily kMembers{"kronika_consumer_group_members", MetricType::kGauge,
                                "Members of a consumer group that this broker coordinates."};
constexpr MetricFamily kLag{"kronika_consumer_group_lag", MetricType::kGauge,
                            "Records behind a consumer group's committed offsets."};
constexpr MetricFamily kLagMax{"kronika_consumer_group_lag_max", MetricType::kGauge,
                               "The same, of the partition that has the most."};
constexpr MetricFamily kLagAge{"kronika_consumer_group_lag_age_seconds", MetricType::kGauge,
                               "Since the oldest high watermark in it was told."};
constexpr MetricFamily kOffsetCommits{"kronika_consumer_group_commits_total", MetricType::kCounter,
                                      "Commits of consumer groups."};
constexpr MetricFamily kGenerations{"kronika_consumer_group_generations_total",
                                    MetricType::kCounter, "Rebalances that were completed."};
constexpr MetricFamily kMembersExpired{"kronika_consumer_group_members_expired_total",
                                       MetricType::kCounter,
                                       "Members that were silent for their session timeout."};
constexpr MetricFamily kOffsetsExpired{"kronika_consumer_group_offsets_expired_total",
                                       MetricType::kCounter,
                                       "Committed offsets that nobody needed any more."};

using ConsumerGroups = std::vector<admin::ConsumerGroupSummary>;

template <class Value>
void PerConsumerGroup(admin::MetricsText& out, const MetricFamily& family,
                      const ConsumerGroups& groups, Value&& value) {
  out.Family(family);
  for (const auto& group : groups) {
    if (const std::optional<double> sample = value(group))
      out.Sample({{"group", group.id}}, *sample);
  }
}

void CollectConsumerGroups(admin::MetricsText& out, const ConsumerGroups& groups,
                           const CoordinatorCounters& counters) {
  using Group = admin::ConsumerGroupSummary;
  using Sample = std::optional<double>;
  std::map<std::string, int> states;
  for (const auto& group : groups) ++states[group.state];
  out.Family(kConsumerGroups);
  for (const auto& [state, count] : states) out.Sample({{"state", state}}, count);
  PerConsumerGroup(out, kMembers, groups,
                   [](const Group& group) -> Sample { return static_cast<double>(group.members); });
  const auto if_known = [](const Group& group, double value) {
    return group.lag_age_ms < 0 ? std::nullopt : Sample(value);
  };
  PerConsumerGroup(out, kLag, groups, [&](const Group& group) {
    return if_known(group, static_cast<double>(group.lag));
  });
  PerConsumerGroup(out, kLagMax, groups, [&](const Group& group) {
    return if_known(group, static_cast<double>(group.lag_max));
  });
  PerConsumerGroup(out, kLagAge, groups, [&](const Group& group) {
    return if_known(group, static_cast<double>(group.lag_age_ms) / 1000);
  });
  out.Single(kOffsetCommits, static_cast<double>(counters.commits));
  out.Single(kGenerations, static_cast<double>(counters.generations));
  out.Single(kMembersExpired, static_cast<double>(counters.expired_members));
  out.Single(kOffsetsExpired, static_cast<double>(counters.expired_offsets));
}

template <class Value>
void PerPeer(admin::MetricsText& out, const MetricFamily& family,
             const std::vector<raft::PeerSnapshot>& peers, Value&& value) {
  out.Family(family);
  for (const auto& peer : peers) {
    out.Sample({{"peer", std::to_string(peer.id.value)}}, static_cast<double>(value(peer)));
  }
}

void CollectPeers(admin::MetricsText& out, const std::vector<raft::PeerSnapshot>& peers) {
  using Peer = raft::PeerSnapshot;
  PerPeer(out, kConnected, peers, [](const Peer& peer) { return peer.connected ? 1 : 0; });
  PerPeer(out, kFramesIn, peers, [](const Peer& peer) { return peer.counters.frames_in; });
  PerPeer(out, kFramesOut, peers, [](const Peer& peer) { return peer.counters.frames_out; });
  PerPeer(out, kUndecodable, peers, [](const Peer& peer) { return peer.counters.undecodable; });
  PerPeer(out, kDamaged, peers, [](const Peer& peer) { return peer.counters.damaged; });
  PerPeer(out, kMisdirected, peers, [](const Peer& peer) { return peer.counters.misdirected; });
  PerPeer(out, kNotYet, peers, [](const Peer& peer) { return peer.counters.not_yet; });
}

void CollectJournal(admin::MetricsText& out, const wal::JournalStatus& journal) {
  out.Single(kCommits, static_cast<double>(journal.commits));
  out.Single(kWritten, static_cast<double>(journal.bytes_written));
  out.Single(kRecycled, static_cast<double>(journal.files_recycled));
  out.Single(kFiles, static_cast<double>(journal.files));
  out.Single(kFilesFree, static_cast<double>(journal.files_free));
  out.Single(kUnreleased, static_cast<double>(journal.bytes_unreleased));
  out.Single(kWaiting, static_cast<double>(journal.writes_waiting));
}

void CollectLeaderships(admin::MetricsText& out, const raft::LeadershipCounters& gained,
                        const TransferCounters& transfers) {
  out.Family(kGained);
  out.Sample({{"by", "election"}}, static_cast<double>(gained.by_election));
  out.Sample({{"by", "transfer"}}, static_cast<double>(gained.by_transfer));
  out.Family(kHandedOver);
  for (const auto reason :
       {TransferReason::kElection, TransferReason::kReturn, TransferReason::kStop}) {
    out.Sample({{"why", Name(reason)}},
               static_cast<double>(transfers.completed[std::to_underlying(reason)]));
  }
  out.Single(kNotTakenOver, static_cast<double>(transfers.failed));
}

void CollectCompaction(admin::MetricsText& out, const CompactionCounters& counters) {
  out.Single(kPassRuns, counters.running ? 1 : 0);
  out.Single(kPasses, static_cast<double>(counters.passes));
  out.Single(kPassesFailed, static_cast<double>(counters.failed));
  out.Single(kBytesCompacted, static_cast<double>(counters.bytes_read));
  out.Single(kBytesKept, static_cast<double>(counters.bytes_kept));
  out.Single(kRecordsRemoved, static_cast<double>(counters.records_removed));
}

}  // namespace

void BrokerSource::Collect(admin::MetricsText& out) const {
  if (server_ != nullptr) server_->Collect(out);
  out.Single(kReady, Ready().ready ? 1 : 0);
  if (!running()) return;
  const admin::BrokerStatus status = Describe();
  out.Single(kController, status.controller.value);
  out.Single(kBrokers, static_cast<double>(status.brokers.size()));
  CollectJournal(out, broker_->journal().status());
  out.Single(kCheckpoints, static_cast<double>(status.checkpoints.completed));
  out.Single(kGivenUp, static_cast<double>(status.checkpoints.given_up));
  std::map<std::string, int> roles;
  for (const auto& group : status.groups) ++roles[group.role];
  out.Family(kGroups);
  for (const auto& [role, count] : roles) out.Sample({{"role", role}}, count);
  out.Single(kFenced, static_cast<double>(broker_->replicas().fenced().size()));
  out.Single(kDuplicates, static_cast<double>(broker_->replicas().counters().duplicates));
  out.Single(kDiskLow, broker_->replicas().disk_low() ? 1 : 0);
  CollectCompaction(out, broker_->replicas().compaction());
  CollectLeaderships(out, broker_->groups().leaderships_gained(), broker_->transfers().counters());
  const raft::InstallCounters& installs = broker_->groups().installs().counters();
  out.Single(kInstallsSent, static_cast<double>(installs.sent));
  out.Single(kInstallsReceived, static_cast<double>(installs.received));
  out.Single(kInstallsFailed, static_cast<double>(installs.failed));
  CollectConsumerGroups(out, status.consumer_groups, broker_->group_coordinator().counters());
  CollectPeers(out, broker_->groups().Peers());
}

}  // namespace kronika::broker
