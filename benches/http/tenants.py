"""Many tenants: new events spread over all of them, the price of creating one, and what they take of the machine."""

import contextlib
import functools
import os
import statistics
import time

from load import fixed_rate_events, on, wrk_events
from report import Row, below, ratio_at_least, ratio_at_most
from servers import ClickHouse, Service

NAME = "tenant"  # the n-th is called tenant_<n>
SQLITE_CONNECTIONS = 32
CLICKHOUSE_CONNECTIONS = 256
LOGS_MB = 2150  # docs/operations.md: 2 GiB, beyond which logs are removed


def sqlite(bench):
    counts = bench.parameters.sqlite_tenants
    _, base, *_ = counts
    targets = {counts[-2]: ratio_at_least(0.6), counts[-1]: ratio_at_least(0.3)}
    descriptors, log_mb = [], []
    with bench.new_folder() as folder:

        def footprint(_):
            descriptors.append(service.descriptors())
            log_mb.append(disk_bytes(folder / "tenants", "-wal") / 1e6)

        with Service(bench.service, folder) as service:
            rows = creation(bench, service, "SQLite", counts[-1])
            spread = Spread(bench, service, "SQLite", SQLITE_CONNECTIONS, after=footprint)
            rows += spread.rows(counts, base, targets)
            peak = service.memory_mb("VmHWM")
        started = [start_ms(bench, folder) for _ in range(bench.parameters.rounds)]
    of_all = f"with {counts[-1]:,} tenants"
    return rows + [
        Row(f"SQLite, {of_all}, greatest number of descriptors", "", [max(descriptors)], target=below(4000)),
        Row(f"SQLite, {of_all}, peak memory", "MB", [peak], target=below(256)),
        Row(f"SQLite, {of_all}, greatest size of all logs", "MB", [max(log_mb)], target=below(LOGS_MB)),
        Row(f"SQLite, {of_all}, start-up", "ms", started, target=below(1000)),
    ]


def disk_bytes(folder, ending):
    """Returns the disk space of the files with this ending, of which some may disappear meanwhile."""
    total = 0
    for file in os.scandir(folder):
        if file.name.endswith(ending):
            with contextlib.suppress(FileNotFoundError):
                total += file.stat().st_blocks * 512
    return total


def start_ms(bench, folder):
    with Service(bench.service, folder) as service:
        return service.start_ms


def clickhouse(bench):
    counts = bench.parameters.tenants
    base, *_ = counts
    targets = {counts[-2]: ratio_at_least(0.7), counts[-1]: ratio_at_least(0.5)}
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        engine = servers.enter_context(ClickHouse(folder / "engine"))
        service = servers.enter_context(Service(bench.service, folder, engine.setting))
        service.create_tenant("first")
        tables = count_tables(engine)
        rows = creation(bench, service, "ClickHouse", counts[-1], below(30))
        what = f"ClickHouse, tables besides views with {counts[-1]:,} tenants"
        rows.append(Row(what, "", [count_tables(engine)], "with one", [tables], ratio_at_most(1)))
        spread = Spread(bench, service, "ClickHouse", CLICKHOUSE_CONNECTIONS, before=functools.partial(settle, engine))
        rows += spread.rows(counts, base, targets, below(250))
        what = f"with {counts[-1]:,} tenants, peak memory"
        rows.append(Row(f"ClickHouse, {what}", "MB", [service.memory_mb("VmHWM")], target=below(256)))
        rows.append(Row(f"ClickHouse, {what} of the engine", "MB", [engine.memory_mb("VmHWM")]))
    return rows


def settle(*engines):
    for engine in engines:
        engine.wait_for_merges()
        engine.wait_until_idle()


def count_tables(engine):
    where = "engine NOT LIKE '%View' AND lower(database) NOT IN ('system', 'information_schema')"
    return int(engine.ask(f"SELECT count() FROM system.tables WHERE {where}"))


def creation(bench, service, backend, count, target=None):
    """Creates this many tenants, of which the first and some more at last one after the other."""
    sample = bench.parameters.created
    first = [create_ms(service, f"{NAME}_{number}") for number in range(sample)]
    service.create_tenants(f"{NAME}_{number}" for number in range(sample, count))
    last = [create_ms(service, f"more_{number}") for number in range(sample)]
    return [
        Row(f"{backend}, creating a tenant", "ms", first, target=target),
        Row(f"{backend}, creating a tenant with {count:,} there", "ms", last, "with none", first, target),
    ]


def create_ms(service, name):
    started = time.perf_counter()
    service.create_tenant(name)
    return (time.perf_counter() - started) * 1000


class Spread:
    """New events over many connections, each for a random one of some tenants."""

    def __init__(self, bench, service, backend, connections, before=lambda: None, after=lambda count: None):
        self.bench, self.service, self.backend, self.connections = bench, service, backend, connections
        self.before, self.after = before, after

    def full(self, count):
        return self.load(count, lambda seconds: wrk_events(self.service, NAME, self.connections, seconds, count))

    def at_rate(self, count, rate):
        """At a fixed rate; latency counts from when each event was due."""
        send = functools.partial(fixed_rate_events, self.bench.baselines, self.service, NAME, self.connections, rate)
        return self.load(count, lambda seconds: send(seconds, count))

    def load(self, count, send):
        def run(_):
            self.before()
            self.service.wait_until_idle()
            outcome = send(self.bench.parameters.spread_seconds)
            self.after(count)
            return outcome

        return run

    def rows(self, counts, base, targets, half_load_target=None, of=""):
        """Compares each number of tenants with `base` of them, and sends half of what each can take."""
        got = self.bench.alternate({count: self.full(count) for count in counts})
        rates = {count: [it.rate for it in got[count]] for count in counts}
        halves = {count: statistics.median(rates[count]) / 2 for count in counts}
        late = self.bench.alternate({count: self.at_rate(count, half) for count, half in halves.items()})
        rows = []
        for count in counts:
            what = f"{self.backend}, create-event, {on(self.connections)} over {tenants(count)}{of}"
            compared = ("", []) if count == base else (f"over {tenants(base)}", rates[base])
            rows += [
                Row(what, "a second", rates[count], *compared, targets.get(count)),
                Row(f"{what}, p50", "ms", [it.p50_ms for it in got[count]]),
                Row(f"{what}, p99", "ms", [it.p99_ms for it in got[count]]),
                Row(f"{what}, half load, p99", "ms", [it.p99_ms for it in late[count]], target=half_load_target),
            ]
        return rows


def tenants(count):
    return f"{count:,} tenant{'s' if count > 1 else ''}"
