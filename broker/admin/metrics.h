// MetricsText: metrics in Prometheus' text format, written when they are asked for. Nothing is kept
// per partition.
//
// Called on the broker's loop. Invariant: the samples of a family follow its Family() call.
// Source: Prometheus, "Exposition formats", text format 0.0.4.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace kronika::broker::admin {

enum class MetricType { kCounter, kGauge };

struct MetricFamily {
  std::string_view name;  // "kronika_..."; counters end in _total
  MetricType type = MetricType::kGauge;
  std::string_view help;
};

struct MetricLabel {
  std::string_view name;
  std::string_view value;
};

class MetricsText {
 public:
  void Family(const MetricFamily& family);
  void Sample(std::initializer_list<MetricLabel> labels, double value);
  void Sample(double value) { Sample({}, value); }
  // A family with one sample.
  void Single(const MetricFamily& family, double value);

  std::string Take() { return std::move(out_); }

 private:
  std::string name_;
  std::string out_;
};

}  // namespace kronika::broker::admin
