// Prometheus' text format; see metrics.h.
#include "broker/admin/metrics.h"

#include <fmt/format.h>

#include <iterator>

namespace kronika::broker::admin {
namespace {

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
}

}  // namespace

void MetricsText::Family(const MetricFamily& family) {
  name_ = family.name;
  fmt::format_to(std::back_inserter(out_), "# HELP {} {}\n# TYPE {} {}\n", family.name, family.help,
                 family.name, family.type == MetricType::kCounter ? "counter" : "gauge");
}

void MetricsText::Sample(std::initializer_list<MetricLabel> labels, double value) {
  out_ += name_;
  char before = '{';
  for (const auto& label : labels) {
    out_ += before;
    out_ += label.name;
    out_ += "=\"";
    AppendEscaped(out_, label.value);
    out_ += '"';
    before = ',';
  }
  if (before == ',') out_ += '}';
  fmt::format_to(std::back_inserter(out_), " {}\n", value);
}

void MetricsText::Single(const MetricFamily& family, double value) {
  Family(family);
  Sample(value);
}

}  // namespace kronika::broker::admin
