"""All brokers are restarted one after the other under load, each by SIGTERM: nobody is told of an error, nothing stands still for long.

An idempotent librdkafka load of at least 1 MB/s runs over 12 partitions; for each broker there is a consumer group that it
coordinates. Each broker leads partitions before its restart. It hands all of them over before it ends: the others answer with
the new leaders at once, none of them had to be elected against a silent leader, and no member of a group rebalances. After
its restart its partitions return to it by themselves.

Seen to fail: with stop-without-handover (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) it is still named as leader when it is gone.
"""

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import bounds  # noqa: E402
import clients  # noqa: E402
import members  # noqa: E402
import results  # noqa: E402
import wire  # noqa: E402
from chaos import ChaosTest, now_ms  # noqa: E402
from cluster import LONG_FORM  # noqa: E402
from process import wait_for  # noqa: E402

ACKED_BYTES_PER_SECOND = 1e6
STALL_MS = 3000
WATCHED_PARTITIONS = 6
HANDED_OVER = re.compile(r"handed over (\d+) of (\d+) leaderships in (\d+) ms; (\d+) stay")


class Reader(members.Member):
    """A member alone in its group that notes when it was given a record of each partition, and how long the longest pause was."""

    def __init__(self, *words, **settings):
        self.last, self.longest = {}, (0, -1)
        super().__init__(*words, **settings)

    def take(self, where, _records):
        now = now_ms()
        pause = now - self.last.get(where.partition, now)
        self.longest = max(self.longest, (pause, where.partition))
        self.last[where.partition] = now

    def forget(self):
        """What was before does not count."""
        self.longest = (0, -1)


class Writer:
    """Some records a second for the readers, with kafka-python; errors are kept."""

    def __init__(self, bootstrap, topic):
        self.bootstrap, self.topic, self.errors, self.written = bootstrap, topic, [], 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        import kafka
        producer = kafka.KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", retries=100, retry_backoff_ms=50)
        while not self._end.is_set():
            for partition in range(WATCHED_PARTITIONS):
                sent = producer.send(self.topic, str(self.written).encode(), partition=partition)
                sent.add_errback(self.errors.append)
                self.written += 1
            time.sleep(0.05)  # the rate
        producer.flush(30)
        producer.close(30)

    def stop(self):
        self._end.set()
        self._thread.join(60)


# Leaders that return sooner than librdkafka's reconnect.backoff.max.ms (10 s) may return to a broker that a client which saw
# it stop more than once does not try yet; the first stop of each is soon forgotten.
RETURN_S = 12 if LONG_FORM else 2


