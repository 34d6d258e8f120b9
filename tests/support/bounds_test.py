"""A bound of time gets three tries with everything set up anew; any other failure gets none."""

import unittest

import bounds
import results


class Bounds(unittest.TestCase):
    def tries_of(self, *measured, failure=None):
        """How often a test ran whose tries measured these, and how it ended."""
        ran = []

        class Measuring(unittest.TestCase):
            def setUp(self):
                self.begun = len(ran)

            @bounds.three_tries
            def runTest(self):
                self.addCleanup(ran.append, self.begun)
                if failure:
                    self.fail(failure)
                bounds.within(3, measured[self.begun], "seconds")

        outcome = Measuring().run()
        return len(ran), ran == list(range(len(ran))), outcome.wasSuccessful()

    def test_within_the_bound_there_is_one_try(self):
        self.assertEqual((1, True, True), self.tries_of(3))

    def test_a_later_try_within_the_bound_passes(self):
        self.assertEqual((3, True, True), self.tries_of(4, 5, 2))

    def test_three_that_are_too_slow_fail(self):
        self.assertEqual((3, True, False), self.tries_of(4, 5, 6, 1))

    def test_another_failure_is_not_tried_again(self):
        self.assertEqual((1, True, False), self.tries_of(1, 1, 1, failure="a record is lost"))


if __name__ == "__main__":
    results.main()
