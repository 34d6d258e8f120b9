"""Counters of brokers that are killed on the way: a broker's counters begin at 0 in each life, and these go on."""

WATCHED = {"recycled": "kronika_journal_files_recycled_total", "written": "kronika_journal_bytes_written_total",
           "duplicates": "kronika_produce_duplicates_total", "installs": "kronika_installs_received_total"}


class Counters:
    def __init__(self, cluster):
        self._cluster = cluster
        self._past = [dict.fromkeys(WATCHED, 0) for _ in range(cluster.brokers)]

    def _now(self, broker):
        return {name: int(self._cluster.metric(broker, metric)) for name, metric in WATCHED.items()}

    def note(self, broker):
        """Call it right before a broker ends: what its life has counted stays."""
        for name, value in self._now(broker).items():
            self._past[broker][name] += value

    def totals(self):
        """[{name: count since the first life}] of brokers that all run."""
        return [{name: past[name] + now[name] for name in WATCHED}
                for past, now in ((self._past[broker], self._now(broker)) for broker in range(self._cluster.brokers))]
