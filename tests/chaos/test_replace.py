"""A broker whose data directory is gone: refused under its old identity, brought back by the replace commands, while a
producer runs."""

import re
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))
import clients  # noqa: E402
import results  # noqa: E402
from chaos import ChaosTest  # noqa: E402
from cluster import BINARY  # noqa: E402
from process import run, wait_for  # noqa: E402


@clients.needs("kcat")
@clients.needs_kafka_python()
class Replace(ChaosTest):
    SETTINGS = {"journal_files": "4", "journal_file_bytes": "16MiB", "disk_reserve_bytes": "0"}
    PARTITIONS = 6
    VICTIM = 2

    def kronika(self, *words, check=True):
        return run([BINARY, *words], 60, check)

    def format(self, *more):
        config = self.cluster.dir / f"node{self.VICTIM}" / "kronika.yaml"
        return self.kronika("format", "--config", config, "--from", self.cluster.dir / "founding", *more)

    def ready(self):
        try:
            return self.cluster.get(self.VICTIM, "/readyz").startswith("ok")
        except OSError:
            return False

    def own_log(self, broker):
        return (self.cluster.dir / f"node{broker}" / "kronika.log").read_text()

    def replace(self):
        node = self.VICTIM + 1
        answer = self.format("--replace", str(node))
        directory = re.search(r"--uuid (\S+)", answer.stdout).group(1)
        self.cluster.restart(self.VICTIM)
        wait_for(lambda: "this directory joins" in self.own_log(self.VICTIM), 10, "the broker waits for the operator")
        self.assertFalse(self.ready(), "it joined before the operator's word")
        admin = f"127.0.0.1:{self.cluster.port(0) + 552}"
        self.kronika("broker", "replace", str(node), "--uuid", directory, "--admin", admin)
        wait_for(self.ready, 20, "the replaced broker is ready")

    def test_a_lost_disk(self):
        topic = self.create("replace")
        load = self.load(topic, bytes_per_second=500_000)
        wait_for(lambda: len(load.read().acks) > 500, 30, "the load is acknowledged")
        self.cluster.kill(self.VICTIM)
        shutil.rmtree(self.cluster.data(self.VICTIM))
        self.format()  # its old identity again, without what it had promised
        self.cluster.restart(self.VICTIM)
        wait_for(lambda: "its directory was" in self.own_log(0), 10, "a peer refuses the old identity")
        self.cluster.kill(self.VICTIM)
        shutil.rmtree(self.cluster.data(self.VICTIM))
        self.replace()
        self.wait_in_sync(topic, 60)
        load.finish()
        self.assert_load_is_well(load)
        self.assert_everything_is_there(load, load.acks, range(self.BROKERS), "a replaced broker")


if __name__ == "__main__":
    results.main()
