"""A broker whose data directory is gone: refused under its old identity, brought back by the replace commands while a
producer runs; meanwhile the others keep every replica and stay in sync.

Seen to fail: with formatted-again (KRONIKA_BIN=build/dev/kronika, KRONIKA_PLANTED=...) the old identity is let in;
with every-absent-replica-expected errors are logged that ask nobody to do anything; with joiner-forgets-contacts a
broker whose node file names no others never joins.
"""

import re
import shutil
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import BINARY, LONG_FORM, SMALL_JOURNAL  # noqa: E402
from process import run, wait_for  # noqa: E402


class Watch:
    """Looks again and again whether brokers keep their replicas: in sync as the leaders say, and none fenced."""

    def __init__(self, cluster, topic, brokers):
        self._cluster, self._topic, self._brokers = cluster, topic, brokers
        self._ends = threading.Event()
        self.looks, self.lost = 0, set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        ids = {broker + 1 for broker in self._brokers}
        while not self._ends.wait(0.2):
            for broker in self._brokers:
                self._look(broker, ids)

    def _look(self, broker, ids):
        try:
            status, fenced = self._cluster.status(broker), self._cluster.metric(broker, "kronika_replicas_fenced")
        except OSError as error:
            self.lost.add(f"broker {broker} does not answer: {error}")
            return
        self.looks += 1
        if fenced:
            self.lost.add(f"broker {broker} has {fenced:.0f} fenced replicas")
        for group in status["groups"]:
            in_sync = {member["id"] for member in group["members"] if member["isr"]}
            if group["topic"] == self._topic and group["role"] == "leader" and not ids <= in_sync:
                self.lost.add(f"{self._topic}-{group['partition']}: only {sorted(in_sync)} are in sync")

    def end(self):
        self._ends.set()
        self._thread.join()
        return self


@clients.needs("kcat")
@clients.needs_kafka_python()
class Replace(ChaosTest):
    SETTINGS = SMALL_JOURNAL
    PARTITIONS = 6

    def kronika(self, *words, check=True):
        return run([BINARY, *words], 60, check)

    def format(self, victim, *more):
        return self.kronika("format", "--config", self.cluster.config(victim), "--from", self.cluster.dir / "founding", *more)

    def forget_the_others(self, victim):
        """The node file names nobody, as one that was written by hand for a founder may."""
        file = self.cluster.config(victim)
        lines = file.read_text().splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith("cluster_peers:")]
        self.assertEqual(len(lines) - 1, len(kept))
        file.write_text("".join(kept))

    def replace(self, victim):
        node = victim + 1
        directory = re.search(r"--uuid (\S+)", self.format(victim, "--replace", str(node)).stdout).group(1)
        self.cluster.restart(victim)
        wait_for(lambda: "this directory joins" in self.cluster.log(victim), 10, "the broker waits for the operator")
        self.assertFalse(self.cluster.ready(victim), "it joined before the operator's word")
        admin = f"127.0.0.1:{self.cluster.port((victim + 1) % self.BROKERS) + 552}"
        self.kronika("broker", "replace", str(node), "--uuid", directory, "--admin", admin)
        self.wait_until_ready(victim)

    def test_a_lost_disk(self):
        topic = self.create("replace")
        load = self.load(topic, bytes_per_second=1_000_000)
        wait_for(lambda: len(load.read().acks) > 500, 30, "the load is acknowledged")
        for victim in range(self.BROKERS if LONG_FORM else 1):
            self.lose_and_replace(load, victim)
        load.finish()
        self.assert_load_is_well(load)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), "a replaced broker")
        self.assert_replicas_equal(topic)

    def lose_and_replace(self, load, victim):
        others = [i for i in range(self.BROKERS) if i != victim]
        self.cluster.kill(victim)
        wait_for(lambda: not self.led_by(load.topic, victim + 1, others[0]) and self.all_led(load.topic, others[0]), 20,
                 "the others lead")
        self.wait_until_both_in_sync(load.topic, others)
        watch = Watch(self.cluster, load.topic, others)
        shutil.rmtree(self.cluster.data(victim))
        if victim == 0:  # its old identity again, without what it had promised; the founding text knows only the first one
            self.format(victim)
            self.cluster.restart(victim)
            wait_for(lambda: "formatted again" in self.cluster.log(victim), 15, "it is told that its old identity is refused")
            self.assertFalse(self.cluster.ready(victim))
            if self.cluster.exit_code(victim) is None:
                self.cluster.kill(victim)
            shutil.rmtree(self.cluster.data(victim))
            self.forget_the_others(victim)  # the founding text's addresses have to do
        before = len(load.read().acks)
        self.replace(victim)
        self.wait_in_sync(load.topic, 60)
        watch.end()
        print(f"broker {victim} replaced: {len(load.read().acks) - before} records acknowledged meanwhile; "
              f"{watch.looks} looks at the others' replicas, lost: {sorted(watch.lost)}", flush=True)
        self.assertEqual(set(), watch.lost)
        # Until its replicas are replaced the others speak to those of the lost directory: nothing to act upon.
        for broker in range(self.BROKERS):
            self.assertNotIn("no such replica here", self.cluster.log(broker))

    def wait_until_both_in_sync(self, topic, others):
        ids = {broker + 1 for broker in others}
        wait_for(lambda: all(ids <= set(isr) for _, _, isr in self.partitions(topic, others[0])), 20, "the others are in sync")


if __name__ == "__main__":
    results.main()
