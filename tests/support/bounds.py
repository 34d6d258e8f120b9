"""Bounds of time that are promises to users: a second or more, so that other work on the machine rarely breaks one.

    @bounds.three_tries
    def test_leader(self):
        ...
        bounds.within(3000, pause, "first acknowledgement by a new leader")

What is slower is told with the machine's load, and the test runs again, three times in all. Any other failure ends it at
once, so a test checks what must never happen (a loss, a duplicate, disorder) before it comes to its bound.
"""

import functools
import os

TRIES = 3


class TooSlow(AssertionError):
    pass


def load():
    return f"load {' '.join(f'{each:.1f}' for each in os.getloadavg())} on {os.cpu_count()} processors"


def within(bound, measured, what):
    """In whatever unit both have."""
    if measured > bound:
        raise TooSlow(f"{what}: {measured}, bound {bound}; {load()}")


def three_tries(test):
    @functools.wraps(test)
    def run(self):
        for number in range(1, TRIES + 1):
            try:
                return test(self)
            except TooSlow as slow:
                print(f"try {number} of {TRIES}: {slow}", flush=True)
                if number == TRIES:
                    raise
            self.doCleanups()
            self.setUp()
    return run
