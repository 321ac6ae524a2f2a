"""The deletion of a large tenant on ClickHouse while others are written to and read."""

import statistics
import threading
import time
import urllib.error

from load import EVENTS, fixed_rate_events, wrk_keys
from report import Row, below, ratio_at_most

CONNECTIONS = 16
EVENTS_A_SECOND = 100
LONGEST_SECONDS = 900
GONE_SECONDS = 120  # `erase_after`, which is 30 s here, a merge of 20M rows, and the intervals at which both are noticed


def deletion(bench, service, table, client_id, name, others, keys):
    """Deletes a tenant beside so many others, called `<name>_<number>`."""
    events = table.count(client_id)

    def window():
        """Returns the medians of a new event and of a page, both of others."""
        seconds, pages = bench.parameters.spread_seconds, []
        with bench.at_once(lambda: pages.append(wrk_keys(service, f"{EVENTS}?limit=50", keys, 1, seconds))):
            sent = fixed_rate_events(
                bench.baselines, service, name, CONNECTIONS, EVENTS_A_SECOND, seconds, others
            )
        return sent.p50_ms, pages[0].p50_ms

    rounds = range(bench.parameters.rounds)
    before = [window() for _ in rounds]
    gone = Gone(service, table, client_id)
    meanwhile = []
    with bench.at_once(gone.delete_and_watch):
        while not gone.is_over.is_set() or len(meanwhile) < len(rounds):
            meanwhile.append(window())
    what = f"ClickHouse, deleting one of {others + 1:,} tenants, {events:,} of {table.rows():,} events"
    medians = {}
    for index, kind in enumerate(("new events", "pages")):
        usual = statistics.median(it[index] for it in before)
        medians[kind] = [it[index] for it in meanwhile], [usual] * len(meanwhile)
    return [
        Row(f"{what}, unreachable after", "ms", [gone.unreachable_ms]),
        Row(f"{what}, answered after", "ms", [gone.answered_ms]),
        Row(f"{what}, no row or masked row left after", "s", [gone.seconds], target=below(GONE_SECONDS)),
        *(
            Row(f"{what}, others' {kind} meanwhile, p50", "ms", ours, "before", usual, ratio_at_most(1.3))
            for kind, (ours, usual) in medians.items()
        ),
    ]


class Gone:
    """A tenant that is deleted and watched until it is gone."""

    def __init__(self, service, table, client_id):
        self.service, self.table, self.client_id = service, table, client_id
        self.is_over = threading.Event()
        self.unreachable_ms = self.answered_ms = self.seconds = float("inf")

    def delete_and_watch(self):
        started = time.monotonic()
        try:
            watch = threading.Thread(target=self.watch_reads, args=[started])
            watch.start()
            self.service.request("DELETE", "/api/delete-tenant", client_id=self.client_id)
            self.answered_ms = (time.monotonic() - started) * 1000
            watch.join()
            while time.monotonic() < started + LONGEST_SECONDS:
                if not self.table.physical_rows(self.client_id):
                    self.seconds = time.monotonic() - started
                    return
                time.sleep(0.5)
        finally:
            self.is_over.set()

    def watch_reads(self, started):
        while time.monotonic() < started + LONGEST_SECONDS:
            try:
                self.service.request("GET", f"{EVENTS}?limit=1", client_id=self.client_id)
            except urllib.error.HTTPError as error:
                if error.code == 400:
                    self.unreachable_ms = (time.monotonic() - started) * 1000
                    return
                raise
            time.sleep(0.001)
