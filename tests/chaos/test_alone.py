"""A broker that is started and killed alone, ten times, while its peers are down: what it writes to its journal in lives
without a quorum does not keep it from starting again, and it joins when they are back.

Seen to fail: with only-a-new-journal-fills (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) no file is left for a later life.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import SMALL_JOURNAL  # noqa: E402
from process import wait_for  # noqa: E402

LIVES = 10


@clients.needs("kcat")
@clients.needs_kafka_python()
class Alone(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    LONELY = 0

    def campaigned(self):
        """It has recovered its groups and asks for votes that nobody gives."""
        try:
            return any(group["role"] in ("candidate", "precandidate", "pre-candidate")
                       for group in self.cluster.status(self.LONELY)["groups"])
        except OSError:
            return False

    def test_ten_lives_alone(self):
        topic = self.create("alone")
        load = self.loaded(topic)
        for broker in range(self.BROKERS):
            self.cluster.kill(broker)
        begin = now_ms()
        for _ in range(LIVES):
            self.cluster.restart(self.LONELY)
            wait_for(self.campaigned, 20, "the lonely broker asks for votes")
            self.assertFalse(self.cluster.ready(self.LONELY), "ready without a quorum")
            self.cluster.kill(self.LONELY)
        print(f"{LIVES} lives alone in {now_ms() - begin} ms", flush=True)
        self.cluster.start()
        self.wait_in_sync(topic, 30)
        for one in (load, self.loaded(topic, "again")):
            self.assert_everything_is_there(one, one.acks, range(self.BROKERS), "alone")
        self.assert_replicas_equal(topic)


if __name__ == "__main__":
    results.main()
