"""The recording proxy: frames are cut right however the bytes arrive, answers are matched to their requests, and what
goes through is not changed."""

import socket
import struct
import sys
import threading
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import results  # noqa: E402
from capture import Connection, Frames, Recorder  # noqa: E402
from process import wait_for  # noqa: E402


def framed(body):
    return struct.pack(">i", len(body)) + body


def request(key, version, correlation, rest=b""):
    return struct.pack(">hhi", key, version, correlation) + rest


class CaptureTest(unittest.TestCase):
    def test_frames_byte_by_byte(self):
        seen = []
        frames = Frames(seen.append)
        for byte in framed(b"one") + framed(b"") + framed(b"three"):
            frames.feed(bytes([byte]))
        self.assertEqual([b"one", b"", b"three"], seen)

    def test_answers_are_matched_by_correlation(self):
        connection = Connection(1, 100)
        connection.request(request(18, 3, 7))
        connection.request(request(3, 4, 8))
        connection.response(struct.pack(">i", 8))
        connection.response(struct.pack(">i", 7))
        self.assertEqual(["> 18 3", "> 3 4", "< 3 4", "< 18 3"], [line.rpartition(" ")[0] for line in connection.lines])

    def test_large_frames_are_left_out(self):
        connection = Connection(1, 20)
        connection.request(request(0, 7, 1, b"x" * 100))
        self.assertEqual(["# left out: > 0 7 of 108 bytes"], connection.lines)

    def test_bytes_go_through_unchanged(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        answer = framed(struct.pack(">i", 5) + b"answer")
        received = []

        def serve():
            connection, _ = server.accept()
            with connection:
                received.append(connection.recv(1000))
                connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        recorder = Recorder(0, server.getsockname()[1])
        self.addCleanup(recorder.close)
        with socket.create_connection(("127.0.0.1", recorder.port)) as client:
            client.sendall(framed(request(18, 0, 5, b"rest")))
            self.assertEqual(answer, client.recv(1000))
        self.assertEqual([framed(request(18, 0, 5, b"rest"))], received)
        wait_for(lambda: "< 18 0 00000005" in recorder.text(), 5, "the recorded answer")


if __name__ == "__main__":
    results.main()