@clients.needs("kcat")
@clients.needs_kafka_python()
class Rolling(ChaosTest):
    SETTINGS = {"broker_defaults": "{group.initial.rebalance.delay.ms: 200, offsets.topic.num.partitions: 6, "
                                   f"leader.imbalance.check.interval.seconds: {RETURN_S}}}"}
    PARTITIONS = 12
    ROUNDS = 10 if LONG_FORM else 1

    def coordinator(self, group):
        with wire.Connection(self.cluster.port(0)) as connection:
            error, node = connection.find_coordinator(group)
        return None if error else node - 1

    def groups_of_all(self):
        """{broker: a group that it coordinates}"""
        found = {}
        for number in range(200):
            group = f"rolling-{number}"
            broker = wait_for(lambda g=group: (lambda b: b is not None and [b])(self.coordinator(g)), 20, "a coordinator")[0]
            found.setdefault(broker, group)
            if len(found) == self.BROKERS:
                return found
        raise AssertionError(f"of 200 groups all are coordinated by {sorted(found)}")

    def wait_preferred(self, topic):
        """Every partition is led by the first of its replicas, and all are in sync."""
        def looked():
            answer = clients.kcat_metadata(self.at(None), "-t", topic)["topics"][0]["partitions"]
            return all(p["leader"] == p["replicas"][0]["id"] and len(p["isrs"]) == self.BROKERS for p in answer)
        wait_for(looked, 60, f"the leaders of {topic} return to their preferred replicas", 0.2)

    def stop(self, broker, topics):
        """SIGTERM; what the others say of the leaders the moment that it is gone, and what it said itself."""
        pid = self.cluster.pid(broker)
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: self.cluster.exit_code(broker) is not None, 20, f"broker {broker} ends", 0.01)
        for other in range(self.BROKERS):
            for topic in topics if other != broker else ():
                for partition, leader, _ in self.partitions(topic, other):
                    self.assertNotIn(leader, (broker + 1, -1), f"broker {other} names it as leader of {topic}-{partition}")
        self.assertEqual(0, self.cluster.exit_code(broker))
        said = HANDED_OVER.search(self.cluster.log(broker))
        self.assertTrue(said, "it says what it handed over")
        return [int(word) for word in said.groups()]

    def longest_pause(self, load, begin):
        """(milliseconds, partition) between two acknowledgements of a partition."""
        last, longest = {}, (0, -1)
        for ack in load.read().acks:
            if ack.answered_ms >= begin:
                longest = max(longest, (ack.answered_ms - last.get(ack.partition, ack.answered_ms), ack.partition))
                last[ack.partition] = ack.answered_ms
        return longest

    @bounds.three_tries
    def test_all_brokers(self):
        load_topic, watched = self.create("rolling"), self.create("watched", WATCHED_PARTITIONS)
        groups = self.groups_of_all()
        topics = (load_topic, watched, "__consumer_offsets")
        load = self.load(load_topic, bytes_per_second=2_000_000)
        writer = Writer(self.cluster.bootstrap, watched)
        self.addCleanup(writer.stop)
        readers = [Reader(self.cluster.bootstrap, watched, group) for group in groups.values()]
        commits = [members.CommitWatch(self.cluster.bootstrap, group) for group in groups.values()]
        for each in readers + commits:
            self.addCleanup(each.stop)
        for reader in readers:
            wait_for(lambda r=reader: r.error or len(r.last) == WATCHED_PARTITIONS, 60, "a group reads every partition")
        wait_for(lambda: load.read().acked_bytes_per_second(now_ms() - 3000, now_ms()) >= ACKED_BYTES_PER_SECOND, 30, "the rate")
        rebalances = [reader.rebalances for reader in readers]
        for reader in readers:
            reader.forget()
        began = now_ms()
        for number in range(self.ROUNDS * self.BROKERS):
            self.restart_one(number % self.BROKERS, topics, groups)
        rate = load.read().acked_bytes_per_second(began, now_ms())
        load.finish()
        writer.stop()
        paused = [self.longest_pause(load, began)] + [reader.longest for reader in readers]
        print(f"{self.ROUNDS * self.BROKERS} restarts in {(now_ms() - began) / 1000:.0f} s: {rate / 1e6:.1f} MB/s acknowledged; the "
              f"longest pauses (ms, partition): of the load {paused[0]}, of groups {paused[1:]}", flush=True)
        self.assert_load_is_well(load)
        self.assertEqual([], load.failed)
        self.assertEqual([], writer.errors)
        self.assertGreaterEqual(rate, ACKED_BYTES_PER_SECOND)
        self.assertEqual(rebalances, [reader.rebalances for reader in readers], "somebody had to rebalance")
        for reader in readers:
            reader.stop()
        for watch in commits:
            self.assertEqual([], watch.stop(), "a commit went back")
            self.assertGreater(watch.rounds, self.ROUNDS)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), "rolling restart")
        bounds.within(STALL_MS, max(pause for pause, _ in paused), "rolling restart: the longest pause, ms")

    def restart_one(self, broker, topics, groups):
        for topic in topics:
            self.wait_preferred(topic)
        led = {topic: len(self.led_by(topic, broker + 1)) for topic in topics}
        self.assertGreater(min(led.values()), 0, f"broker {broker} leads partitions of every topic: {led}")
        self.assertEqual(broker, self.coordinator(groups[broker]))
        others = [other for other in range(self.BROKERS) if other != broker]
        elections = {other: self.gained_by_election(other) for other in others}
        handed, of, took, stay = self.stop(broker, topics)
        print(f"broker {broker} led {led}; handed over {handed} of {of} in {took} ms, {stay} stay", flush=True)
        self.assertEqual((of, 0), (handed, stay))
        self.assertGreaterEqual(of, sum(led.values()))
        self.assertEqual(elections, {other: self.gained_by_election(other) for other in others}, "somebody had to be elected")
        self.cluster.restart(broker)
        self.wait_until_ready(broker)


if __name__ == "__main__":
    results.main()
