#!/usr/bin/env python3
"""Measures table layouts for the events of one tenant on a real ClickHouse, and writes Markdown.

Every layout gets the same made-up history, made by the server itself: one record for every 30 events,
180 days, 10 event types, 4 source types, 1000 sources, a file in one event of ten, and 1 % of the rows
inserted twice. Background merges may settle (there is no OPTIMIZE FINAL before anything is timed), and
then the queries of the API are timed one after the other, on one connection. Each runs 11 times with other
values, the first 2 do not count, and a cell is "median ms / rows read / MB of memory at most".
ClickHouse's cache of conditions is off: it would answer a repeated query from memory.

    clickhouse_layouts.py --url http://127.0.0.1:8123
    clickhouse_layouts.py --lib libchdb.so --path /tmp/layouts --layouts O,K --events 3000000

The database `layouts_bench` is made and dropped; nothing else on the server is touched.
"""

import argparse
import signal
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from clickhouse_engine import Server, start_engine
from clickhouse_history import BATCH, DAY_US, START_US, TABLE, History

WARM_UPS, RUNS = 2, 9
PAGE = 50
MERGES_WAIT_S = 600
NEWEST = "ORDER BY time_us DESC, UUIDToNum(event_id) DESC"
OLDEST = "ORDER BY time_us, UUIDToNum(event_id)"

COLUMNS = """event_id UUID, time_us Int64 CODEC(DoubleDelta, ZSTD(1)), time_digits UInt8,
    event_type_id Int32, record_id Int64, source_id Int64, source_type_id Int32,
    source_name String CODEC(ZSTD(1)), source_info String CODEC(ZSTD(1)), file_id Nullable(UUID),
    event_data String CODEC(ZSTD(1))"""
SETTINGS = """index_granularity = 1024, fsync_after_insert = 1, fsync_part_directory = 1,
    non_replicated_deduplication_window = 1000"""
REBUILD = ", deduplicate_merge_projection_mode = 'rebuild'"


@dataclass
class Layout:
    what: str
    inside: str  # what stands beside the columns
    key: str = "time_us, UUIDToNum(event_id)"
    more: str = ""  # further settings of the table
    two_steps: bool = False  # rows are found by key, keys by projection
    queries: dict = field(default_factory=lambda: {"min_table_rows_to_use_projection_index": 100_000})

    def ddl(self):
        return (
            f"CREATE TABLE {TABLE} ({COLUMNS}, {self.inside}) ENGINE = ReplacingMergeTree "
            f"ORDER BY ({self.key}) SETTINGS {SETTINGS}{self.more}"
        )


LAYOUTS = {
    "O": Layout(
        "by time, projections as indexes (event_id, and record_id with time)",
        "PROJECTION by_id (SELECT event_id, _part_offset ORDER BY event_id),"
        "PROJECTION by_record (SELECT record_id, time_us, _part_offset ORDER BY record_id, time_us)",
        more=REBUILD,
    ),
    "K": Layout(
        "by time, bloom filters on event_id and record_id",
        "INDEX id event_id TYPE bloom_filter GRANULARITY 1,"
        "INDEX rec record_id TYPE bloom_filter GRANULARITY 1",
    ),
    "M": Layout(
        "by record and time, bloom filter on event_id",
        "INDEX id event_id TYPE bloom_filter GRANULARITY 1",
        key="record_id, time_us, UUIDToNum(event_id)",
    ),
    "P": Layout(
        "by time, projections that hold whole keys, read in two steps",
        "PROJECTION by_id (SELECT event_id, time_us ORDER BY event_id),"
        "PROJECTION by_record (SELECT record_id, time_us, event_id"
        " ORDER BY record_id, time_us, UUIDToNum(event_id))",
        more=REBUILD,
        two_steps=True,
    ),
}


def settle(server):
    """Waits until the background has merged what it wants to merge."""
    waited, quiet = 0, 0
    while quiet < 5 and waited < MERGES_WAIT_S:
        quiet = quiet + 1 if server.text("SELECT count() FROM system.merges") == "0" else 0
        waited += 1
        time.sleep(1)


def median(server, statements, **settings):
    """Times `statements(run)`, each made before its clock starts; returns one cell."""
    took, rows, memory = [], [], []
    for run in range(WARM_UPS + RUNS):
        _, ms, summary = server.run(statements(run), **settings)
        if run >= WARM_UPS:
            took.append(ms)
            rows.append(int(summary["read_rows"]))
            memory.append(int(summary.get("memory_usage", 0)))
    return f"{statistics.median(took):.1f} / {short(statistics.median(rows))} / {max(memory) / 1e6:.0f}"


