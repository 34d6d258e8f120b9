// Routes, the status JSON and the metrics text: names that others rely on.
#include "broker/admin/routes.h"

#include <gtest/gtest.h>

namespace kronika::broker::admin {
namespace {

struct FakeSource final : Source {
  Readiness Ready() const override { return readiness; }
  BrokerStatus Describe() const override { return status; }
  void Collect(MetricsText& out) const override {
    out.Family({"kronika_frames_total", MetricType::kCounter, "Frames."});
    out.Sample({{"lane", "da\"ta"}, {"peer", "2"}}, 3);
    out.Single({"kronika_up", MetricType::kGauge, "Up."}, 1);
  }
  Readiness readiness;
  BrokerStatus status;
};

TEST(AdminRoutes, LivenessNeedsNothing) {
  FakeSource source;
  EXPECT_EQ(Answer({"GET", "/livez"}, source).status, 200);
}

TEST(AdminRoutes, ReadinessSaysWhyNot) {
  FakeSource source;
  source.readiness = {.ready = false, .reason = "replaying the journal"};
  const auto answer = Answer({"GET", "/readyz?verbose"}, source);
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "replaying the journal\n");
  source.readiness.ready = true;
  EXPECT_EQ(Answer({"GET", "/readyz"}, source).status, 200);
}

// The names are documented and tests outside rely on them.
TEST(AdminRoutes, StatusHasTheDocumentedNames) {
  FakeSource source;
  source.status.broker = {.id = BrokerId{1}, .version = "0.1.0", .state = "running"};
  source.status.peers = {{.id = BrokerId{2}, .connected = true, .last_beat_ms = 12}};
  source.status.groups = {{.id = GroupId{5},
                           .topic = "t",
                           .partition = 0,
                           .role = "leader",
                           .term = Term{3},
                           .leader = BrokerId{1},
                           .members = {{.id = BrokerId{1}, .isr = true}}}};
  source.status.consumer_groups = {{.id = "g",
                                    .state = "Stable",
                                    .protocol_type = "consumer",
                                    .protocol = "range",
                                    .generation = 4,
                                    .members = 2,
                                    .partitions = 6,
                                    .partitions_known = 5,
                                    .lag = 12,
                                    .lag_max = 7,
                                    .lag_age_ms = 900}};
  const auto answer = Answer({"GET", "/v1/status"}, source);
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(
      answer.body,
      R"({"broker":{"id":1,"uuid":"AAAAAAAAAAAAAAAAAAAAAA","cluster":"AAAAAAAAAAAAAAAAAAAAAA",)"
      R"("version":"0.1.0","state":"running"},"brokers":[],"controller":-1,"journal":{"io":"","commits":0,)"
      R"("bytes_written":0,"files":0,"files_free":0,"files_recycled":0,"bytes_unreleased":0},)"
      R"("checkpoints":{"completed":0,"given_up":0},"peers":[{"id":2,"connected":true,"last_beat_ms":12,)"
      R"("frames_in":0,"frames_out":0,"undecodable":0,"damaged":0,"misdirected":0,"not_yet":0}],"groups":[)"
      R"({"id":5,"topic":"t","partition":0,"role":"leader","term":3,"leader":1,"last":0,"commit":0,)"
      R"("applied":0,"durable":0,"members":[{"id":1,"incarnation":0,"match":0,"lag_ms":-1,)"
      R"("isr":true}]}],"consumer_groups":[{"id":"g","state":"Stable","protocol_type":"consumer",)"
      R"("protocol":"range","generation":4,"members":2,"partitions":6,"partitions_known":5,"lag":12,)"
      R"("lag_max":7,"lag_age_ms":900}]})"
      "\n");
}

TEST(AdminRoutes, MetricsAreInPrometheusFormat) {
  FakeSource source;
  EXPECT_EQ(Answer({"GET", "/metrics"}, source).body,
            "# HELP kronika_frames_total Frames.\n"
            "# TYPE kronika_frames_total counter\n"
            "kronika_frames_total{lane=\"da\\\"ta\",peer=\"2\"} 3\n"
            "# HELP kronika_up Up.\n"
            "# TYPE kronika_up gauge\n"
            "kronika_up 1\n");
}

TEST(AdminRoutes, RefusesWhatItDoesNotKnow) {
  FakeSource source;
  EXPECT_EQ(Answer({"GET", "/v2"}, source).status, 404);
  EXPECT_EQ(Answer({"POST", "/livez"}, source).status, 405);
  const std::string replace = "/v1/brokers/3/replace?uuid=AgEAAAAAAAAAAAAAAAAAAA";
  EXPECT_EQ(Answer({"POST", replace}, source).status, 403) << "from another machine";
  EXPECT_EQ(Answer({"POST", replace, true}, source).status, 503) << "taken, but not while starting";
  EXPECT_EQ(
      Answer({"POST", "/v1/brokers/x/replace?uuid=AgEAAAAAAAAAAAAAAAAAAA", true}, source).status,
      400);
  EXPECT_EQ(Answer({"POST", "/v1/brokers/3/replace?uuid=short", true}, source).status, 400);
  EXPECT_EQ(Answer({"HEAD", "/livez"}, source).status, 200);
}

}  // namespace
}  // namespace kronika::broker::admin
