"""The counting behind the last line of tests/run.sh: nothing that failed may count as passed."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import tally  # noqa: E402

GTEST = """<testsuites><testsuite>
<testcase name="A" classname="S" status="run" result="completed"/>
<testcase name="B" classname="S" status="run" result="completed"><failure message="x.cc:3&#x0A;bad"/></testcase>
<testcase name="C" classname="S" status="run" result="skipped"><skipped message="x.cc:9&#x0A;needs root&#x0A;"/></testcase>
<testcase name="DISABLED_D" classname="S" status="notrun" result="suppressed"/>
</testsuite></testsuites>"""


class TallyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def count(self, status, output="", gtest=None, detail=""):
        (self.folder / "junit").write_text(
            f'<testsuite><testcase name="t" status="{status}">{detail}<system-out>{output}</system-out>'
            "</testcase></testsuite>")
        if gtest is not None:
            (self.folder / "t.xml").write_text(gtest)
        return tally.from_ctest(self.folder / "junit", self.folder)

    def test_plain(self):
        self.assertEqual("1 passed, 0 failed, 0 skipped", self.count("run").line())
        self.assertEqual("0 passed, 1 failed, 0 skipped", self.count("fail").line())

    def test_cases_of_googletest(self):
        counted = self.count("fail", gtest=GTEST)
        self.assertEqual("1 passed, 1 failed, 2 skipped", counted.line())
        self.assertIn("S.C: needs root", counted.skips[0])

    def test_crash_after_the_last_case(self):
        passing = GTEST.replace("<failure", "<ignored")
        self.assertEqual(1, self.count("fail", gtest=passing).failed)

    def test_crash_without_a_whole_file(self):
        self.assertEqual(1, self.count("fail", gtest="<testsuites><tes").failed)

    def test_result_lines(self):
        counted = self.count("run", "result: pass a\nresult: skip b: no kcat\nnoise result: pass x\n")
        self.assertEqual("1 passed, 0 failed, 1 skipped", counted.line())
        self.assertEqual(["t: b: no kcat"], counted.skips)

    def test_skipped_whole(self):
        counted = self.count("notrun", "needs strace\n", detail='<skipped message="SKIP_RETURN_CODE=77"/>')
        self.assertEqual(["t: needs strace"], counted.skips)


if __name__ == "__main__":
    unittest.main()