def short(number):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.0f}"


def page_sql(layout, where="1", order=NEWEST, offset=0):
    page = f"{order} LIMIT {PAGE} OFFSET {offset}"
    if layout.two_steps and ("record_id" in where or "event_id =" in where):
        keys = f"SELECT time_us, UUIDToNum(event_id) FROM {TABLE} WHERE {where} {page}"
        return f"SELECT * FROM {TABLE} WHERE (time_us, UUIDToNum(event_id)) IN ({keys}) {order}"
    return f"SELECT * FROM {TABLE} WHERE {where} {page}"


def filters(history):
    """Every filter of the list, as functions of the run."""

    def days(run):
        first = START_US + (10 + 13 * run) * DAY_US
        return f"time_us >= {first} AND time_us < {first + 7 * DAY_US}"

    def record(run):
        return f"record_id = {run * 7919 % history.records}"

    return {
        "one record": record,
        "one record and event type": lambda run: f"{record(run)} AND event_type_id = {1 + run % 10}",
        "type, source type, 7 days": lambda run: f"event_type_id = {1 + run % 10}"
        f" AND source_type_id = {run % 4} AND {days(run)}",
        "event type": lambda run: f"event_type_id = {1 + run % 10}",
        "source": lambda run: f"source_id = {run * 83 % 1000 * 2}",
        "a source without events": lambda run: f"source_id = {run * 83 % 1000 * 2 + 1}",
        "a source beyond all known": lambda run: f"source_id = {5000 + run}",
        "7 days": days,
    }


def queries(server, layout, history):
    """Rows of the table: name and cell."""
    timed = lambda statements: median(server, statements, **layout.queries)
    yield "newest 50", timed(lambda run: page_sql(layout))
    yield "oldest 50", timed(lambda run: page_sql(layout, order=OLDEST))
    for offset in (50, 10_000, 100_000, 1_000_000):
        name = f"newest, offset {offset:,}"
        yield name, timed(lambda run: page_sql(layout, offset=offset + run * PAGE))
    for name, where in filters(history).items():
        yield f"{name}: newest 50", timed(lambda run: page_sql(layout, where(run)))
    known = [history.ids(server, run, 1, fresh=False) for run in range(WARM_UPS + RUNS)]
    yield "one event by id", timed(lambda run: page_sql(layout, f"event_id = {known[run]}"))
    yield "total count", timed(lambda run: f"SELECT count() FROM {TABLE}")
    yield "total count, FINAL", timed(lambda run: f"SELECT count() FROM {TABLE} FINAL")
    for name, where in filters(history).items():
        yield f"{name}: count", timed(lambda run: f"SELECT count() FROM {TABLE} WHERE {where(run)}")
    yield "id: count", timed(lambda run: f"SELECT count() FROM {TABLE} WHERE event_id = {known[run]}")
    for count, fresh in ((1, True), (100, True), (1000, True), (1000, False)):
        name = f"write path: {count:,} {'fresh' if fresh else 'stored'} ids"
        ids = [history.ids(server, run, count, fresh) for run in range(WARM_UPS + RUNS)]
        check = f"SELECT event_id, time_us FROM {TABLE} WHERE event_id IN"
        yield name, timed(lambda run: f"{check} ({ids[run]})")


def pagings(offset, where="1"):
    """Ways to skip `offset` distinct events while duplicates wait for their merge: statement, settings."""
    rows = offset + PAGE + 50 + offset // 20  # room for 5 % of duplicates
    source = f"FROM {TABLE} WHERE {where}"
    prefix = f"(SELECT time_us, event_id {source} {NEWEST} LIMIT {rows})"
    page = f"{NEWEST} LIMIT {PAGE} OFFSET {offset}"
    lag = f"""SELECT time_us, event_id FROM (SELECT time_us, event_id,
        lagInFrame(time_us, 1, -1) OVER w AS before, lagInFrame(event_id) OVER w AS id_before FROM {prefix}
        WINDOW w AS ({NEWEST} ROWS BETWEEN 1 PRECEDING AND CURRENT ROW))
        WHERE time_us != before OR event_id != id_before {page}"""
    bound = f"SELECT time_us {source} {NEWEST} LIMIT 1 OFFSET {rows}"
    return {
        "DISTINCT over a bounded prefix": (
            f"SELECT DISTINCT time_us, event_id FROM {prefix} {page}",
            {"optimize_distinct_in_order": 0},
        ),
        "LIMIT 1 BY over a bounded prefix": (
            f"SELECT time_us, event_id FROM {prefix} {NEWEST} LIMIT 1 BY time_us, event_id"
            f" LIMIT {PAGE} OFFSET {offset}",
            {},
        ),
        "lagInFrame over a bounded prefix": (lag, {}),
        "FINAL behind a bound on time": (
            f"SELECT time_us, event_id FROM {TABLE} FINAL WHERE time_us >= ifNull(({bound}), 0)"
            f" AND {where} {page}",
            {},
        ),
        "plain LIMIT and OFFSET": (f"SELECT time_us, event_id {source} {page}", {}),
    }


