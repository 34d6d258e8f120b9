"""Counts what a ctest run did, test case by test case.

A GoogleTest binary leaves an XML file named after itself; anything else counts as one test, unless its output has
lines of the form

    result: pass NAME
    result: fail NAME: reason
    result: skip NAME: reason

Invariant: a ctest test that failed is never counted as less than one failure, whatever its files say.
"""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

RESULT_LINE = re.compile(r"^result: (pass|fail|skip) (.+)$", re.MULTILINE)

# GoogleTest puts "file:line" on a line of its own before the reason of a skip.
SOURCE_LINE = re.compile(r"^[^ ]*:[0-9]+\n")


@dataclass
class Tally:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list = field(default_factory=list)  # "name: reason"
    skips: list = field(default_factory=list)  # "name: reason"

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures
        self.skips += other.skips

    def fail(self, text):
        self.failed += 1
        self.failures.append(text)

    def skip(self, text):
        self.skipped += 1
        self.skips.append(text)

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def one_line(text, characters_max=200):
    """The first line that says something, for a summary."""
    lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
    return lines[0][:characters_max] if lines else "no reason given"


def from_gtest_xml(path):
    tally = Tally()
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        failure, skipped = case.find("failure"), case.find("skipped")
        if failure is not None:
            tally.fail(f"{name}: {one_line(failure.get('message'))}")
        elif case.get("status") == "notrun":
            tally.skip(f"{name}: disabled in its source")
        elif skipped is not None or case.get("result") == "skipped":
            message = "" if skipped is None else skipped.get("message") or skipped.text
            tally.skip(f"{name}: {one_line(SOURCE_LINE.sub('', message or ''))}")
        else:
            tally.passed += 1
    return tally


def from_result_lines(test, output):
    tally = Tally()
    for outcome, text in RESULT_LINE.findall(output):
        if outcome == "pass":
            tally.passed += 1
        elif outcome == "fail":
            tally.fail(f"{test}: {text}")
        else:
            tally.skip(f"{test}: {text}")
    return tally


def from_ctest(junit_path, gtest_folder):
    """Returns the Tally of one ctest run from its JUnit file and the folder of GoogleTest's XML files."""
    total = Tally()
    for case in ElementTree.parse(junit_path).getroot().iter("testcase"):
        name, status = case.get("name"), case.get("status")
        output = case.findtext("system-out") or ""
        gtest_file = Path(gtest_folder) / f"{name}.xml"
        tally = Tally()
        try:
            if gtest_file.exists():
                tally = from_gtest_xml(gtest_file)
            else:
                tally = from_result_lines(name, output)
        except ElementTree.ParseError:
            tally = Tally()
        if status == "fail" and tally.failed == 0:
            failure = case.find("failure")
            reason = failure.get("message") if failure is not None else ""
            tally.fail(f"{name}: {reason or 'failed'}")
        elif status in ("notrun", "disabled") and tally == Tally():
            skipped = case.find("skipped")
            reason = skipped.get("message") if skipped is not None else ""
            tally.skip(f"{name}: {one_line(output) if output.strip() else reason or 'not run'}")
        elif tally == Tally():
            tally.passed = 1
        total.add(tally)
    return total
