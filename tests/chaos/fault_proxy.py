"""A TCP proxy that makes a link bad: delay, throttle, one-way and two-way cuts, resets, refused connections.

    with FaultProxy(target_port) as proxy:
        proxy.faults.delay_seconds = 0.2
        proxy.faults.cut_to_server = True     # one-way: what the client sends does not arrive until it is healed
        proxy.reset()                         # what is open now is reset
        proxy.heal()

A cut holds bytes back, as a network does that TCP retransmits over: nothing is lost from the middle of a stream, and
buffers fill up behind it. Every direction keeps its order. Faults are plain attributes; they take effect within 20 ms
for connections that stand and for new ones. `rules` may give a link faults of its own: a function from the
connection's (client port) to Faults, for example by the process that dialled (see dialler).

The proxy has one thread with its own loop; its methods may be called from any thread.
"""

import asyncio
import os
import re
import struct
import socket
import threading
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 16 * 1024
POLL_SECONDS = 0.01
HELD_CHUNKS_MAX = 256  # 4 MiB a direction, then the sender is no longer read


@dataclass
class Faults:
    delay_seconds: float = 0.0
    bytes_per_second: float = 0.0  # a direction; 0: no limit
    cut_to_server: bool = False
    cut_to_client: bool = False
    refuse: bool = False  # new connections are reset at once

    def cut(self):
        self.cut_to_server = self.cut_to_client = True

    def heal(self):
        self.delay_seconds = self.bytes_per_second = 0.0
        self.cut_to_server = self.cut_to_client = self.refuse = False


def reset(writer):
    """Ends a connection with RST instead of FIN."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        try:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


class FaultProxy:
    def __init__(self, target_port, listen_port=0, rules=None):
        self.faults = Faults()
        self.accepted = 0
        self.bytes_to_server = 0
        self.bytes_to_client = 0
        self._target = target_port
        self._rules = rules
        self._writers = set()
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", listen_port))
        self.port = self._server.sockets[0].getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def heal(self):
        self.faults.heal()

    def reset(self):
        """Resets all connections that stand."""
        async def all_of_them():
            for writer in list(self._writers):
                reset(writer)
        self._call(all_of_them())

    def close(self):
        if self._loop.is_closed():
            return

        async def end():
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _serve(self, client_reader, client_writer):
        task = asyncio.current_task()
        self._tasks.add(task)
        faults = self.faults
        if self._rules is not None:
            faults = self._rules(client_writer.get_extra_info("peername")[1]) or self.faults
        writers = [client_writer]
        self._writers.add(client_writer)
        self.accepted += 1
        try:
            if faults.refuse:
                reset(client_writer)
                return
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
            writers.append(server_writer)
            self._writers.add(server_writer)
            await asyncio.gather(self._direction(client_reader, server_writer, faults, True),
                                 self._direction(server_reader, client_writer, faults, False))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for writer in writers:
                reset(writer)
                self._writers.discard(writer)
            self._tasks.discard(task)

    async def _direction(self, reader, writer, faults, to_server):
        held = asyncio.Queue(HELD_CHUNKS_MAX)

        async def read():
            while chunk := await reader.read(CHUNK_BYTES):
                await held.put((self._loop.time() + faults.delay_seconds, chunk))
            await held.put((self._loop.time() + faults.delay_seconds, b""))

        async def write():
            while True:
                due, chunk = await held.get()
                await self._wait(due, faults, to_server)
                if not chunk:
                    writer.write_eof()  # half-close: the other direction goes on
                    return
                writer.write(chunk)
                await writer.drain()
                self._count(len(chunk), to_server)
                if faults.bytes_per_second:
                    await asyncio.sleep(len(chunk) / faults.bytes_per_second)
        await asyncio.gather(read(), write())

    async def _wait(self, due, faults, to_server):
        while (faults.cut_to_server if to_server else faults.cut_to_client) or self._loop.time() < due:
            await asyncio.sleep(POLL_SECONDS)

    def _count(self, size, to_server):
        if to_server:
            self.bytes_to_server += size
        else:
            self.bytes_to_client += size


def dialler(client_port, pids):
    """Which of the processes `pids` holds the local end of a loopback connection from `client_port`; None if none."""
    wanted = f":{client_port:04X}"
    inode = None
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(wanted):
                inode = fields[9]
    for pid in pids:
        try:
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(descriptor))
                if match and match.group(1) == inode:
                    return pid
        except OSError:
            continue
    return None
