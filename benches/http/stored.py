"""ClickHouse with many events stored: new events and reads over one and many tenants, and the deletion of a tenant."""

import functools
import json

from deletion import deletion
from events_table import NEWEST_FIRST, EventsTable, History
from load import EVENTS, wrk_keys
from report import Row, below, ratio_at_least, ratio_at_most
from servers import ClickHouse, Service
from tenants import CLICKHOUSE_CONNECTIONS, NAME, Spread, settle, tenants

# Of the events, these are stored twice while reads are measured, as after deliveries to two replicas at once.
DUPLICATES = "sipHash64(number, 1) % 100 = 0"
READS = {
    # what: (path, the condition and the limit of the bare query; none where only the counts are of interest)
    "newest 50": (f"{EVENTS}?limit=50", "1", 50),
    "one record's newest 50": (f"{EVENTS}?limit=50&record_id=RECORD", "record_id = {record:Int64}", 50),
    "one event": (f"{EVENTS}?event_id=EVENT", "event_id = {event:UUID}", 1),
    "one event type's counts": (f"{EVENTS}?limit=1&event_type_id=7", "event_type_id = 7", 0),
}
ERASE_AFTER = "?erase_after=30s"  # instead of a day, so that a deleted tenant leaves the disk while this runs
CHECKED = 5  # tenants whose counts are compared with the table


def clickhouse(bench):
    """Each size over each number of tenants. A build with a table per tenant is measured with one tenant only."""
    rows, most = [], max(bench.parameters.stored_tenants)
    with bench.new_folder() as folder, ClickHouse(folder / "engine") as engine:
        with Service(bench.service, folder, engine.setting) as service:
            first, *others = (f"{NAME}_{number}" for number in range(most))
            clients = [service.create_tenant(first)]
            is_shared = EventsTable(engine, first).is_shared
            if is_shared:
                clients += service.create_tenants(others)
        for size in bench.parameters.stored:
            for count in bench.parameters.stored_tenants if is_shared else [1]:
                # Started for each, so that it remembers nothing of what was stored before.
                setting = engine.setting + (ERASE_AFTER if is_shared else "")
                with Service(bench.service, folder, setting) as service:
                    rows += Stored(bench, engine, service, clients[:count], size, folder / "keys").rows()
    return rows


class Stored:
    """One size over one number of tenants, or all but a large part of one more tenant."""

    def __init__(self, bench, engine, service, clients, size, keys):
        self.bench, self.engine, self.service, self.keys = bench, engine, service, keys
        self.clients, self.size = clients, size
        self.table = EventsTable(engine, f"{NAME}_0")

    def rows(self):
        sizes, counts = self.bench.parameters.stored, self.bench.parameters.stored_tenants
        has_big = self.size == sizes[-1] and len(self.clients) == counts[1]
        big_events = self.bench.parameters.big_tenant if has_big else 0
        history = History(self.clients, self.size - big_events)
        big = History([self.service.create_tenant("big")], big_events) if has_big else None
        self.table.run("TRUNCATE TABLE")
        for each in filter(None, (history, big)):
            self.table.insert(each)
        settle(self.engine)
        rows = self.reads(history, big)
        rows += self.new_events()
        if big:
            history.write_keys(self.engine, self.keys)
            others = len(self.clients)
            rows += deletion(self.bench, self.service, self.table, big.clients[0], NAME, others, self.keys)
        return rows

    def reads(self, history, big):
        of = f"{self.size:,} events over {tenants(len(self.clients))}"
        # Until this is over, what is stored twice stays so.
        self.table.run("SYSTEM STOP MERGES")
        target = ratio_at_most(1.5) if len(self.clients) > 1 else None
        rows = []
        for each, what in ((history, of), (big, f"{of}, the tenant of {big.events:,}" if big else "")):
            if each:
                self.table.insert(each, DUPLICATES)
                each.write_keys(self.engine, self.keys)
                self.check_keys()
                rows += reads(self.bench, self.engine, self.service, self.table, self.keys, what, target)
                rows.append(self.differing_counts(each.clients[:CHECKED], what))
        self.table.run("SYSTEM START MERGES")
        return rows

    def check_keys(self):
        """Fails if the service does not find the event of a key: requests for it would measure nothing."""
        client_id, event_id = self.keys.read_text().split()[:2]
        found = json.loads(self.service.request("GET", f"{EVENTS}?event_id={event_id}", client_id=client_id))
        if not found["results"]:
            raise RuntimeError(f"the service does not find event {event_id} of tenant {client_id}")

    def differing_counts(self, clients, of):
        """Compares the counts of some tenants with the table."""

        def differs(client):
            page = json.loads(self.service.request("GET", f"{EVENTS}?limit=1", client_id=client))
            return page["total_count"] != self.table.count(client, "uniqExact(event_id)")

        what = f"ClickHouse, {of}, wrong counts among {tenants(len(clients))} with duplicates"
        return Row(what, "", [sum(map(differs, clients))], target=below(1))

    def new_events(self):
        """Spread over one tenant and over all of them by turns, so that both meet the same table."""
        count = len(self.clients)
        targets = dict(zip(self.bench.parameters.stored_tenants[1:], map(ratio_at_least, (0.7, 0.5))))
        before = functools.partial(settle, self.engine)
        spread = Spread(self.bench, self.service, "ClickHouse", CLICKHOUSE_CONNECTIONS, before)
        of = f", {self.size:,} events stored over {count:,}"
        return spread.rows(sorted({1, count}), 1, targets, below(250), of)


def reads(bench, engine, service, table, keys, of, target):
    """Reads of random tenants on one connection, compared with what they need of the engine: their statements sent at
    once, and the first of these alone."""
    rows, seconds = [], bench.parameters.seconds
    for kind, (path, condition, limit) in READS.items():
        statements = bare(table, condition, limit)
        got = bench.alternate({
            "service": lambda _: wrk_keys(service, path, keys, 1, seconds),
            "at once": lambda _: bench.baselines.query(engine, statements, keys, seconds),
            "first": lambda _: bench.baselines.query(engine, statements[:1], keys, seconds),
        })  # fmt: skip
        ours, at_once, first = ([it.p50_ms for it in outcomes] for outcomes in got.values())
        what = f"ClickHouse, {of}: {kind}, p50"
        rows.append(Row(what, "ms", ours, "its bare queries at once, counts with FINAL", at_once, target))
        rows.append(Row(what, "ms", ours, "the first of these alone", first))
    return rows


def bare(table, condition, limit):
    """Returns the queries that a page needs: its rows, unless it is asked for its counts, and both counts."""
    columns = ", ".join(table.columns)
    rows = f"{table.select(columns, condition)} {NEWEST_FIRST} LIMIT {limit}"
    filtered, total = (table.select("count()", it, final=True) for it in (condition, "1"))
    return [*([rows] if limit else []), *([filtered] if condition != "1" else []), total]
