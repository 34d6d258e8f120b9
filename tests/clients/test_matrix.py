"""The matrix of clients: each is driven through the features that it has, and docs/compatibility.md says what came of it.

    /usr/bin/python3 tests/clients/test_matrix.py              compares with the page
    REWRITE=1 /usr/bin/python3 tests/clients/test_matrix.py    writes the page
    /usr/bin/python3 tests/clients/test_matrix.py Matrix.test_sarama    one client, without the page

A client that cannot be driven here is a skip with its reason. The planted bug that was seen to be caught, as static membership
that fails: member-kept-twice.
"""

import os
import re
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE / "matrix")]
import clients  # noqa: E402
import drivers  # noqa: E402
import page  # noqa: E402
import results  # noqa: E402
from cluster import ClusterTest  # noqa: E402
from scenario import FEATURES, Scenario  # noqa: E402

REWRITE = os.environ.get("REWRITE") == "1"
AT_ONCE = 3  # they mostly wait


def case_of(driver):
    return "test_" + re.sub(r"\W+", "_", driver.name).strip("_").lower()


@clients.needs_kafka_python()
class Matrix(ClusterTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200}"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pool = ThreadPoolExecutor(AT_ONCE)
        cls.addClassCleanup(cls.pool.shutdown, cancel_futures=True)
        cls.under_way, cls.rows = {}, {}

    @classmethod
    def begin(cls, driver):
        """The client's run, begun once."""
        if driver.name not in cls.under_way:
            number = drivers.DRIVERS.index(driver)
            cls.under_way[driver.name] = cls.pool.submit(cls.drive, driver, number)
        return cls.under_way[driver.name]

    @classmethod
    def drive(cls, driver, number):
        reason = driver.missing()
        if reason:
            return None, reason, []
        scenario = Scenario(driver, cls.cluster, cls.folder, number)
        return driver.version(), scenario.run(), scenario.details

    def look_at(self, driver):
        if type(self).everybody:
            for each in drivers.DRIVERS:
                self.begin(each)
        version, found, details = self.begin(driver).result(600)
        if version is None:
            self.skipTest(found)
        type(self).rows[driver.name] = page.Rows(version, found)
        self.assertEqual(set(FEATURES), set(found))
        failed = [f"{feature}: {result}" for feature, result in found.items() if result.startswith("failed")]
        print("\n".join(details), flush=True)
        if not REWRITE:
            self.assertEqual([], failed)

    def test_page(self):
        """After the clients: cases run in the order of their names, and this one waits for all of them."""
        found = {}
        for driver in drivers.DRIVERS:
            version, rows, _ = self.begin(driver).result(600)
            if version is not None:
                found[driver] = page.Rows(version, rows)
        if REWRITE:
            page.write(drivers.DRIVERS, found)
        self.assertEqual([], page.differences(drivers.DRIVERS, found))


for one in drivers.DRIVERS:
    setattr(Matrix, case_of(one), lambda self, driver=one: self.look_at(driver))
# Named on the command line, a client runs alone.
Matrix.everybody = not any(word.startswith("Matrix.") for word in sys.argv[1:])

if __name__ == "__main__":
    results.main()
