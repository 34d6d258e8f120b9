"""A two-replica topic whose other replica is away does not stop the others, however small the journal (SAFETY A7, B11).

A record of that topic stays unacknowledged, so it can be applied nowhere; meanwhile other topics write three times the journal's
size, every file of which is used again and again. When the other replica is back, the topic goes on.

Seen to fail: with journal-pinned-file-stays (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) that record's file is never used
again, and producers wait for room in vain.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from process import wait_for  # noqa: E402

FILES, FILE_BYTES = 4, 16 << 20
VALUE_BYTES, CALL_RECORDS = 100_000, 500


@clients.needs("kcat")
@clients.needs_kafka_python()
class Away(ChaosTest):
    SETTINGS = {"journal_files": str(FILES), "journal_file_bytes": f"{FILE_BYTES >> 20}MiB", "disk_reserve_bytes": "0"}
    PARTITIONS = 6

    def create_on_two(self):
        import kafka.admin
        topic = self.topic("two")
        admin = kafka.KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        admin.create_topics([kafka.admin.NewTopic(topic, 1, 2)])
        admin.close()
        wait_for(lambda: self.all_led(topic), 20, f"{topic} has a leader")
        answer = clients.kcat_metadata(self.cluster.bootstrap, "-t", topic)
        placed = answer["topics"][0]["partitions"][0]
        return topic, placed["leader"], next(r["id"] for r in placed["replicas"] if r["id"] != placed["leader"])

    def producer(self, broker, **settings):
        import kafka
        return kafka.KafkaProducer(bootstrap_servers=f"127.0.0.1:{self.cluster.port(broker)}", acks="all", **settings)

    def write(self, topic, total_bytes, broker):
        """Acknowledged bytes; kcat fails if one record is not."""
        lines = ("v" * VALUE_BYTES + "\n") * CALL_RECORDS
        written = 0
        while written < total_bytes:
            clients.kcat(self.at(broker), "-P", "-t", topic, "-X", "acks=all", stdin=lines, seconds=90)
            written += CALL_RECORDS * VALUE_BYTES
        return written

    def test_others_go_on(self):
        import kafka.errors
        two, leader, other = self.create_on_two()
        three = self.create("three")
        impatient = self.producer(leader - 1, request_timeout_ms=5000, retries=0)
        impatient.send(two, b"both").get(10)
        self.cluster.kill(other - 1)
        with self.assertRaises(kafka.errors.KafkaError):
            impatient.send(two, b"alone").get(20)
        impatient.close()
        wait_for(lambda: self.all_led(three, leader - 1), 20, "the other topic is led")
        before = self.cluster.status(leader - 1)["journal"]["files_recycled"]
        written = self.write(three, 3 * FILES * FILE_BYTES, leader - 1)
        recycled = self.cluster.status(leader - 1)["journal"]["files_recycled"] - before
        print(f"away: {written >> 20} MiB acknowledged beside it, journal of {FILES * FILE_BYTES >> 20} MiB, "
              f"{recycled} files used again", flush=True)
        self.assertGreaterEqual(recycled, 2 * FILES)
        self.cluster.restart(other - 1)
        wait_for(lambda: self.all_led(two, leader - 1), 30, f"{two} has a leader again")
        after = self.producer(leader - 1, retries=100)
        after.send(two, b"together").get(30)
        after.close()
        self.wait_in_sync(three, 60)


if __name__ == "__main__":
    results.main()
