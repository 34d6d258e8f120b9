"""Free TCP ports for tests, allocated when they run, so that two runs on one machine do not meet."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range from which the kernel takes ports for outgoing connections (32768 and up).
LOWEST, HIGHEST = 12000, 31000
# Where the ports of broker 0 lie above its Kafka port: broker to broker, admin HTTP.
OFFSETS = (0, 100, 552)
# A process keeps the blocks that it took ports from until it ends: between the look at a port and the program that
# listens there, no other test gets it.
BLOCK = 1000
_taken = {}  # first port of a block → its lock, an open file
_given = set()  # ports; one that nobody listens at yet looks free


def is_free(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def take_block(first):
    """Whether the block is this process's now."""
    if first in _taken:
        return True
    folder = Path(tempfile.gettempdir()) / f"kronika-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    lock = open(folder / str(first), "wb")  # pylint: disable=consider-using-with  # it ends with the process
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return False
    _taken[first] = lock
    return True


def free_port():
    """One free port."""
    return base_port(1, (0,))


def base_port(brokers=3, offsets=OFFSETS):
    """A port P such that P+i and its offsets are free for each broker i; what deploy/cluster.sh needs."""
    # Chance only spreads concurrent runs; what is returned was seen to be free.
    blocks = [*_taken, *random.sample(range(LOWEST, HIGHEST, BLOCK), (HIGHEST - LOWEST) // BLOCK)]
    for first in blocks:
        if not take_block(first):
            continue
        for _ in range(20):
            candidate = first + random.randrange(BLOCK - max(offsets) - brokers + 1)
            wanted = {candidate + offset + i for offset in offsets for i in range(brokers)}
            if not wanted & _given and all(map(is_free, wanted)):
                _given.update(wanted)
                return candidate
    raise RuntimeError("no free ports")
