"""The verdict over a history: what is lost, doubled or misplaced is named, and a clean one is clean."""

import sys
import unittest
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parent))
import history  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from history import Ack, compare  # noqa: E402

LOAD = SimpleNamespace(name="load")


def value(number, name="load"):
    return f"{name}:0:{number}:xxx".encode()


def acks(*pairs):
    return [Ack(0, 0, 0, number, offset) for number, offset in pairs]


class Verdicts(unittest.TestCase):
    def test_clean(self):
        verdict = compare(LOAD, acks((0, 0), (1, 2)), {0: [(0, value(0)), (1, value(0, "other")), (2, value(1)), (3, value(2))]})
        self.assertTrue(verdict.clean(), verdict)
        self.assertEqual(3, verdict.records)

    def test_lost(self):
        self.assertEqual(1, len(compare(LOAD, acks((0, 0), (1, 1)), {0: [(0, value(0))]}).lost))

    def test_doubled(self):
        self.assertEqual(1, len(compare(LOAD, acks((0, 0)), {0: [(0, value(0)), (1, value(0))]}).doubled))

    def test_out_of_order(self):
        self.assertEqual(1, len(compare(LOAD, [], {0: [(0, value(1)), (1, value(0))]}).misplaced))

    def test_at_another_offset(self):
        self.assertEqual(1, len(compare(LOAD, acks((0, 7)), {0: [(0, value(0))]}).misplaced))

    def test_a_partition_that_nobody_read_says_nothing(self):
        self.assertTrue(compare(LOAD, acks((0, 0)), {}).clean())


class Files(unittest.TestCase):
    def test_a_growing_file_is_read_line_by_line(self):
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            load = history.Load.__new__(history.Load)
            load.out, load.acks, load.failed, load.fatal, load._position = Path(folder) / "x", [], [], [], 0
            self.assertEqual([], load.read().acks)
            with load.out.open("w") as file:
                file.write("ack 1 2 0 0 0\nfailed 1 2 0 1 _TIMED_OUT\nack 1 3 0")
                file.flush()
                self.assertEqual([1, 1], [len(load.read().acks), len(load.failed)])
                file.write(" 2 1\nfatal 9 OUT_OF_ORDER_SEQUENCE_NUMBER text\n")
            self.assertEqual([Ack(1, 2, 0, 0, 0), Ack(1, 3, 0, 2, 1)], load.read().acks)
            self.assertEqual(1, len(load.fatal))


class Batches(unittest.TestCase):
    def test_checksum(self):
        self.assertEqual(0xE3069283, wire.crc32c(b"123456789"))  # the check value of CRC-32C

    def test_records_of_batches(self):
        stored = wire.batch([b"a", b"b" * 100], base=5) + wire.batch([b"c"], base=7) + wire.batch([b"cut"], base=8)[:-1]
        self.assertEqual([(5, b"a"), (6, b"b" * 64), (7, b"c")], wire.records(stored))
        self.assertEqual([(5, 6), (7, 7)], [(b["base_offset"], b["last_offset"]) for b in wire.batches(stored)])

    def test_control_batches_hold_no_records(self):
        self.assertEqual([(1, b"a")], wire.records(wire.batch([b"c"], attributes=0x20) + wire.batch([b"a"], base=1)))


if __name__ == "__main__":
    results.main()
