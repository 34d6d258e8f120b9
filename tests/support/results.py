"""unittest for the runner: each case prints the "result:" line that tests/runner/tally.py counts.

    if __name__ == "__main__":
        results.main()

Arguments select cases as with unittest. The exit code is 0 only when no case failed.
"""

import sys
import time
import unittest


def one_line(text):
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"


class Printing(unittest.TextTestResult):
    def startTest(self, test):
        super().startTest(test)
        self._begin = time.monotonic()
        self._bad = None

    def _name(self, test):
        return test.id().removeprefix("__main__.")

    def _line(self, outcome, test, reason=""):
        print(f"result: {outcome} {self._name(test)}" + (f": {reason}" if reason else ""), flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("skip", test, one_line(reason))

    def addSuccess(self, test):
        super().addSuccess(test)
        # A cleanup that fails comes after this; it is told as a failure of its own name.
        print(f"result: pass {self._name(test)}  ({time.monotonic() - self._begin:.1f} s)", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._line("fail", test, one_line(error[1]))

    def addError(self, test, error):
        super().addError(test, error)
        self._line("fail", test, one_line(error[1]))

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._line("fail", subtest, one_line(error[1]))

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._line("fail", test, "was expected to fail")


def main():
    runner = unittest.TextTestRunner(stream=sys.stdout, resultclass=Printing, verbosity=0)
    program = unittest.main(module="__main__", exit=False, testRunner=runner)
    sys.exit(0 if program.result.wasSuccessful() else 1)
