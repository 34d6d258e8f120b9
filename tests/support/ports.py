"""Free TCP ports for tests, allocated when they run, so that two runs on one machine do not meet."""

import random
import socket

# Below the range from which the kernel takes ports for outgoing connections (32768 and up).
LOWEST, HIGHEST = 12000, 31000
# Where the ports of broker 0 lie above its Kafka port: broker to broker, admin HTTP.
OFFSETS = (0, 100, 552)


def is_free(port):
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port():
    """One free port."""
    return base_port(1, (0,))


def base_port(brokers=3, offsets=OFFSETS):
    """A port P such that P+i and its offsets are free for each broker i; what deploy/cluster.sh needs."""
    # Chance only spreads concurrent runs; what is returned was seen to be free.
    for _ in range(1000):
        candidate = random.randrange(LOWEST, HIGHEST)
        if all(is_free(candidate + offset + i) for offset in offsets for i in range(brokers)):
            return candidate
    raise RuntimeError("no free ports")
