"""Kafka's own dump tool reads the segments and indexes that the partition log writes, without a complaint.

    dump_test.py WRITE_SEGMENTS     the program that writes them (build/dev/tests/clients/dump_log/write_segments)

That the tool would complain is shown with an index entry and a time that are wrong on purpose.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tests" / "support"))
import results  # noqa: E402

COMPLAINTS = re.compile(r"Found|mismatch|corrupt|invalid", re.IGNORECASE)
WRITE_SEGMENTS = sys.argv.pop(1)


def dump(*arguments):
    """What the dump tool prints; skips where Java or the jars are missing."""
    done = subprocess.run([str(ROOT / "bench/peer/kafka.sh"), "tool", "org.apache.kafka.tools.DumpLogSegments", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    if done.returncode == 77:
        raise unittest.SkipTest(done.stdout)
    return done.returncode, done.stdout


def complaints(text):
    return [line for line in text.splitlines() if COMPLAINTS.search(line.replace("isvalid: true", ""))]


class DumpTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        subprocess.run([WRITE_SEGMENTS, cls.scratch.name], check=True, timeout=60)
        cls.folder = pathlib.Path(cls.scratch.name) / "topic-0"
        cls.logs = sorted(cls.folder.glob("*.log"))

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def files(self, *endings):
        return ",".join(str(path) for ending in endings for path in sorted(self.folder.glob("*" + ending)))

    def test_every_record_of_rolled_and_active_segments(self):
        self.assertGreater(len(self.logs), 1, "nothing rolled")
        code, text = dump("--deep-iteration", "--files", self.files(".log"))
        self.assertEqual(code, 0, text[-500:])
        self.assertEqual(complaints(text), [])
        offsets = [int(offset) for offset in re.findall(r"^\| offset: (\d+)", text, re.MULTILINE)]
        self.assertEqual(offsets, list(range(len(offsets))))
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            self.assertIn(f"compresscodec: {codec}", text)

    def test_indexes(self):
        for option in ("--index-sanity-check", "--verify-index-only"):
            code, text = dump(option, "--files", self.files(".index", ".timeindex"))
            self.assertEqual((code, complaints(text)), (0, []))

    def test_a_wrong_index_is_seen(self):
        for ending, position in ((".index", 7), (".timeindex", 7)):
            path = sorted(self.folder.glob("*" + ending))[0]
            good = path.read_bytes()
            path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1:])
            _, text = dump("--verify-index-only", "--files", str(path))
            path.write_bytes(good)
            self.assertRegex(text, r"Found|mismatch|Exception", ending)


if __name__ == "__main__":
    results.main()
