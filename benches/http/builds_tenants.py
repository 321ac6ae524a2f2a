"""Compares builds with each other on many tenants, by turns, each on its own data and its own ClickHouse."""

import contextlib

from events_table import EventsTable, History
from load import on, wrk_keys
from servers import ClickHouse, Service
from stored import READS
from tenants import CLICKHOUSE_CONNECTIONS, NAME, SQLITE_CONNECTIONS, Spread, settle, tenants

CLICKHOUSE_MOST = 1000  # tenants: with a table for each, more take hours


def measure(bench, programs):
    """Returns pairs: what was measured, and the values of its rounds by the name of who was measured."""
    return [*sqlite(bench, programs), *clickhouse(bench, programs)]


def sqlite(bench, programs):
    counts = bench.parameters.sqlite_tenants
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        loads = {}
        for build, program in programs.items():
            (folder / build).mkdir()
            service = servers.enter_context(Service(program, folder / build))
            service.create_tenants(names(counts[-1]))
            loads[build] = Spread(bench, service, "SQLite", SQLITE_CONNECTIONS)
        return spread(bench, loads, counts)


def clickhouse(bench, programs):
    counts = [count for count in bench.parameters.tenants if count <= CLICKHOUSE_MOST]
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        engines, services, loads = {}, {}, {}
        for build, program in programs.items():
            (folder / build).mkdir()
            engine = servers.enter_context(ClickHouse(folder / build / "engine"))
            service = servers.enter_context(Service(program, folder / build, engine.setting))
            service.create_tenants(names(counts[-1]))
            engines[build], services[build] = engine, service
            loads[build] = Spread(bench, service, "ClickHouse", CLICKHOUSE_CONNECTIONS, lambda: settle(*engines.values()))
        rows = spread(bench, loads, counts)
        return rows + reads(bench, engines, services, folder)


def names(count):
    return [f"{NAME}_{number}" for number in range(count)]


def spread(bench, loads, counts):
    rows = []
    for count in counts:
        got = bench.alternate({build: load.full(count) for build, load in loads.items()})
        load = next(iter(loads.values()))
        what = f"{load.backend}, create-event, {on(load.connections)} over {tenants(count)}"
        rows.append((f"{what}, a second", {build: [it.rate for it in got[build]] for build in loads}))
        rows.append((f"{what}, p99, ms", {build: [it.p99_ms for it in got[build]] for build in loads}))
    return rows


def reads(bench, engines, services, folder):
    """Of one tenant with a long history."""
    events, keys = bench.parameters.stored[0], {}
    for build, service in services.items():
        history = History([service.create_tenant("history")], events)
        EventsTable(engines[build], "history").insert(history)
        keys[build] = history.write_keys(engines[build], folder / f"{build}_keys")
    settle(*engines.values())
    rows = []
    for kind, (path, _, _) in READS.items():

        def load(build, path=path):
            return lambda _: wrk_keys(services[build], path, keys[build], 1, bench.parameters.seconds)

        got = bench.alternate({build: load(build) for build in services})
        what = f"ClickHouse, {kind} of a tenant's {events:,} events, p50, ms"
        rows.append((what, {build: [it.p50_ms for it in got[build]] for build in services}))
    return rows
