"""Runs a command with a cluster beside it: with_cluster.py [-n BROKERS] [--set KEY=VALUE] COMMAND [ARGUMENT...]

The command finds the brokers in KRONIKA_BOOTSTRAP. The exit code is the command's, or 77 with the reason printed when
there is no program to start a cluster with.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from cluster import CLUSTER


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the node file")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    reason = CLUSTER.missing()
    if reason:
        print(reason)
        return 77
    with tempfile.TemporaryDirectory(prefix="kronika-test-") as folder:
        cluster = CLUSTER(arguments.n, dict(pair.split("=", 1) for pair in arguments.set), folder)
        try:
            cluster.start()
            bootstrap = ",".join(f"127.0.0.1:{cluster.port(i)}" for i in range(arguments.n))
            code = subprocess.run(arguments.command, env={**os.environ, "KRONIKA_BOOTSTRAP": bootstrap},
                                  stdin=subprocess.DEVNULL, check=False).returncode
            if code != 0:
                print(cluster.logs())
            return code
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
