"""bench/compare's report: medians, ratios, bars that are reached or missed, and load that spoils a comparison."""

import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "bench" / "compare")]
import report  # noqa: E402
import results  # noqa: E402
from rows import Bar  # noqa: E402


def figures(mb_per_s, cpu_s_per_gb, other=0.0):
    return {"mb_per_s": mb_per_s, "cpu_s_per_gb": cpu_s_per_gb, "other_load_cores": other, "bytes": 1e9,
            "client_cpu_s_per_gb": 1.0, "budget": {"cpu_s_per_gb_by_thread": {"main": 3.0, "files": 1.0}, "syncs_per_batch": 0.25}}


def rounds(kronika, kafka, other=0.0):
    return [{"kronika": {"saturated": figures(a, 5, other), "states": {"start": 1.0}},
             "kafka": {"saturated": figures(b, 30), "states": {"start": 12.0}}} for a, b in zip(kronika, kafka)]


class ReportTest(unittest.TestCase):
    def test_medians_ratio_and_a_reached_bar(self):
        text = report.text(rounds((100, 300, 120), (50, 10, 40)))
        self.assertRegex(text, r"MB/s +40\.0 +120 +3\.00× +bar ≥ 2×: reached")
        self.assertRegex(text, r"CPU s/GB +30\.0 +5\.00 +0\.17× +bar ≤ 0\.25×: reached")
        self.assertRegex(text, r"s +12\.0 +1\.00 +0\.08×")
        self.assertNotIn("budget", text)
        self.assertNotIn("TOO MUCH", text)

    def test_a_missed_bar_brings_the_budget_with_its_largest_item(self):
        text = report.text(rounds((60,), (50,)))
        self.assertIn("bar ≥ 2×: MISSED", text)
        self.assertIn("largest: thread main", text)
        self.assertRegex(text, r"syncs per batch +0\.25")

    def test_other_load_spoils_a_comparison(self):
        self.assertIn("0.50 beside Kronika: TOO MUCH", report.text(rounds((60,), (50,), 0.5)))

    def test_consumer_groups_stand_beside_loads(self):
        one = {"kronika": {"groups": {"stable_s": 8.0, "commits_per_s": 1500.0, "cpu_s": 4.0, "other_load_cores": 0.1}},
               "kafka": {"groups": {"stable_s": 4.0, "commits_per_s": 500.0, "cpu_s": 32.0, "other_load_cores": 0.1}}}
        text = report.text([one])
        self.assertRegex(text, r"s to stable +4\.00 +8\.00 +2\.00× +bar ≤ 1×: MISSED")
        self.assertRegex(text, r"commits/s +500 +1500 +3\.00× +bar ≥ 1×: reached")
        self.assertRegex(text, r"CPU s +32\.0 +4\.00 +0\.12×")

    def test_bars(self):
        self.assertTrue(Bar("x", 2, True).reached(4, 2))
        self.assertFalse(Bar("x", 2, True).reached(3.9, 2))
        self.assertTrue(Bar("x", 1, False).reached(2, 2))
        self.assertFalse(Bar("x", 1, False).reached(2.1, 2))


if __name__ == "__main__":
    results.main()
