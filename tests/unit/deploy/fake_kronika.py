#!/usr/bin/python3
"""Stands in for the program in the tests of deploy/cluster.sh: format, and a broker that only serves its ports.

Files in the node's folder steer it: `die` ends it at once with exit code 7 and a sentence, `deaf` makes it ignore
TERM, `lists` holds the ids that it says it sees.
"""

import http.server
import json
import signal
import socket
import sys
import threading
from pathlib import Path


def option(name):
    return sys.argv[sys.argv.index(name) + 1]


def config():
    lines = Path(option("--config")).read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith("#"))


def format_directory():
    if "--brokers" in sys.argv:
        print("founding of " + option("--brokers"))
        return
    data = Path(config()["data_dir"])
    data.mkdir(exist_ok=True)
    identity = data / "identity"
    founding = Path(option("--from")).read_text()
    if identity.exists() and identity.read_text() != founding:
        sys.exit("already formatted otherwise")
    identity.write_text(founding)


def port(text):
    return int(text.rpartition(":")[2])


def serve():
    keys = config()
    folder = Path(option("--config")).parent
    print("kronika fake started", flush=True)
    if (folder / "die").exists():
        print("kronika: the journal could not be synced", flush=True)
        print("a line of the log that was late", flush=True)
        sys.exit(7)
    if (folder / "deaf").exists():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert (Path(keys["data_dir"]) / "identity").exists()
    ids = [int(peer.split("@")[0]) for peer in keys["cluster_peers"].split(",")]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            lists = folder / "lists"
            seen = json.loads(lists.read_text()) if lists.exists() else ids
            body = json.dumps({"broker": {"id": int(keys["node_id"])}, "brokers": seen, "settings": keys}, indent=2)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    kafka = socket.create_server(("127.0.0.1", port(keys["listeners"])))
    threading.Thread(target=lambda: [kafka.accept() for _ in iter(int, 1)], daemon=True).start()
    http.server.HTTPServer(("127.0.0.1", port(keys["admin_listener"])), Handler).serve_forever()


if __name__ == "__main__":
    {"format": format_directory, "start": serve}[sys.argv[1]]()