def paging(server, layout, history):
    """Times the pagings with merges stopped and 1 % of duplicates, and compares each with the truth."""
    server.run(f"SYSTEM STOP MERGES {TABLE}")
    for first in range(0, history.events, BATCH):
        history.repeat(server, first, min(BATCH, history.events - first))
    for offset in (0, 10_000, 100_000, 1_000_000):
        if offset > history.events:
            continue
        first = max(0, (history.events - offset - PAGE) // 3 * 3 - 3)
        events = history.select(first, history.events - first)
        truth = server.text(
            f"SELECT time_us, event_id FROM ({events}) {NEWEST} LIMIT {PAGE} OFFSET {offset}"
        )
        for name, (statement, settings) in pagings(offset).items():
            right = server.text(statement, **settings) == truth
            cell = median(server, lambda run: statement, **layout.queries, **settings)
            yield f"{name}, offset {offset:,}", cell + ("" if right else " **wrong page**")
        keys = ", ".join("({}, UUIDToNum(toUUID('{}')))".format(*line.split()) for line in truth.splitlines())
        rows = f"SELECT * FROM {TABLE} WHERE (time_us, UUIDToNum(event_id)) IN ({keys}) {NEWEST}"
        yield f"then the page's rows by key, offset {offset:,}", median(server, lambda run: rows)
    server.run(f"SYSTEM START MERGES {TABLE}")


def inserts(server, history):
    """Times INSERTs of rows that a client sends, in RowBinary."""

    def batch(count):
        rows = server.run(f"{history.select(history.stored, count)} FORMAT RowBinary")[0]
        history.stored += count
        return server.run(f"INSERT INTO {TABLE} FORMAT RowBinary", body=rows)[1]

    def fsync(on):
        change = f"fsync_after_insert = {on:d}, fsync_part_directory = {on:d}"
        server.run(f"ALTER TABLE {TABLE} MODIFY SETTING {change}")

    # By turns, so that what the machine and its merges do beside hits both alike.
    for count, times in ((1, 10), (100, 10), (1000, 10), (10_000, 20)):
        took = {True: [], False: []}
        for _ in range(5):
            for on in took:
                fsync(on)
                took[on] += [batch(count) for _ in range(times)]
        for on, each in took.items():
            label = "" if on else ", without fsync"
            middle, high = statistics.median(each), sorted(each)[-len(each) // 20]
            yield f"INSERT of {count:,}{label}: median, 95 % (ms)", f"{middle:.1f}, {high:.1f}"
            if count == 10_000:
                rate = len(each) * count / sum(each) * 1000
                yield f"batches of 10,000{label} (rows/s)", f"{rate:,.0f}"
    fsync(True)


def disk(server):
    where = f"database || '.' || table = '{TABLE}' AND active"
    rows, total, parts = server.text(
        f"SELECT sum(rows), sum(bytes_on_disk), count() FROM system.parts WHERE {where}"
    ).split()
    per = lambda size: f"{int(size) / int(rows):.1f}"
    yield "bytes of disk per event, all in all", per(total)
    taken = server.text(
        f"SELECT name, sum(bytes_on_disk) FROM system.projection_parts WHERE {where}"
        " GROUP BY name ORDER BY name"
    )
    yield "of these in projections", ", ".join(
        f"{name} {per(size)}" for name, size in map(str.split, taken.splitlines())
    ) or "0"
    distinct = server.text(f"SELECT uniqExact(event_id) FROM {TABLE}")
    yield "parts; rows still twice", f"{parts}; {int(rows) - int(distinct):,}"


def verify(server, layout, history):
    """Compares answers by id and by record with what was made; returns how many were compared."""
    compared = 0
    columns = "event_id, time_us, time_digits, event_type_id, record_id, source_id, event_data, file_id"
    for run in range(10):
        records = ", ".join(str((run * 5 + i) * 7919 % history.records) for i in range(5))
        made = history.select(0, history.stored)
        for source, where in ((TABLE, f"record_id IN ({records})"), (TABLE, None)):
            if where is None:
                where = f"event_id IN ({history.ids(server, run, 100, fresh=False)})"
            sql = f"SELECT DISTINCT {columns} FROM {{}} WHERE {where} ORDER BY time_us, UUIDToNum(event_id)"
            found = server.text(sql.format(source), **layout.queries)
            wanted = server.text(sql.format(f"({made})"))
            if found != wanted or not wanted:
                raise RuntimeError(f"{where[:200]}: {len(found.split())} words, not {len(wanted.split())}")
            compared += len(wanted.splitlines())
    return compared


def measure(server, layout, events, wanted):
    """Fills a table, times the sections `wanted`, and drops it. Returns sections of rows."""
    history = History(events)
    server.run("CREATE DATABASE IF NOT EXISTS layouts_bench")
    server.run(f"DROP TABLE IF EXISTS {TABLE} SYNC")
    server.run(layout.ddl())
    sections = {"Queries": {}, "Exact paging": {}, "Inserts": {}, "Disk and proof": {}}
    started = time.perf_counter()
    history.fill(server)
    filled = time.perf_counter() - started
    proof = sections["Disk and proof"]
    proof["answers compared while merges ran"] = f"{verify(server, layout, history):,} rows"
    settle(server)
    proof["seconds to fill, then to merge"] = f"{filled:.0f}, {time.perf_counter() - started - filled:.0f}"
    proof.update(disk(server))
    if "queries" in wanted:
        sections["Queries"].update(queries(server, layout, history))
    # How a page skips duplicates depends on the key alone: once for each key will do.
    if "paging" in wanted and not layout.two_steps:
        sections["Exact paging"].update(paging(server, layout, history))
    proof["compared with duplicates"] = f"{verify(server, layout, history):,} rows"
    if "inserts" in wanted:
        sections["Inserts"].update(inserts(server, history))
    if events <= 5_000_000:
        server.run(f"OPTIMIZE TABLE {TABLE} FINAL")
        proof["compared after OPTIMIZE FINAL"] = f"{verify(server, layout, history):,} rows"
    server.run(f"DROP TABLE {TABLE} SYNC")
    return sections


def markdown(version, measured):
    """One table for each section and number of events; a column for each layout."""
    lines = [f"Engine {version}. Cells of queries: median ms / rows read / MB of memory at most.", ""]
    for events in dict.fromkeys(events for _, events in measured):
        columns = {name: found for (name, of), found in measured.items() if of == events}
        for section in next(iter(columns.values())):
            shown = {name: found[section] for name, found in columns.items() if found[section]}
            if not shown:
                continue
            lines += [f"### {section}, {events:,} events", ""]
            lines += ["| | " + " | ".join(shown) + " |", "|---" * (len(shown) + 1) + "|"]
            for row in dict.fromkeys(row for cells in shown.values() for row in cells):
                cells = " | ".join(shown_cells.get(row, "") for shown_cells in shown.values())
                lines.append(f"| {row} | {cells} |")
            lines.append("")
    return "\n".join(lines)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="a running ClickHouse, http://[user:password@]host:port")
    parser.add_argument("--lib", help="libchdb.so, to start the engine instead; needs --path")
    parser.add_argument("--path", help="folder for the engine's data (some 5 GB for 20 million events)")
    parser.add_argument("--events", default="3000000,20000000", help="sizes (default: %(default)s)")
    known = "; ".join(f"{name}: {layout.what}" for name, layout in LAYOUTS.items())
    parser.add_argument("--layouts", default="O,K,M,P", help=f"which (default: %(default)s). {known}")
    parser.add_argument("--sections", default="queries,paging,inserts", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, help="file for the Markdown, rewritten after each layout")
    found = parser.parse_args()
    if not found.url and not (found.lib and found.path):
        parser.error("either --url, or --lib and --path")
    unknown = set(found.layouts.split(",")) - set(LAYOUTS)
    if unknown:
        parser.error(f"no such layout: {', '.join(sorted(unknown))}")
    return found


def main():
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))  # so that the engine ends too
    process, url = (None, given.url) if given.url else start_engine(given.lib, given.path)
    try:
        server = Server(url)
        version = server.text("SELECT version()")
        measured = {}
        for events in map(int, given.events.split(",")):
            for name in given.layouts.split(","):
                print(f"layout {name}, {events:,} events", file=sys.stderr, flush=True)
                measured[name, events] = measure(server, LAYOUTS[name], events, given.sections)
                if given.out:
                    given.out.write_text(markdown(version, measured))
        server.run("DROP DATABASE IF EXISTS layouts_bench SYNC")
        print(markdown(version, measured))
    finally:
        if process:
            process.terminate()
            process.wait(timeout=60)


if __name__ == "__main__":
    main()
