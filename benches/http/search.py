"""Search: pages of the events that have a word, without counts, of a word that one event has, of one that every hundredth
has, and of one that all have."""

from load import EVENTS
from report import Row, below
from servers import ClickHouse, Service

SINGLE, GROUPS = "single", 100  # benches/baselines/event.rs


def sqlite(bench):
    """On SQLite."""
    rows = []
    with bench.new_folder() as folder:
        ids = {size: fill(bench, f"sqlite:{folder}", size) for size in bench.parameters.sizes}
        with Service(bench.service, folder) as service:
            for size, client_id in ids.items():
                is_large = size == bench.parameters.sizes[-1]
                rows += searches(bench, service, client_id, size, "SQLite", is_large)
    return rows


def clickhouse(bench):
    """On ClickHouse."""
    size = bench.parameters.clickhouse_sizes[-1]
    with bench.new_folder() as folder, ClickHouse(folder / "engine") as engine:
        with Service(bench.service, folder, engine.setting):
            pass  # creates the tables
        client_id = fill(bench, engine.setting, size)
        engine.wait_for_merges()
        with Service(bench.service, folder, engine.setting) as service:
            return searches(bench, service, client_id, size, "ClickHouse", has_targets=False)


def fill(bench, database, size):
    return bench.baselines.fill(database, f"search_{size}", size, words=True)


def searches(bench, service, client_id, size, backend, has_targets):
    """The latency of one caller, each of whose requests is for another word."""
    path = f"{EVENTS}?limit=50&count=none&q="
    kinds = {
        "a word of one event": (("words", SINGLE, str(size)), 50),
        "a word of 1 % of the events": (("words", "group", str(GROUPS)), 200),
        "a word of all events": (("words", "status", "0"), None),
    }
    got = bench.alternate({
        what: bench.get(service, path, 1, client_id, script) for what, (script, _) in kinds.items()
    })  # fmt: skip
    rows = []
    for what, (_, target) in kinds.items():
        label = f"{backend}, search of {size:,} events for {what}"
        rows.append(Row(f"{label}, p50", "ms", [it.p50_ms for it in got[what]]))
        target = below(target) if target and has_targets else None
        rows.append(Row(f"{label}, p99", "ms", [it.p99_ms for it in got[what]], target=target))
    return rows
