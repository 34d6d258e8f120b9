#include "tests/scripts/group/group_script.h"

#include <fmt/core.h>

#include <algorithm>
#include <sstream>

#include "proto/kafka/consumer_protocol_subscription.h"
#include "proto/kafka/versioned.h"

namespace kronika::broker {
namespace {

std::vector<std::string> Split(const std::string& text, char by) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, by);) out.push_back(part);
  return out;
}

std::string ErrorText(KafkaError error) {
  return error == KafkaError::kNone ? "ok" : std::string(kafka::Name(error));
}

// "topics=a,b" stands for a consumer's subscription, which would not be legible.
std::string Metadata(const std::string& text) {
  if (!text.starts_with("topics=")) return text;
  const auto names = Split(text.substr(7), '+');
  kafka::ConsumerProtocolSubscription subscription;
  for (const auto& name : names) subscription.topics.emplace_back(name);
  return std::string(kafka::EncodeVersioned(subscription, 0).text());
}

std::string Legible(const std::string& text) {
  if (std::ranges::all_of(text, [](unsigned char c) { return c >= ' ' && c < 127; })) return text;
  const auto subscription =
      kafka::DecodeVersionedOrLater<kafka::ConsumerProtocolSubscription>(Slice::CopyOf(text));
  if (!subscription) return "?";
  std::string out = "topics=";
  for (const auto topic : subscription->topics)
    out += (out == "topics=" ? "" : "+") + std::string(topic);
  return out;
}

// Offsets are written TOPIC-PARTITION:OFFSET.
OffsetToCommit ParseOffset(const std::string& text) {
  const auto dash = text.rfind('-', text.find(':'));
  OffsetToCommit out{
      .topic = text.substr(0, dash), .partition = std::stoi(text.substr(dash + 1)), .offset = {}};
  const auto colon = text.find(':');
  if (colon != std::string::npos) out.offset.offset = std::stoll(text.substr(colon + 1));
  return out;
}

std::optional<std::string> Find(const std::map<std::string, std::string>& words,
                                const std::string& key) {
  const auto found = words.find(key);
  if (found == words.end()) return std::nullopt;
  return found->second;
}

std::string Or(const std::map<std::string, std::string>& words, const std::string& key,
               const std::string& otherwise) {
  return Find(words, key).value_or(otherwise);
}

Uuid TopicId(const std::string& digit) {
  Uuid out;
  out.bytes[0] = static_cast<std::uint8_t>(std::stoi(digit));
  return out;
}

}  // namespace

GroupScript::GroupScript() {
  TakeOver();
}

void GroupScript::TakeOver() {
  held_.clear();
  coordinator_ = std::make_unique<Coordinator>(map_, options_, now_);
}

