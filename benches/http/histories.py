"""Histories: reading and writing with many events stored, and the bytes they take."""

import contextlib
import time

from events_table import STEP_US, EventsTable, History
from load import EVENTS, on, span, wrk_events
from report import Row, below, rate, ratio_at_least, ratio_at_most
from servers import ClickHouse, Service

BUSY_CONNECTIONS = 32
RECORDS = 1000  # of the events' shape
DEPTH = 5000  # of the deep page: half of the smallest history
REFERENCE_EVENTS = 10**5


def sqlite(bench):
    """On SQLite, compared with the reference implementation."""
    parameters = bench.parameters
    names = {size: f"history_{size}" for size in parameters.sizes}
    small, large = parameters.growth
    growing = f"growing_{small}"  # pages are read from one that does not grow
    with bench.new_folder() as folder:
        ids, rows = {}, []
        bench.baselines.fill(f"sqlite:{folder}", growing, small)
        for size, name in names.items():
            ids[size] = bench.baselines.fill(f"sqlite:{folder}", name, size)
            used = sum(file.stat().st_size for file in (folder / "tenants").glob(f"{name}.db*"))
            rows.append(Row(f"SQLite, {size:,} events, each", "bytes", [used / size], target=below(250)))
        with Service(bench.service, folder) as service:
            # First, while the files are still in the page cache.
            rows += growth(bench, service, [growing, names[large]], "SQLite")
            rows += pages(bench, service, ids)
            if bench.reference:
                rows += compare_with_reference(bench, service, ids[REFERENCE_EVENTS])
    return rows


PAGES = {
    # what: (path, arguments of wrk.lua, whether its growth is bounded by a target)
    "one record's newest 50": (f"{EVENTS}?limit=50", ("records", str(RECORDS)), True),
    "newest 50": (f"{EVENTS}?limit=50", ("fixed",), True),
    f"50 at offset {DEPTH:,}": (f"{EVENTS}?limit=50&offset={DEPTH}", ("fixed",), False),
    "one record's counts": (f"{EVENTS}?limit=1", ("records", str(RECORDS)), False),
    "one event type's newest 50": (f"{EVENTS}?limit=50&event_type_id=7", ("fixed",), False),
}


def pages(bench, service, ids, backend="SQLite", bounded=True):
    """The latency of pages on one connection: each size compared with the smallest."""
    rows = []
    for what, (path, script, is_bounded) in PAGES.items():
        smallest, *larger = ids
        got = bench.alternate(
            {size: bench.get(service, path, 1, ids[size], script) for size in (smallest, *larger)}
        )
        for size in larger:
            target = ratio_at_most(2) if bounded and is_bounded and size == larger[-1] else None
            ours, theirs = ([it.p99_ms for it in got[which]] for which in (size, smallest))
            label = f"{backend}, {what} of {size:,} events, p99"
            rows.append(Row(label, "ms", ours, f"of {smallest:,}", theirs, target))
    return rows


def growth(bench, service, names, backend):
    """Measures whether a new event costs more in a large history (the last name) than in a small one."""
    rows = []
    sizes = [int(name.rpartition("_")[2]) for name in names]
    for connections in (1, BUSY_CONNECTIONS):
        got = bench.alternate({name: new_events(bench, service, name, connections) for name in names})
        small, large = ([it.each_ms for it in got[name]] for name in names)
        what = f"{backend}, a new event after {sizes[1]:,}, {on(connections)}"
        rows.append(Row(what, "ms", large, f"after {sizes[0]:,}", small, ratio_at_most(1.5)))
    return rows


def new_events(bench, service, name, connections):
    return lambda _: wrk_events(service, name, connections, bench.parameters.seconds)


def compare_with_reference(bench, service, client_id):
    path, script, _ = PAGES["one record's newest 50"]
    with bench.new_folder() as folder:
        reference_id = bench.reference.fill(folder, "history", REFERENCE_EVENTS)
        with bench.reference.start(folder) as reference:
            got = bench.alternate({
                "service": bench.get(service, path, BUSY_CONNECTIONS, client_id, script),
                "reference": bench.get(reference, path, BUSY_CONNECTIONS, reference_id, script),
            })  # fmt: skip
    what = f"SQLite, one record's newest 50 of {REFERENCE_EVENTS:,} events, {on(BUSY_CONNECTIONS)}"
    return [rate(what, got, "reference")]


def clickhouse(bench):
    """On ClickHouse: the same, and compared with a look-up and an INSERT alone."""
    small, large, larger = bench.parameters.clickhouse_sizes
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        engine = servers.enter_context(ClickHouse(folder / "engine"))
        service = servers.enter_context(Service(bench.service, folder, engine.setting))
        names = [f"history_{size}" for size in (small, large)]
        ids = [service.create_tenant(name) for name in names]
        tables = [EventsTable(engine, name) for name in names]
        first, second, third = (History([ids[index]], events, ended_us) for index, events, ended_us in (
            (0, small, now_us()),
            # Old enough for the later growth to follow it.
            (1, large, now_us() - (larger - large) * STEP_US),
            (1, larger - large, now_us()),
        ))  # fmt: skip
        tables[0].insert(first)
        tables[1].insert(second)
        rows = []
        for connections in bench.parameters.connections:
            rows += clickhouse_create(bench, engine, service, folder / "keys", connections)
        engine.wait_for_merges()
        rows += growth(bench, service, names, "ClickHouse")
        tables[1].insert(third)
        engine.wait_for_merges()
        rows += pages(bench, service, {small: ids[0], larger: ids[1]}, "ClickHouse", bounded=False)
        for when in ("as merged by itself", "after OPTIMIZE FINAL"):
            if when == "after OPTIMIZE FINAL":
                tables[1].run("OPTIMIZE TABLE", "FINAL")
            used = tables[1].bytes_per_event()
            rows.append(Row(f"ClickHouse, {larger:,} events, {when}, each", "bytes", [used], target=below(100)))
    return rows


def clickhouse_create(bench, engine, service, keys, connections):
    """New events compared with a look-up of ids and an INSERT alone, of as many events as the service put into one
    INSERT and as many at once. A build with a table per tenant is compared with nothing."""
    seconds, commits = bench.parameters.seconds, []

    def ours(number):
        name = f"events_{connections}_{number}"
        service.create_tenant(name)
        outcome, *shape = service.with_commits(lambda: wrk_events(service, name, connections, seconds))
        commits.append(shape)
        return outcome

    def bare(number):
        name = f"bare_{connections}_{number}"
        client_id = service.create_tenant(name)
        keys.write_text(f"{client_id} {client_id}\n")
        batch, at_once = commits[-1] if commits else (1, 1)
        return bench.baselines.append(engine, EventsTable(engine, name), keys, batch, at_once, seconds)

    what = f"ClickHouse, create-event, {on(connections)}"
    if not EventsTable(engine, f"history_{bench.parameters.clickhouse_sizes[0]}").is_shared:
        rates = [it.rate for it in bench.alternate({"service": ours})["service"]]
        return [Row(what, "a second", rates)]
    got = bench.alternate({"service": ours, "bare": bare})
    batches, at_once = zip(*commits, strict=True)
    label = f"look-up and INSERT alone, {span(batches)} each, {span(at_once)} at once"
    if connections == 1:
        mine, theirs = ([it.each_ms for it in got[who]] for who in ("service", "bare"))
        return [Row(f"{what}, each", "ms", mine, label, theirs, ratio_at_most(1.5))]
    return [rate(what, got, "bare", ratio_at_least(0.6) if connections == 256 else None, label)]


def now_us():
    return time.time_ns() // 1000
