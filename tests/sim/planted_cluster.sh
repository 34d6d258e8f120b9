#!/usr/bin/env bash
# Shows that the cluster simulator can fail: each planted bug is found by some seed, and the seed is printed.
#   planted_cluster.sh BUILD_DIR LAST_SEED
set -uo pipefail
build=$1 last=$2 missing=0
for bug in frame-checksum-unchecked every-absent-replica-expected \
           checkpoint-not-synced duplicate-appended-twice manifest-before-segment-sync keep-conflicting-entries \
           joiner-skips-founding missed-removals-kept sequence-moved-by-a-refused-proposal any-staged-folder-adopted \
           acks-one-before-sync half-is-a-majority ack-before-sync journal-ack-before-sync large-manifest-refused \
           served-before-applied metadata-identity-reused leader-counts-unsynced \
           journal-recycle-before-checkpoint cut-keeps-durable-index vote-before-sync \
           compacted-not-synced replaced-segments-removed-early tombstone-dropped-too-early \
           generation-reused commit-answered-before-durable member-kept-twice \
           install-keeps-old-state map-and-index-in-two-batches session-expired-without-record \
           aba-durable-mark overlay-kept-at-step-down read-without-quorum stale-coordinator-answers \
           stop-without-handover \
           leave-without-rebalance only-a-new-journal-fills; do
  # Exit code 1 is "found"; what a bug's process prints before its end is not of interest.
  line=$("$build/kronika-sim" cluster --seeds "1..$last" --bug "$bug" 2>/dev/null | tail -n 1)
  echo "$line"
  [[ $line == *"found by seed"* ]] || missing=$((missing + 1))
done
((missing == 0)) || { echo "$missing planted bugs were not found"; exit 1; }
