"""Records as their events tell them: the replay of a record's whole history, which is spread over a larger one."""

from report import Row, below
from servers import ClickHouse, Service

RECORD = "/api/history/records/7"
RECORDS = 100  # whose events follow one another by turns


def sqlite(bench):
    """On SQLite."""
    with bench.new_folder() as folder:
        client_id = fill(bench, f"sqlite:{folder}")
        with Service(bench.service, folder) as service:
            return replays(bench, service, client_id, "SQLite", below(50))


def clickhouse(bench):
    """On ClickHouse."""
    with bench.new_folder() as folder, ClickHouse(folder / "engine") as engine:
        with Service(bench.service, folder, engine.setting):
            pass  # creates the tables
        client_id = fill(bench, engine.setting)
        engine.wait_for_merges()
        with Service(bench.service, folder, engine.setting) as service:
            return replays(bench, service, client_id, "ClickHouse")


def fill(bench, database):
    return bench.baselines.fill(database, "records", bench.parameters.record_events * RECORDS, RECORDS)


def replays(bench, service, client_id, backend, target=None):
    """The latency of one caller, whose answers are compared with nothing."""
    outcomes = bench.alternate({"record": bench.get(service, RECORD, 1, client_id)})["record"]
    what = f"{backend}, a record of {bench.parameters.record_events:,} events"
    return [
        Row(f"{what}, p50", "ms", [it.p50_ms for it in outcomes], target=target),
        Row(f"{what}, p99", "ms", [it.p99_ms for it in outcomes]),
    ]
