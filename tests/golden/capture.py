"""Records the frames between a real client and a real broker, through a proxy.

    capture.py --listen PORT --target PORT --out FILE --client TEXT --server TEXT -- COMMAND [ARGUMENT...]

The broker has to send its clients to --listen (its advertised port), or they go around the proxy. Runs COMMAND to its
end and writes FILE:

    # client: ...          which client, with its version
    # server: ...          which broker, with its version
    # command: ...
    connection 1
    > KEY VERSION HEX      a request: API key, version, the frame without its length
    < KEY VERSION HEX      the answer to that request

Frames of more than --bytes-max are left out and noted as `# left out`. The exit code is the command's.
"""

import argparse
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path


class Connection:
    """One client connection: its frames in the order in which the proxy saw them."""

    def __init__(self, number, bytes_max):
        self.number = number
        self.bytes_max = bytes_max
        self.lines = []
        self._requests = {}  # correlation id → (key, version)
        self._lock = threading.Lock()

    def request(self, frame):
        key, version, correlation = struct.unpack(">hhi", frame[:8])
        with self._lock:
            self._requests[correlation] = (key, version)
            self._add(">", key, version, frame)

    def response(self, frame):
        (correlation,) = struct.unpack(">i", frame[:4])
        with self._lock:
            key, version = self._requests.pop(correlation, (-1, -1))
            self._add("<", key, version, frame)

    def _add(self, direction, key, version, frame):
        if len(frame) > self.bytes_max:
            self.lines.append(f"# left out: {direction} {key} {version} of {len(frame)} bytes")
        else:
            self.lines.append(f"{direction} {key} {version} {frame.hex()}")


class Frames:
    """Cuts a byte stream into Kafka's frames (a length of four bytes, then that many)."""

    def __init__(self, handle):
        self._handle = handle
        self._bytes = b""

    def feed(self, chunk):
        self._bytes += chunk
        while len(self._bytes) >= 4:
            (size,) = struct.unpack(">i", self._bytes[:4])
            if size < 0 or len(self._bytes) < 4 + size:
                return
            self._handle(self._bytes[4:4 + size])
            self._bytes = self._bytes[4 + size:]


class Recorder:
    """Accepts at one port, forwards to another, keeps what went through."""

    def __init__(self, listen_port, target_port, bytes_max=65536):
        self.connections = []
        self._target = target_port
        self._bytes_max = bytes_max
        self._listener = socket.create_server(("127.0.0.1", listen_port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()
                continue
            connection = Connection(len(self.connections) + 1, self._bytes_max)
            self.connections.append(connection)
            for source, sink, handle in ((client, server, connection.request), (server, client, connection.response)):
                threading.Thread(target=self._pump, args=(source, sink, Frames(handle)), daemon=True).start()

    @staticmethod
    def _pump(source, sink, frames):
        try:
            while chunk := source.recv(65536):
                # Noted before it is passed on, so that an answer never comes before its request.
                frames.feed(chunk)
                sink.sendall(chunk)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def text(self):
        lines = []
        for connection in self.connections:
            lines.append(f"connection {connection.number}")
            lines += connection.lines
        return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", type=int, required=True)
    parser.add_argument("--target", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--client", required=True)
    parser.add_argument("--server", required=True)
    parser.add_argument("--bytes-max", type=int, default=65536)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    recorder = Recorder(arguments.listen, arguments.target, arguments.bytes_max)
    done = subprocess.run(arguments.command, stdin=subprocess.DEVNULL, check=False, timeout=120)
    recorder.close()
    # The port differs from run to run and says nothing.
    command = " ".join(arguments.command).replace(f":{arguments.listen}", ":PORT")
    arguments.out.write_text(f"# client: {arguments.client}\n# server: {arguments.server}\n# command: {command}\n"
                             + recorder.text())
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
