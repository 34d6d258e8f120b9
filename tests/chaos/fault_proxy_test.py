"""The fault proxy does what its name says: each fault is seen from both ends, and healing restores the link."""

import os
import socket
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
import results  # noqa: E402
from fault_proxy import FaultProxy, Faults, dialler  # noqa: E402
from process import wait_for  # noqa: E402


class EchoServer:
    """Sends back what it gets, and notes it."""

    def __init__(self):
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection):
        try:
            while chunk := connection.recv(65536):
                self.received += chunk
                connection.sendall(chunk)
        except OSError:
            pass
        connection.close()


class FaultProxyTest(unittest.TestCase):
    def setUp(self):
        self.server = EchoServer()
        self.addCleanup(self.server.close)
        self.proxy = FaultProxy(self.server.port)
        self.addCleanup(self.proxy.close)

    def dial(self, proxy=None):
        client = socket.create_connection(("127.0.0.1", (proxy or self.proxy).port))
        self.addCleanup(client.close)
        client.settimeout(5)
        return client

    def silent(self, client, seconds=0.3):
        client.settimeout(seconds)
        try:
            client.recv(1)
            return False
        except socket.timeout:
            return True
        finally:
            client.settimeout(5)

    def test_passes_everything_in_order(self):
        client = self.dial()
        content = os.urandom(300_000)
        threading.Thread(target=client.sendall, args=(content,), daemon=True).start()
        echoed = b""
        while len(echoed) < len(content):
            echoed += client.recv(65536)
        self.assertEqual(content, echoed)
        self.assertEqual(len(content), self.proxy.bytes_to_server)

    def test_delay(self):
        client = self.dial()
        self.proxy.faults.delay_seconds = 0.2
        begin = time.monotonic()
        client.sendall(b"x")
        client.recv(1)
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)

    def test_throttle(self):
        client = self.dial()
        self.proxy.faults.bytes_per_second = 64 * 1024
        begin = time.monotonic()
        client.sendall(bytes(48 * 1024))
        wait_for(lambda: len(self.server.received) == 48 * 1024, 5, "all bytes")
        self.assertGreaterEqual(time.monotonic() - begin, 0.4)

    def test_one_way_cut(self):
        client = self.dial()
        self.proxy.faults.cut_to_client = True
        client.sendall(b"there")
        wait_for(lambda: self.server.received == b"there", 5, "the way to the server is open")
        self.assertTrue(self.silent(client))
        self.proxy.heal()
        self.assertEqual(b"there", client.recv(10))

    def test_other_one_way_cut(self):
        client = self.dial()
        self.proxy.faults.cut_to_server = True
        client.sendall(b"x")
        self.assertTrue(self.silent(client))
        self.assertEqual(b"", self.server.received)
        self.proxy.heal()
        self.assertEqual(b"x", client.recv(1))

    def test_reset(self):
        client = self.dial()
        client.sendall(b"x")
        client.recv(1)
        self.proxy.reset()
        with self.assertRaises(ConnectionResetError):
            client.recv(1)

    def test_refuse(self):
        self.proxy.faults.refuse = True
        with self.assertRaises(ConnectionError):
            self.dial().recv(1)
            raise ConnectionAbortedError("the connection was ended without a reset")
        self.proxy.heal()
        client = self.dial()
        client.sendall(b"x")
        self.assertEqual(b"x", client.recv(1))

    def test_half_close(self):
        client = self.dial()
        client.sendall(b"last")
        client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(10):
            received += chunk
        self.assertEqual(b"last", received)

    def test_rules_by_dialler(self):
        mine = Faults(cut_to_server=True)
        with FaultProxy(self.server.port,
                        rules=lambda port: mine if dialler(port, [os.getpid()]) == os.getpid() else None) as proxy:
            client = self.dial(proxy)
            client.sendall(b"x")
            self.assertTrue(self.silent(client))
            mine.heal()
            self.assertEqual(b"x", client.recv(1))


if __name__ == "__main__":
    results.main()