std::string GroupScript::Run(const std::string& line) {
  std::istringstream in(line);
  std::string command, name, word;
  in >> command;
  Words words;
  while (in >> word) {
    const auto equals = word.find('=');
    if (equals == std::string::npos) {
      name = word;
    } else {
      words[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  Do(command, name, words);
  Pump();
  return std::exchange(out_, {});
}

void GroupScript::Do(const std::string& command, const std::string& name, const Words& words) {
  if (command == "join") return Join(name, words);
  if (command == "sync") return Sync(name, words);
  if (command == "commit") return Commit(name, words);
  if (command == "leave") return Leave(name, words);
  if (command == "heartbeat")
    return coordinator_->Heartbeat(++last_ticket_, From(name, words), now_);
  if (command == "delete") return coordinator_->DeleteGroup(++last_ticket_, name, now_);
  if (command == "forget-topic") return coordinator_->ForgetTopics({TopicId(name)}, now_);
  if (command == "wait") return Wait(std::stoll(name));
  if (command == "hold") return void(hold_ = true);
  if (command == "apply") return Apply(name.empty() ? held_.size() : std::stoul(name));
  if (command == "refuse")
    return Refuse(name == "too-large" ? KafkaError::kInvalidCommitOffsetSize
                                      : KafkaError::kCoordinatorNotAvailable);
  if (command == "take-over") return TakeOver();
  if (command == "restart") return Restart();
  if (command == "show") return Show();
  if (command == "describe") {
    const auto group = coordinator_->Describe(name);
    if (!group) return void(out_ += "no such group\n");
    return Say(*group);
  }
  if (command == "list") {
    for (const auto& [group, described] : coordinator_->List())
      out_ += fmt::format("{} {} {}\n", group, Name(described.state), described.protocol_type);
    return;
  }
  if (command == "delete-offsets") {
    DeleteOffsetsCall call{.group = name, .partitions = {}};
    for (const auto& text : Split(Or(words, "o", ""), ',')) {
      const auto item = ParseOffset(text);
      call.partitions.emplace_back(item.topic, item.partition);
    }
    return coordinator_->DeleteOffsets(++last_ticket_, std::move(call), now_);
  }
  if (command == "options") {
    const auto number = [&](const char* key, auto& to) {
      if (auto text = Find(words, key))
        to = static_cast<std::decay_t<decltype(to)>>(std::stoll(*text));
    };
    number("initial-delay", options_.initial_rebalance_delay_ms);
    number("max-size", options_.members_max);
    number("retention", options_.offsets_retention_ms);
    number("check", options_.offsets_check_interval_ms);
    number("per-proposal", options_.removals_per_proposal);
    number("commit-bytes", options_.commit_bytes_per_proposal);
    return TakeOver();
  }
  out_ += "unknown command\n";
}

MemberRef GroupScript::From(const std::string& group, const Words& words) const {
  return {.group = group,
          .generation = std::stoi(Or(words, "g", "-1")),
          .member = Or(words, "m", ""),
          .instance = Find(words, "i")};
}

void GroupScript::Join(const std::string& group, const Words& words) {
  const int version = std::stoi(Or(words, "v", "9"));
  JoinCall call{.group = group,
                .member = Or(words, "m", ""),
                .instance = Find(words, "i"),
                .new_member = "",
                .client_id = "client",
                .client_host = "/127.0.0.1",
                .session_timeout_ms = std::stoi(Or(words, "s", "10000")),
                .rebalance_timeout_ms = std::stoi(Or(words, "r", "60000")),
                .protocol_type = Or(words, "type", "consumer"),
                .protocols = {},
                .id_required = version >= 4,
                .may_skip_assignment = version >= 9};
  if (call.member.empty())
    call.new_member = fmt::format("{}-{}", call.instance.value_or("m"), ++last_member_);
  for (const auto& text : Split(Or(words, "p", "range:x"), ',')) {
    const auto colon = text.find(':');
    call.protocols.push_back({text.substr(0, colon), Metadata(text.substr(colon + 1))});
  }
  out_ += fmt::format("#{}\n", last_ticket_ + 1);
  coordinator_->Join(++last_ticket_, std::move(call), now_);
}

void GroupScript::Sync(const std::string& group, const Words& words) {
  SyncCall call{.from = From(group, words),
                .protocol_type = Find(words, "type"),
                .protocol = Find(words, "p"),
                .assignments = {}};
  for (const auto& text : Split(Or(words, "a", ""), ',')) {
    const auto colon = text.find(':');
    call.assignments.emplace_back(text.substr(0, colon), text.substr(colon + 1));
  }
  out_ += fmt::format("#{}\n", last_ticket_ + 1);
  coordinator_->Sync(++last_ticket_, std::move(call), now_);
}

void GroupScript::Commit(const std::string& group, const Words& words) {
  CommitCall call{.from = From(group, words), .retention_ms = {}, .offsets = {}};
  if (const auto retention = Find(words, "retention")) call.retention_ms = std::stoll(*retention);
  for (const auto& text : Split(Or(words, "o", "t-0:1"), ',')) {
    OffsetToCommit item = ParseOffset(text);
    item.offset.metadata = Or(words, "text", "");
    item.offset.topic = TopicId(Or(words, "id", "1"));
    call.offsets.push_back(std::move(item));
  }
  coordinator_->Commit(++last_ticket_, std::move(call), now_);
}

void GroupScript::Leave(const std::string& group, const Words& words) {
  LeaveCall call{.group = group, .members = {}};
  for (const auto& id : Split(Or(words, "m", ""), ',')) call.members.push_back({id, std::nullopt});
  if (auto instance = Find(words, "i")) {
    if (call.members.empty()) call.members.push_back({});
    call.members.back().instance = instance;
  }
  coordinator_->Leave(++last_ticket_, std::move(call), now_);
}

void GroupScript::Wait(std::int64_t ms) {
  const std::int64_t end = now_.steady_ms + ms;
  while (coordinator_->NextDeadline() <= end) {
    const std::int64_t next = std::max(coordinator_->NextDeadline(), now_.steady_ms);
    now_.wall_ms += next - now_.steady_ms;
    now_.steady_ms = next;
    coordinator_->Tick(now_);
    const std::size_t before = out_.size();
    Pump();
    if (out_.size() != before) out_ += fmt::format("  at {} ms\n", now_.steady_ms);
  }
  now_.wall_ms += end - now_.steady_ms;
  now_.steady_ms = end;
}

void GroupScript::Apply(std::size_t count) {
  for (; count > 0 && !held_.empty(); --count) {
    const GroupProposal proposal = std::move(held_.front());
    held_.pop_front();
    for (GroupMap* map : {&map_, &follower_}) {
      for (const auto& record : proposal.records) {
        std::optional<Bytes> value;
        if (record.value) value = AsBytes(*record.value);
        map->Apply(AsBytes(record.key), value);
      }
    }
    coordinator_->OnApplied(proposal.id, now_);
  }
  hold_ = hold_ && !held_.empty();
}

void GroupScript::Refuse(KafkaError error) {
  if (held_.empty()) return void(out_ += "nothing to refuse\n");
  const std::uint64_t id = held_.front().id;
  held_.pop_front();
  hold_ = false;
  coordinator_->OnRefused(id, error, now_);
}

// A checkpoint, the last but lost; the map of the next life is what the store and the log say.
void GroupScript::Restart() {
  for (int lost = 0; lost < 2; ++lost) {
    const auto changes = map_.TakeChanges();
    if (lost == 0) {
      map_.ChangesLost();
      continue;
    }
    for (const auto& [key, value] : changes) {
      if (value) {
        store_[key] = *value;
      } else {
        store_.erase(key);
      }
    }
  }
  map_ = GroupMap();
  for (const auto& [key, value] : store_) map_.Apply(AsBytes(key), AsBytes(value));
  map_.ForgetChanges();
  TakeOver();
}

void GroupScript::Show() {
  GroupMap legible;
  for (auto [name, group] : map_.groups()) {
    for (auto& member : group.members) member.subscription = Legible(member.subscription);
    legible.Apply(AsBytes(EncodeKey(GroupKey{name})), AsBytes(EncodeValue(group)));
  }
  for (const auto& [name, topics] : map_.offsets()) {
    for (const auto& [topic, partitions] : topics) {
      for (const auto& [partition, offset] : partitions)
        legible.Apply(AsBytes(EncodeKey(OffsetKey{name, topic, partition})),
                      AsBytes(EncodeValue(offset)));
    }
  }
  out_ += legible.Describe();
}

void GroupScript::Pump() {
  for (GroupOutput output = coordinator_->Take();
       !output.answers.empty() || !output.proposals.empty(); output = coordinator_->Take()) {
    for (const auto& answer : output.answers) Say(answer);
    for (auto& proposal : output.proposals) {
      for (const auto& record : proposal.records) {
        const auto key = DecodeKey(AsBytes(record.key));
        std::string what = "removed";
        if (const auto* group = std::get_if<GroupKey>(&*key)) {
          if (record.value) {
            StoredGroup value = *DecodeGroup(AsBytes(*record.value));
            for (auto& member : value.members) member.subscription = Legible(member.subscription);
            what = Describe(value);
          }
          out_ += fmt::format("  writes {}: {}\n", group->group, what);
        } else {
          const auto& offset = std::get<OffsetKey>(*key);
          if (record.value) what = Describe(*DecodeOffset(AsBytes(*record.value)));
          out_ += fmt::format("  writes {} {}-{}: {}\n", offset.group, offset.topic,
                              offset.partition, what);
        }
      }
      held_.push_back(std::move(proposal));
    }
    if (!hold_) Apply(held_.size());
  }
}

void GroupScript::Say(const GroupAnswer& answer) {
  out_ += fmt::format("#{}{} ", answer.ticket, answer.committed ? "*" : "");
  if (const auto* join = std::get_if<JoinAnswer>(&answer.what)) {
    out_ += fmt::format("{} {}", ErrorText(join->error), join->member);
    if (join->error == KafkaError::kNone) {
      out_ += fmt::format(" generation={} protocol={} leader={}", join->generation,
                          join->protocol.value_or("-"), join->leader);
      if (join->skip_assignment) out_ += " skip-assignment";
      for (const auto& member : join->members)
        out_ += fmt::format(" [{} {}]", member.id, Legible(member.metadata));
    }
  } else if (const auto* sync = std::get_if<SyncAnswer>(&answer.what)) {
    out_ += ErrorText(sync->error);
    if (sync->error == KafkaError::kNone) out_ += " assignment=" + sync->assignment;
  } else if (const auto* many = std::get_if<ManyAnswer>(&answer.what)) {
    out_ += ErrorText(many->error);
    for (const auto error : many->each) out_ += " " + ErrorText(error);
  } else {
    out_ += ErrorText(std::get<KafkaError>(answer.what));
  }
  out_ += "\n";
}

void GroupScript::Say(const DescribedGroup& group) {
  out_ += fmt::format("{} generation={} type={} protocol={}\n", Name(group.state), group.generation,
                      group.protocol_type, group.protocol);
  for (const auto& member : group.members) {
    out_ += fmt::format("  {}{} {} -> {}\n", member.id,
                        member.instance ? " instance=" + *member.instance : "",
                        Legible(member.subscription), member.assignment);
  }
}

std::string GroupScript::Difference() const {
  const std::string leader = map_.Describe(), follower = follower_.Describe();
  return leader == follower ? "" : leader + "differs from\n" + follower;
}

}  // namespace kronika::broker
