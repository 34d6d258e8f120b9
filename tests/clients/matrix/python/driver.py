"""What the drivers of Python clients share: the command line, and what they tell; see ../README.md."""

import json
import signal
import sys
import threading

PARTITIONS = 6
ended = threading.Event()


def tell(**what):
    print(json.dumps(what), flush=True)


def values_of(codec, count):
    """(partition, value) of each record to produce."""
    return [(number % PARTITIONS, f"{codec} {number} {'.' * 200}".encode()) for number in range(count)]


def main(acts):
    """Runs acts[argv[1]] with the other arguments; SIGTERM sets `ended`."""
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    acts[sys.argv[1]](*sys.argv[2:])
