#include "base/fake_kv.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/planted.h"

namespace kronika {

void FakeKvStore::ApplyTo(Pairs& pairs, const KvBatch& batch) {
  for (const auto& op : batch.ops) {
    if (op.value) {
      pairs.insert_or_assign(op.key, *op.value);
    } else {
      pairs.erase(op.key);
    }
  }
}

void FakeKvStore::PinUpTo(std::uint64_t number) {
  auto end = unsynced_.upper_bound(number);
  for (auto at = unsynced_.begin(); at != end; ++at) ApplyTo(durable_, at->second);
  unsynced_.erase(unsynced_.begin(), end);
}

void FakeKvStore::Crash() {
  CrashLosing(rng_.Below(unsynced_.size() + 1));
}

void FakeKvStore::CrashLosing(std::size_t batches) {
  Kill();
  batches = std::min(batches, unsynced_.size());
  if (batches < unsynced_.size()) {
    PinUpTo(std::next(unsynced_.rbegin(), static_cast<std::ptrdiff_t>(batches))->first);
  }
  unsynced_.clear();
  visible_ = durable_;
}

void FakeKvStore::Kill() {
  *life_ = false;
  life_ = std::make_shared<bool>(true);
  last_completion_ = {};
}

void FakeKv::Apply(KvBatch batch, Durability durability, Done<void> done) {
  if (!*life_) return;
  Status status;
  if (store_.fail_every_ || std::exchange(store_.fail_next_, false)) {
    status = Fail(ErrorCode::kIo, "injected fault", "kv");
  }
  const std::uint64_t number = ++store_.last_number_;
  if (status) {
    FakeKvStore::ApplyTo(store_.visible_, batch);
    store_.unsynced_.emplace(number, std::move(batch));
  }
  const auto span = static_cast<std::uint64_t>(store_.delay_max_.count());
  const Instant when = loop_.Now() + Duration(store_.rng_.Below(span + 1));
  store_.last_completion_ = std::max(store_.last_completion_, when);
  const bool pin =
      durability == Durability::kSynced && status && !KRONIKA_PLANTED("kv-never-synced");
  loop_.RunAt(store_.last_completion_, [store = &store_, life = life_, open = open_, number, pin,
                                        status, done = std::move(done)]() mutable {
    if (!*life) return;
    if (pin) store->PinUpTo(number);
    if (*open) done(std::move(status));
  });
}

Result<std::optional<std::string>> FakeKv::Get(std::string_view key) const {
  auto found = store_.visible_.find(key);
  if (found == store_.visible_.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<std::pair<std::string, std::string>>> FakeKv::Scan(
    std::string_view prefix) const {
  std::vector<std::pair<std::string, std::string>> out;
  for (auto at = store_.visible_.lower_bound(prefix);
       at != store_.visible_.end() && at->first.starts_with(prefix); ++at) {
    out.push_back(*at);
  }
  return out;
}

}  // namespace kronika
