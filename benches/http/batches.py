"""New events in batches of 10,000: how fast they are stored, compared with the store alone, and in how much memory."""

import contextlib
import uuid

from events_table import EventsTable
from report import Row, below, rate, ratio_at_least
from servers import ClickHouse, Service
from tenants import settle

BATCH = 10_000
CONNECTIONS = 2
AS_LONG_AS_IT_TAKES = 3600


def sqlite(bench):
    events = bench.parameters.batched
    with bench.new_folder() as folder, Service(bench.service, folder) as service:

        def alone(number):
            name = f"alone_{number}"
            service.create_tenant(name)  # gets no requests, so the service does not have its file open
            return bench.baselines.load(
                "sqlite", "--database", service.database_file(name), "--batch", BATCH,
                "--seconds", AS_LONG_AS_IT_TAKES, "--events", events,
            )  # fmt: skip

        got = bench.alternate({"service": ours(bench, service, events), "alone": alone})
        return rows("SQLite", got, "SQLite alone", events, service)


def clickhouse(bench):
    events = bench.parameters.batched
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        engine = servers.enter_context(ClickHouse(folder / "engine"))
        service = servers.enter_context(Service(bench.service, folder, engine.setting))
        keys = folder / "keys"
        keys.write_text(f"{service.create_tenant('alone')} {uuid.uuid4()}\n")
        table = EventsTable(engine, "alone")
        send = ours(bench, service, events)

        def service_alone(number):
            settle(engine)
            return send(number)

        def alone(_):
            settle(engine)
            return bench.baselines.append(engine, table, keys, BATCH, CONNECTIONS, AS_LONG_AS_IT_TAKES, events)

        got = bench.alternate({"service": service_alone, "alone": alone})
        return rows("ClickHouse", got, "look-up and INSERT alone", events, service)


def ours(bench, service, events):
    def send(number):
        client_id = service.create_tenant(f"batches_{number}")
        return bench.baselines.batches(service, client_id, events, BATCH, CONNECTIONS)

    return send


def rows(backend, got, label, events, service):
    what = f"{backend}, {events:,} events in batches of {BATCH:,}"
    return [
        rate(what, got, "alone", ratio_at_least(0.7), label),
        Row(f"{what}, peak memory", "MB", [service.memory_mb("VmHWM")], target=below(128)),
    ]
