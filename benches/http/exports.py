"""Exports of a whole history: how fast they are, compared with a bare SELECT of the same rows, and in how much memory."""

import sqlite3
import time
import urllib.request

from events_table import EventsTable
from load import API_KEY
from report import Row, below, ratio_at_least
from servers import DIRECT, ClickHouse, Service

FORMATS = ("ndjson", "csv")
BLOCK_BYTES = 1 << 20
ROWS = 10_000  # that are fetched at once
TIMEOUT_SECONDS = 3600


def sqlite(bench):
    """On SQLite, compared with one SELECT by Python's sqlite3, which steps through the rows in C."""
    with bench.new_folder() as folder:
        client_id = fill(bench, f"sqlite:{folder}")
        with Service(bench.service, folder) as service:
            file = service.database_file("exported")

            def alone(_):
                started = time.perf_counter()
                database = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
                rows = database.execute("SELECT * FROM events ORDER BY sequence")
                count = 0
                while fetched := rows.fetchmany(ROWS):
                    count += len(fetched)
                database.close()
                return count / (time.perf_counter() - started)

            return exports(bench, service, client_id, "SQLite", alone)


def clickhouse(bench):
    """On ClickHouse, compared with one SELECT over HTTP in the same format and order."""
    with bench.new_folder() as folder, ClickHouse(folder / "engine") as engine:
        with Service(bench.service, folder, engine.setting):
            pass  # creates the tables
        client_id = fill(bench, engine.setting)
        engine.wait_for_merges()
        with Service(bench.service, folder, engine.setting) as service:
            table = EventsTable(engine, "exported")
            sql = (
                f"SELECT * FROM `{table.database}`.`{table.table}` WHERE client_id = '{client_id}' "
                "ORDER BY received_at, time_us, UUIDToNum(event_id) FORMAT JSONEachRow"
            )

            def alone(_):
                started = time.perf_counter()
                with DIRECT.open(engine.url, sql.encode(), timeout=TIMEOUT_SECONDS) as answer:
                    count = lines(answer)
                return count / (time.perf_counter() - started)

            return exports(bench, service, client_id, "ClickHouse", alone)


def fill(bench, database):
    return bench.baselines.fill(database, "exported", bench.parameters.exported)


def exports(bench, service, client_id, backend, alone):
    def export(form):
        def load(_):
            path = f"/api/history/export?format={form}"
            headers = {"X-API-Key": API_KEY, "X-Client-Id": client_id}
            request = urllib.request.Request(service.url + path, headers=headers)
            started = time.perf_counter()
            with DIRECT.open(request, timeout=TIMEOUT_SECONDS) as answer:
                count = lines(answer) - (form == "csv")  # the names of the columns
            if count != bench.parameters.exported:
                raise RuntimeError(f"the export has {count} events")
            return count / (time.perf_counter() - started)

        return load

    got = bench.alternate({"alone": alone, **{form: export(form) for form in FORMATS}})
    what = f"{backend}, an export of {bench.parameters.exported:,} events"
    target = ratio_at_least(0.5) if backend == "SQLite" else None
    return [
        *(Row(f"{what} as {form}", "a second", got[form], "a bare SELECT", got["alone"], target) for form in FORMATS),
        Row(f"{what}, peak memory", "MB", [service.memory_mb("VmHWM")], target=below(64)),
    ]


def lines(answer):
    count = 0
    while block := answer.read(BLOCK_BYTES):
        count += block.count(b"\n")
    return count
