"""The memory of requests is bounded over all connections, and stock clients go on at the bound.

Fails with the planted bugs request-memory-unbounded (nobody ever waits) and fetch-waits-on-memory.
"""

import socket
import struct
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from cluster import PEER_IS_KAFKA, ClusterTest  # noqa: E402
from process import wait_for  # noqa: E402

MIB = 1024 * 1024
BOUND, CONNECTIONS, BEGUN = 64 * MIB, 30, 60 * MIB
# The room of one read beyond the budget; then what a frame costs while it moves to a larger block, and what the allocator
# keeps for a while of the blocks before.
ONE_READ, BLOCKS = MIB, BOUND + BEGUN


def resident(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


class Begun:
    """A connection that sends all but the end of a frame, as far as the broker takes it."""

    CHUNK = bytes(MIB)

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self):
        try:
            self.socket.sendall(struct.pack(">i", BEGUN + 1))
            for _ in range(BEGUN // MIB):
                self.socket.sendall(self.CHUNK)
        except OSError:
            pass  # closed, by either side

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread
        except OSError:
            pass  # the broker was first
        self._thread.join()
        self.socket.close()


def uvarint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def long_fetch(topic, offset, filler):
    """A Fetch (version 12) of partition 0 that may wait for ten minutes, with a tagged field that nobody knows."""
    partition = struct.pack(">iiqiqi", 0, -1, offset, -1, -1, MIB) + b"\0"
    topics = b"\2" + uvarint(len(topic) + 1) + topic.encode() + b"\2" + partition + b"\0"
    return struct.pack(">iiiibii", -1, 600_000, 1, MIB, 0, 0, -1) + topics + b"\1\1\1" + b"\x64" + uvarint(filler) + bytes(filler)


class RequestMemoryTest(ClusterTest):
    BROKERS = 1

    def metric(self, name):
        return self.cluster.metric(0, f"kronika_request_memory_{name}")

    def write_and_read(self, topic, values):
        text = "".join(value + "\n" for value in values)
        clients.kcat(self.cluster.bootstrap, "-P", "-t", topic, stdin=text, seconds=10)
        self.assertEqual(text, clients.kcat(self.cluster.bootstrap, "-C", "-t", topic, "-o", "beginning", "-e", "-q", seconds=10))


@clients.needs("kcat")
@unittest.skipIf(PEER_IS_KAFKA, "Kafka's bound is off unless it is set")
class BegunRequests(RequestMemoryTest):
    SETTINGS = {"broker_defaults": f"{{queued.max.request.bytes: {BOUND}}}"}

    def test_stock_clients_go_on_and_memory_is_bounded(self):
        self.write_and_read(self.topic("before"), ["x"])
        pid = self.cluster.pid(0)
        before = resident(pid)
        begun = []
        self.addCleanup(lambda: [one.close() for one in begun])
        begun += [Begun(self.cluster.port(0)) for _ in range(CONNECTIONS)]
        # One goes on beyond the bound, to the end of what it sends; the others wait.
        wait_for(lambda: self.metric("waiting") >= CONNECTIONS - 3 and self.metric("bytes") > BOUND + BEGUN * 3 // 4, 20,
                 "the budget is used up")
        self.write_and_read(self.topic("meanwhile"), [f"record {i}" for i in range(20)])
        self.assertLessEqual(self.metric("bytes"), BOUND + BEGUN + ONE_READ)
        grown = resident(pid) - before
        print(f"{CONNECTIONS} connections with {BEGUN // MIB} MiB of a begun request each: {grown / MIB:.0f} MiB more resident, "
              f"{self.metric('bytes') / MIB:.0f} MiB charged, bound {BOUND // MIB} MiB and one request")
        self.assertLessEqual(grown, BOUND + BEGUN + ONE_READ + BLOCKS)
        for one in begun:
            one.close()
        wait_for(lambda: self.metric("bytes") == 0 and self.metric("waiting") == 0, 10, "all of it is given back")
        self.write_and_read(self.topic("after"), ["y" * 500_000])


@clients.needs("kcat")
@unittest.skipIf(PEER_IS_KAFKA, "Kafka's bound is off unless it is set")
class HeldRequests(RequestMemoryTest):
    SETTINGS = {"broker_defaults": f"{{queued.max.request.bytes: {MIB}}}"}

    def test_a_fetch_that_waits_does_not_keep_others_waiting(self):
        topic = self.topic("held")
        self.write_and_read(topic, ["x"])
        with wire.Connection(self.cluster.port(0)) as holder:
            holder.send(wire.FETCH, 12, long_fetch(topic, 1, MIB * 3 // 2), tags=b"\0")
            wait_for(lambda: self.metric("bytes") > MIB, 10, "the budget is used up")
            self.write_and_read(self.topic("meanwhile"), ["y" * 500_000])
            holder.receive()
        self.assertEqual(0, self.metric("closed_total"))


if __name__ == "__main__":
    results.main()
