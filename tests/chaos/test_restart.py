"""A cluster that is stopped and started is the same one: topic ids, offsets, records, and epochs that never go back."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from process import wait_for  # noqa: E402


@clients.needs("kcat")
@clients.needs_kafka_python()
class Restart(ChaosTest):
    SETTINGS = {"journal_files": "4", "journal_file_bytes": "16MiB", "disk_reserve_bytes": "0"}
    PARTITIONS = 3

    def epochs(self, topic):
        """The highest leader epoch among a partition's stored batches, by partition."""
        found = {}
        for partition, leader, _ in self.partitions(topic):
            with wire.Connection(self.cluster.port(leader - 1)) as connection:
                _, _, content = connection.fetch(topic, partition)
                found[partition] = max(batch["leader_epoch"] for batch in wire.batches(content))
        return found

    def test_stop_and_start(self):
        topic = self.create("restart")
        first = self.load(topic, name="first", bytes_per_second=500_000)
        wait_for(lambda: len(first.read().acks) > 1000, 30, "the load is acknowledged")
        first.finish()
        before = self.epochs(topic)
        self.cluster.stop()
        self.cluster.start()
        wait_for(lambda: self.all_led(topic), 20, "every partition has a leader")
        self.assert_everything_is_there(first, first.acks, range(self.BROKERS), "stopped and started")
        second = self.load(topic, name="second", bytes_per_second=500_000)
        wait_for(lambda: len(second.read().acks) > 1000, 30, "the second load is acknowledged")
        second.finish()
        self.assert_load_is_well(second)
        last = {p: max(a.offset for a in first.acks if a.partition == p) for p in range(self.PARTITIONS)}
        for ack in second.acks:
            self.assertGreater(ack.offset, last[ack.partition])
        for partition, epoch in self.epochs(topic).items():
            self.assertGreaterEqual(epoch, before[partition])
        self.assert_everything_is_there(second, second.acks, range(self.BROKERS), "after the restart")


if __name__ == "__main__":
    results.main()
