"""What chaos_load was told, and whether the brokers still have it.

A History reads the load's file while it grows. compare() holds one replica's records against it and names what was
lost, is there twice, or stands out of order.
"""

import hashlib
from dataclasses import dataclass, field

import wire
from process import ROOT, Process

LOAD = ROOT / "build" / "dev" / "tests" / "chaos" / "chaos_load"


@dataclass
class Ack:
    sent_ms: int
    answered_ms: int
    partition: int
    number: int
    offset: int


class Load:
    """A running chaos_load and its history."""

    def __init__(self, bootstrap, topic, partitions, folder, name="load", settings=(), **options):
        self.name, self.topic, self.partitions = name, topic, partitions
        self.record_bytes = options.get("record_bytes", 1024)
        self.out = folder / f"{topic}-{name}.history"
        command = [LOAD, "--bootstrap", bootstrap, "--topic", topic, "--partitions", partitions, "--out", self.out,
                   "--name", name]
        for key, value in options.items():
            command += [f"--{key.replace('_', '-')}", value]
        for setting in settings:
            command += ["--set", setting]
        self.process = Process(command, folder / f"{topic}-{name}.log")
        self.acks, self.failed, self.fatal = [], [], []
        self._position = 0

    def read(self):
        """Takes in what was added to the file; returns self."""
        if not self.out.exists():
            return self
        with self.out.open("rb") as file:
            file.seek(self._position)
            content = file.read()
        end = content.rfind(b"\n") + 1
        self._position += end
        for line in content[:end].decode().splitlines():
            kind, *words = line.split(" ")
            if kind == "ack":
                self.acks.append(Ack(*map(int, words)))
            elif kind == "failed":
                self.failed.append(line)
            else:
                self.fatal.append(line)
        return self

    def finish(self, seconds=90):
        """Ends the load, which first waits for its answers."""
        self.process.stop(seconds)
        return self.read()

    def acked_bytes_per_second(self, begin_ms=None, end_ms=None):
        """Over the whole load, or over what was answered within [begin_ms, end_ms)."""
        if len(self.acks) < 2:
            return 0
        begin_ms = self.acks[0].answered_ms if begin_ms is None else begin_ms
        end_ms = self.acks[-1].answered_ms if end_ms is None else end_ms
        records = 0
        for ack in reversed(self.acks):  # in the order of their answers
            if ack.answered_ms < begin_ms:
                break
            records += ack.answered_ms < end_ms
        return records * self.record_bytes * 1000 / max(1, end_ms - begin_ms)


def read_partition(port, topic, partition, end=None):
    """[(offset, start of value)] of everything that the broker at `port` holds of a partition, up to its high watermark."""
    found, offset = [], 0
    with wire.Connection(port, 30) as connection:
        while True:
            error, watermark, content = connection.fetch_from_replica(topic, partition, offset)
            if error:
                raise AssertionError(f"{topic}-{partition} at port {port}, offset {offset}: error {error}")
            new = [record for record in wire.records(content) if record[0] >= offset]
            found += new
            if new:
                offset = new[-1][0] + 1
            if offset >= max(watermark, end or 0) or not new:
                return found


def digest_partition(port, topic, partition):
    """(offset behind the last batch, SHA-256 of all stored bytes) of a partition at a broker; None if it refuses."""
    digest, offset = hashlib.sha256(), 0
    with wire.Connection(port, 30) as connection:
        while True:
            error, _, content = connection.fetch_from_replica(topic, partition, offset)
            if error:
                return None
            whole = wire.batches(content)
            if not whole:
                return offset, digest.hexdigest()
            digest.update(content[:whole[-1]["end"]])
            offset = whole[-1]["last_offset"] + 1


@dataclass
class Verdict:
    lost: list = field(default_factory=list)
    doubled: list = field(default_factory=list)
    misplaced: list = field(default_factory=list)  # at another offset than was acknowledged, or out of order
    records: int = 0

    def clean(self):
        return not (self.lost or self.doubled or self.misplaced)

    def __str__(self):
        def some(name, items):
            return f"{len(items)} {name}" + (f" (first: {items[0]})" if items else "")
        return f"{self.records} records, {some('lost', self.lost)}, {some('doubled', self.doubled)}, " \
               f"{some('misplaced', self.misplaced)}"


def compare(load, acks, stored_by_partition):
    """Holds what is stored, {partition: [(offset, start of value)]}, against acknowledgements."""
    verdict = Verdict()
    for partition, stored in stored_by_partition.items():
        by_number, previous = {}, -1
        for offset, start in stored:
            name, _, number = start.split(b":")[:3]
            if name.decode() != load.name:
                continue
            number = int(number)
            verdict.records += 1
            where = f"partition {partition} number {number} offset {offset}"
            if number in by_number:
                verdict.doubled.append(f"{where}, also at {by_number[number]}")
            elif number < previous:
                verdict.misplaced.append(f"{where} follows number {previous}")
            by_number[number] = offset
            previous = max(previous, number)
        for ack in acks:
            if ack.partition != partition:
                continue
            if ack.number not in by_number:
                verdict.lost.append(f"partition {partition} number {ack.number} offset {ack.offset}")
            elif by_number[ack.number] != ack.offset:
                verdict.misplaced.append(f"partition {partition} number {ack.number}: acknowledged at {ack.offset}, "
                                         f"stands at {by_number[ack.number]}")
    return verdict
