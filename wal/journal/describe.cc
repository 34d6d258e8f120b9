#include "wal/journal/describe.h"

#include <fmt/format.h>

#include <set>

#include "wal/journal/chain.h"
#include "wal/journal/journal_files.h"

namespace kronika::wal {
namespace {

// Name and value of what a record says; values are numbers or need no escaping.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

struct FieldsOf {
  std::uint32_t length;
  Fields operator()(const JournalEntry& entry) const {
    return {{"index", std::to_string(entry.index.value)},
            {"term", std::to_string(entry.term.value)},
            {"type", std::to_string(entry.type)},
            {"append_time_ms", std::to_string(entry.append_time_ms)},
            {"bytes", std::to_string(length - kEntryHeaderBytes)}};
  }
  Fields operator()(const JournalHardState& state) const {
    return {{"term", std::to_string(state.term.value)},
            {"vote", std::to_string(state.vote_broker.value)},
            {"incarnation", std::to_string(state.vote_incarnation.value)}};
  }
  Fields operator()(const RecordTruncateFrom& cut) const {
    return {{"index", std::to_string(cut.index.value)}};
  }
  Fields operator()(const JournalCreated& created) const {
    return {{"generation", std::to_string(created.generation.value)},
            {"broker", std::to_string(created.broker.value)},
            {"incarnation", std::to_string(created.incarnation.value)},
            {"floor", std::to_string(created.floor.value)}};
  }
  Fields operator()(const JournalInstalled& installed) const {
    return {{"index", std::to_string(installed.index.value)},
            {"term", std::to_string(installed.term.value)},
            {"manifest_bytes", std::to_string(installed.manifest.size())}};
  }
  Fields operator()(const CheckpointMark& mark) const {
    return {{"id", std::to_string(mark.id)}, {"position", std::to_string(mark.position.sequence)}};
  }
  Fields operator()(const RecordRemoved&) const { return {}; }
  Fields operator()(const RecordSeal&) const { return {}; }
  Fields operator()(const RecordOpened&) const { return {}; }
};

// Texts are ours, but a file's name is anybody's.
std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

void PrintRecord(const ScannedRecord& scanned, DumpFormat format, std::ostream& out) {
  const Fields fields = std::visit(FieldsOf{scanned.length}, scanned.record.content);
  const bool has_group = scanned.record.group != kNoGroup;
  if (format == DumpFormat::kText) {
    out << "    " << Name(scanned.record.kind);
    if (has_group) out << " group " << scanned.record.group.value;
    for (const auto& [name, value] : fields) out << ' ' << name << ' ' << value;
    out << '\n';
    return;
  }
  out << R"({"kind":")" << Name(scanned.record.kind) << '"';
  if (has_group) out << R"(,"group":)" << scanned.record.group.value;
  for (const auto& [name, value] : fields) out << ",\"" << name << "\":" << value;
  out << '}';
}

void PrintCommit(const FileScan& file, const ScannedCommit& commit, DumpFormat format,
                 std::ostream& out) {
  const CommitHeader& header = commit.header;
  if (format == DumpFormat::kText) {
    out << fmt::format(
        "  block {} +{} sequence {} epoch {} checkpoint {} previous {:08x} crc {:08x}\n",
        header.block, header.blocks, header.sequence, header.open_epoch, header.checkpoint_id,
        header.previous_crc, header.crc);
    if (!commit.whole()) {
      out << fmt::format("    broken in block {}: {}\n", commit.broken_block, commit.broken);
    }
    for (const ScannedRecord& record : commit.records) PrintRecord(record, format, out);
    return;
  }
  out << fmt::format(R"({{"file":{},"block":{},"blocks":{},"sequence":{},"epoch":{},)",
                     Quoted(file.name), header.block, header.blocks, header.sequence,
                     header.open_epoch)
      << fmt::format(R"("checkpoint":{},"previous_crc":{},"crc":{},)", header.checkpoint_id,
                     header.previous_crc, header.crc);
  if (!commit.whole()) out << R"("broken":)" << Quoted(commit.broken) << ',';
  out << R"("records":[)";
  bool first = true;
  for (const ScannedRecord& record : commit.records) {
    if (!first) out << ',';
    first = false;
    PrintRecord(record, format, out);
  }
  out << "]}\n";
}

void PrintFile(const FileScan& file, DumpFormat format, std::ostream& out) {
  if (format == DumpFormat::kText) {
    out << file.name << (file.size_is_right ? "" : ": not as long as its name says") << '\n';
  }
  for (const ScannedCommit& commit : file.commits) PrintCommit(file, commit, format, out);
  if (format != DumpFormat::kText) return;
  for (const ScannedFooter& footer : file.footers) {
    out << fmt::format("  block {} +{} sequence {} epoch {}: a footer without a whole commit\n",
                       footer.first_block, footer.footer.blocks, footer.footer.sequence,
                       footer.footer.open_epoch);
  }
}

CheckpointMark OldestConnected(const std::vector<FileScan>& scans) {
  std::set<std::uint64_t> whole;
  for (const FileScan& scan : scans) {
    for (const ScannedCommit& commit : scan.commits) {
      if (commit.whole()) whole.insert(commit.header.sequence);
    }
  }
  if (whole.empty()) return {};
  std::uint64_t first = *whole.rbegin();
  while (whole.contains(first - 1)) --first;
  return {.id = 0, .position = {first}};
}

}  // namespace

JournalVerdict DescribeJournal(const std::vector<NamedJournalFile>& files,
                               const DumpOptions& options, std::ostream& out) {
  std::vector<FileScan> scans;
  for (const NamedJournalFile& file : files) {
    const auto identity = ParseJournalFileName(file.name);
    if (!identity) {
      if (options.format == DumpFormat::kText) out << file.name << ": not a journal file\n";
      continue;
    }
    scans.push_back(
        ScanFile({.name = file.name, .number = identity->number}, file.content.bytes()));
    scans.back().size_is_right = file.content.size() == identity->bytes;
    PrintFile(scans.back(), options.format, out);
  }
  const CheckpointMark mark = options.mark.value_or(OldestConnected(scans));
  JournalVerdict verdict = DecideChain(scans, mark).verdict;
  if (options.format == DumpFormat::kText) {
    out << "verdict: " << verdict.Describe() << '\n';
  } else {
    out << R"({"verdict":)" << Quoted(verdict.Describe()) << R"(,"last_sequence":)"
        << verdict.last_sequence << R"(,"damages":)" << verdict.damages.size() << "}\n";
  }
  return verdict;
}

}  // namespace kronika::wal
