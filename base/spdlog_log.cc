#include "base/spdlog_log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <future>
#include <optional>
#include <utility>

#include "base/worker_pool.h"

namespace kronika {
namespace {

constexpr std::array kLevels = {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo,
                                LogLevel::kWarn,  LogLevel::kError, LogLevel::kOff};
constexpr const char* kTime = "%Y-%m-%dT%H:%M:%S.%eZ";

// JSON's escapes; for text lines only control characters are escaped.
std::string Escape(std::string_view text, bool json) {
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (json && (c == '"' || c == '\\')) {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 && (json || c != '\t')) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  return out;
}

}  // namespace

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return "trace";
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
    case LogLevel::kOff:
      return "off";
  }
  std::unreachable();
}

Result<LogLevel> ParseLogLevel(std::string_view text) {
  for (auto level : kLevels) {
    if (text == Name(level)) return level;
  }
  return Fail(ErrorCode::kInvalidArgument,
              "expected trace, debug, info, warn, error or off, not '" + std::string(text) + "'",
              "log_level");
}

Result<LogFormat> ParseLogFormat(std::string_view text) {
  if (text == "text") return LogFormat::kText;
  if (text == "json") return LogFormat::kJson;
  return Fail(ErrorCode::kInvalidArgument, "expected text or json, not '" + std::string(text) + "'",
              "log_format");
}

struct SpdlogLog::Impl {
  Impl(spdlog::sink_ptr sink, const SpdlogOptions& options_in)
      : options(options_in), logger("kronika", std::move(sink)), level(options_in.level) {
    const bool json = options.format == LogFormat::kJson;
    const std::string pattern =
        json ? fmt::format("{{\"ts\":\"{}\",%v}}", kTime) : fmt::format("{} %v", kTime);
    logger.set_formatter(
        std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc));
    logger.set_level(spdlog::level::trace);
    writer.emplace("log", 1);
  }

  std::string Line(LogLevel at, std::string_view text) const {
    const bool json = options.format == LogFormat::kJson;
    const std::string escaped = Escape(text, json);
    if (!json) return fmt::format("{} {}", Name(at), escaped);
    return fmt::format("\"level\":\"{}\",\"msg\":\"{}\"", Name(at), escaped);
  }

  // The writer thread.
  void Output(spdlog::log_clock::time_point when, LogLevel at, std::string_view text) {
    logger.log(when, spdlog::source_loc{}, spdlog::level::info, Line(at, text));
    const std::uint64_t lost = dropped.load();
    if (lost > dropped_told) {
      logger.log(when, spdlog::source_loc{}, spdlog::level::info,
                 Line(LogLevel::kWarn, fmt::format("{} log lines were dropped: the queue was full",
                                                   lost - dropped_told)));
      dropped_told = lost;
    }
    if (--queued == 0) logger.flush();
  }

  const SpdlogOptions options;
  spdlog::logger logger;           // the writer thread's
  std::uint64_t dropped_told = 0;  // the writer thread's
  std::atomic<LogLevel> level;
  std::atomic<std::size_t> queued = 0;
  std::atomic<std::uint64_t> dropped = 0;
  std::optional<WorkerPool> writer;
};

Result<std::unique_ptr<SpdlogLog>> SpdlogLog::Make(const SpdlogOptions& options) {
  spdlog::sink_ptr sink;
  try {
    if (options.path.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(options.path);
    }
  } catch (const spdlog::spdlog_ex& failed) {
    return Fail(ErrorCode::kIo, failed.what(), options.path);
  }
  return std::unique_ptr<SpdlogLog>(
      new SpdlogLog(std::make_unique<Impl>(std::move(sink), options)));
}

SpdlogLog::SpdlogLog(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

SpdlogLog::~SpdlogLog() {
  impl_->writer.reset();
  impl_->logger.flush();
}

bool SpdlogLog::Enabled(LogLevel level) const {
  return level != LogLevel::kOff && level >= impl_->level.load(std::memory_order_relaxed);
}

void SpdlogLog::Write(LogLevel level, std::string text) {
  if (!Enabled(level)) return;
  auto& impl = *impl_;
  if (impl.queued.fetch_add(1) >= impl.options.queue_lines_max) {
    --impl.queued;
    ++impl.dropped;
    return;
  }
  impl.writer->Submit([&impl, when = spdlog::log_clock::now(), level, text = std::move(text)] {
    impl.Output(when, level, text);
  });
}

void SpdlogLog::SetLevel(LogLevel level) {
  impl_->level = level;
}

void SpdlogLog::Flush() {
  std::promise<void> written;
  impl_->writer->Submit([this, &written] {
    impl_->logger.flush();
    written.set_value();
  });
  written.get_future().wait();
}

std::uint64_t SpdlogLog::dropped() const {
  return impl_->dropped;
}

}  // namespace kronika
