// Runs every script of cases/ against a leader's ProducerState and a follower's that applies the
// same entries: lines that start with "> " are commands; what follows is what they said. REWRITE=1
// writes what they say now.
//
//   produce p=ID e=EPOCH s=SEQUENCE n=RECORDS [t=MS] [refused]   check, propose, append; `refused`:
//   the log refuses it
//   apply [COUNT]     the next entries are committed and applied, on both
//   step-down         the leader drops what is only appended; the entries stay in the log
//   truncate INDEX    another leader overwrites the entries from INDEX on
//   restart           the leader's state is encoded and decoded; what was only appended is gone
//   show              the leader's state
//
// After every command the encodings of leader and follower are equal.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "broker/partition/producer_state.h"
#include "tests/support/script_cases.h"

namespace kronika::broker {
namespace {

constexpr std::int64_t kExpirationMs = 1000;  // the leader's; followers have none
constexpr const char* kCases = "tests/scripts/producer_state/cases";

struct LogEntry {
  wal::BatchHeader batch;
  std::int64_t append_time_ms = 0;
};

class Script {
 public:
  std::string Run(const std::string& line) {
    std::istringstream words(line);
    std::string command, word;
    words >> command;
    std::map<std::string, std::int64_t> numbers;
    for (std::int64_t plain = 0; words >> word;) {
      const auto equals = word.find('=');
      if (equals != std::string::npos) {
        numbers[word.substr(0, equals)] = std::stoll(word.substr(equals + 1));
      } else if (std::isdigit(static_cast<unsigned char>(word[0]))) {
        numbers["#"] = plain = std::stoll(word);
      } else {
        numbers[word] = 1;
      }
    }
    if (command == "produce") return Produce(numbers);
    if (command == "apply") return Apply(numbers.contains("#") ? numbers["#"] : INT64_MAX);
    if (command == "step-down") return leader_.DropAppended(), "";
    if (command == "truncate") return Truncate(static_cast<std::size_t>(numbers["#"]));
    if (command == "restart")
      return leader_ = *ProducerState::Decode(leader_.Encode(), options_), "";
    if (command == "show") return leader_.Describe();
    ADD_FAILURE() << "unknown command: " << line;
    return "";
  }
  void ExpectEqualReplicas() const { EXPECT_EQ(leader_.Encode(), follower_.Encode()); }

 private:
  std::string Produce(std::map<std::string, std::int64_t>& numbers) {
    wal::BatchHeader batch;
    batch.producer_id = numbers["p"];
    batch.producer_epoch = static_cast<std::int16_t>(numbers["e"]);
    batch.base_sequence = static_cast<std::int32_t>(numbers["s"]);
    batch.record_count = static_cast<std::int32_t>(numbers["n"]);
    batch.last_offset_delta = batch.record_count - 1;
    if (numbers.contains("t")) now_ = numbers["t"];
    batch.max_timestamp = now_;
    batch.base_offset = log_.empty() ? 0 : log_.back().batch.next_offset();
    const auto verdict = leader_.Check(batch, kExpirationMs);
    if (auto* duplicate = std::get_if<ProducerDuplicate>(&verdict)) {
      std::string out = "duplicate of offset " + std::to_string(duplicate->base_offset);
      if (duplicate->appended_at)
        out += ", waits for entry " + std::to_string(duplicate->appended_at->value);
      return out + "\n";
    }
    if (auto* error = std::get_if<KafkaError>(&verdict)) {
      return "error " + std::to_string(static_cast<int>(*error)) + "\n";
    }
    if (numbers.contains("refused")) return "accepted, but the log refuses it\n";
    log_.push_back({batch, now_});
    leader_.Append(Index{log_.size()}, batch);
    return "entry " + std::to_string(log_.size()) + " offset " + std::to_string(batch.base_offset) +
           "\n";
  }

  std::string Apply(std::int64_t count) {
    for (; count > 0 && applied_ < log_.size(); --count) {
      const LogEntry& entry = log_[applied_++];
      leader_.Apply(Index{applied_}, entry.batch, entry.append_time_ms);
      follower_.Apply(Index{applied_}, entry.batch, entry.append_time_ms);
    }
    return "applied " + std::to_string(applied_) + "\n";
  }

  std::string Truncate(std::size_t index) {
    EXPECT_GT(index, applied_);
    log_.resize(index - 1);
    return "";
  }

  const ProducerStateOptions options_{.producers_max = 8};
  ProducerState leader_{options_}, follower_{options_};
  std::vector<LogEntry> log_;
  std::size_t applied_ = 0;
  std::int64_t now_ = 0;
};

std::string RunCase(const std::string& text) {
  Script script;
  std::istringstream lines(text);
  std::string out, line;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') {
      out += line + "\n";
    } else if (line.starts_with("> ")) {
      out += line + "\n" + script.Run(line.substr(2));
      script.ExpectEqualReplicas();
    }
  }
  return out;
}

TEST(ProducerStateScripts, SayWhatTheySaid) {
  ExpectCasesSayTheSame(kCases, RunCase);
}

TEST(ProducerState, DamagedEncodingsAreRefused) {
  ProducerState state;
  wal::BatchHeader batch;
  batch.producer_id = 4;
  batch.producer_epoch = 1;
  batch.base_sequence = 0;
  state.Apply(Index{1}, batch, 5);
  const std::string good = state.Encode();
  ASSERT_TRUE(ProducerState::Decode(good));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ProducerState::Decode(good.substr(0, size))) << size;
  }
  EXPECT_FALSE(ProducerState::Decode(good + "x"));
}

}  // namespace
}  // namespace kronika::broker
