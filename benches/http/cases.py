"""The cases: one function each, which starts the servers it needs and returns rows of the table."""

import contextlib
import json
import statistics
import urllib.request

import batches
import exports
import histories
import records
import search
import stored
import tenants
from load import CREATE_EVENT, EVENTS, envelope, on, fixed_rate_events, span, wrk_events
from report import Row, below, p99, rate, ratio_at_least, ratio_at_most
from servers import DIRECT, Service


def upload_url(bench):
    """The endpoint that does no I/O: HTTP and signing alone."""
    path, rows = "/api/files/upload-url", []
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        service = servers.enter_context(Service(bench.service, folder))
        size = len(service.request("GET", path, client_id=service.create_tenant("bench")))
        compared = {"service": service, "axum": servers.enter_context(bench.baselines.http(200, size))}
        if bench.reference:
            compared["reference"] = servers.enter_context(bench.reference.start(folder))
        ids = {name: compared[name].create_tenant(f"of_{name}") for name in ("service", "reference") if name in compared}
        for connections in bench.parameters.connections:
            got = bench.alternate({
                # The same request to all, so axum gets a client id too.
                name: bench.get(server, path, connections, ids.get(name, ids["service"]))
                for name, server in compared.items()
            })  # fmt: skip
            what = f"upload-url, {on(connections)}"
            rows += [
                rate(what, got, "axum", ratio_at_least(0.8)),
                p99(what, got, "axum", ratio_at_most(2)),
                *([rate(what, got, "reference", ratio_at_least(25))] if bench.reference else []),
            ]
    return rows


def create_event(bench):
    """New events, each durable before its answer."""
    rows, half_loads = [], []
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        service = servers.enter_context(Service(bench.service, folder))
        service.create_tenant("bench")
        axum = servers.enter_context(bench.baselines.http(201, answer_size(service)))
        reference = servers.enter_context(bench.reference.start(folder)) if bench.reference else None
        for connections in bench.parameters.connections:
            got, batches = create_alternately(bench, service, axum, reference, connections)
            rows += create_rows(connections, got, batches)
            if connections > 1:
                half_loads.append((connections, statistics.median(it.rate for it in got["service"]) / 2))
        rows += [half_load(bench, service, *half) for half in half_loads]
    return rows


def create_alternately(bench, service, axum, reference, connections):
    """Returns the outcomes, and how many events shared a commit of the service in each round. Each load
    has its own tenant, so that all of them start empty."""
    seconds, batches = bench.parameters.seconds, []

    def ours(number):
        name = f"events_{connections}_{number}"
        service.create_tenant(name)
        outcome, batch = service.with_batch(lambda: wrk_events(service, name, connections, seconds))
        batches.append(batch)
        return outcome

    def sqlite(number):
        name = f"bare_{connections}_{number}"
        service.create_tenant(name)  # gets no requests, so the service does not have its file open
        database, batch = service.database_file(name), batches[-1] if batches else 1
        return bench.baselines.load("sqlite", "--database", database, "--batch", batch, "--seconds", seconds)

    def reference_events(number):
        name = f"events_{connections}_{number}"
        reference.create_tenant(name)
        return wrk_events(reference, name, connections, seconds)

    loads = {"service": ours, "sqlite": sqlite}
    loads["axum"] = lambda _: wrk_events(axum, "bench", connections, seconds)
    if reference:
        loads["reference"] = reference_events
    return bench.alternate(loads), batches


def create_rows(connections, got, batches):
    what = f"create-event, {on(connections)}"
    label = f"SQLite alone, {span(batches)} a commit"
    if connections == 1:
        ours, theirs = ([it.each_ms for it in got[who]] for who in ("service", "sqlite"))
        rows = [Row(f"{what}, each", "ms", ours, label, theirs, ratio_at_most(1.5))]
    else:
        rows = [rate(what, got, "sqlite", ratio_at_least(0.6) if connections == 32 else None, label)]
    rows.append(rate(what, got, "axum", ratio_at_least(0.35) if connections == 256 else None))
    if "reference" in got:
        rows.append(rate(what, got, "reference", ratio_at_least(10) if connections == 32 else None))
    return rows


def half_load(bench, service, connections, half):
    def load(number):
        name = f"half_{connections}_{number}"
        service.create_tenant(name)
        return fixed_rate_events(bench.baselines, service, name, connections, half, bench.parameters.seconds)

    outcomes = bench.alternate({"service": load})["service"]
    what = f"create-event, {on(connections)}, half load, p99"
    return Row(what, "ms", [it.p99_ms for it in outcomes], target=below(25))


def neighbours(bench):
    """The effect of one tenant's full load on another tenant's single events. Since all share the cores and the
    disk, also its effect on a second service, and on a process that stores nothing."""
    seconds, connections = bench.parameters.seconds, max(bench.parameters.connections)
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        service = servers.enter_context(Service(bench.service, folder))
        for name in ("bench", "quiet", "loud"):
            service.create_tenant(name)
        axum = servers.enter_context(bench.baselines.http(201, answer_size(service)))
        (folder / "second").mkdir()
        second = servers.enter_context(Service(bench.service, folder / "second"))
        second.create_tenant("quiet")

        def quiet(server):
            return lambda _: fixed_rate_events(bench.baselines, server, "quiet", 4, 200, seconds)

        def under_load(load):
            def both(number):
                # A second longer than the measurement, which therefore never runs alone.
                with bench.at_once(lambda: wrk_events(service, "loud", connections, seconds + 1)):
                    return load(number)

            return both

        got = bench.alternate({
            "alone": quiet(service),
            "loaded": under_load(quiet(service)),
            "second alone": quiet(second),
            "second loaded": under_load(quiet(second)),
            "axum alone": quiet(axum),
            "axum loaded": under_load(quiet(axum)),
        })  # fmt: skip
    p99s = {name: [it.p99_ms for it in outcomes] for name, outcomes in got.items()}
    load = f"while another sends on {on(connections)}, p99"
    return [
        Row(f"create-event of one tenant {load}", "ms", p99s["loaded"], "alone", p99s["alone"], ratio_at_most(3)),
        Row(f"create-event of a second service {load}", "ms", p99s["second loaded"], "alone", p99s["second alone"]),
        Row(f"an answer of axum {load}", "ms", p99s["axum loaded"], "alone", p99s["axum alone"]),
    ]


def download_url(bench):
    """Finds an event and signs a URL for its file."""
    rows = []
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        files = f"file:{folder}/files"
        service = servers.enter_context(Service(bench.service, folder, files=files))
        client_id = service.create_tenant("bench")
        path = f"{EVENTS}/{event_with_a_file(service, client_id)}/file"
        size = len(service.request("GET", path, client_id=client_id))
        axum = servers.enter_context(bench.baselines.http(200, size))
        for connections in bench.parameters.connections:
            got = bench.alternate({
                "service": bench.get(service, path, connections, client_id),
                "axum": bench.get(axum, path, connections, client_id),
            })  # fmt: skip
            rows.append(rate(f"file download URL, {on(connections)}", got, "axum"))
    return rows


def event_with_a_file(service, client_id):
    upload = json.loads(service.request("GET", "/api/files/upload-url", client_id=client_id))
    DIRECT.open(urllib.request.Request(upload["upload_url"], b"a file", method="PUT")).close()
    event = envelope("bench", file_id=upload["file_id"])
    service.request("POST", CREATE_EVENT, event)
    return event["detail"]["event_id"]


def process(bench):
    """The cost of the process itself: start-up time and memory."""
    busy = max(bench.parameters.connections)
    starts, idle, peak = [], [], []
    with bench.new_folder() as folder:
        with Service(bench.service, folder) as service:
            service.create_tenant("bench")
        for _ in range(bench.parameters.starts):
            with Service(bench.service, folder) as service:
                starts.append(service.start_ms)
                service.request("GET", "/health/live")
                idle.append(service.memory_mb("VmRSS"))
        for _ in range(bench.parameters.rounds):
            with Service(bench.service, folder) as service:
                wrk_events(service, "bench", busy, bench.parameters.seconds)
                peak.append(service.memory_mb("VmHWM"))
    return [
        Row("start-up with one tenant", "ms", starts, target=below(50)),
        Row("memory, idle", "MB", idle, target=below(20)),
        Row(f"peak memory, create-event, {on(busy)}", "MB", peak, target=below(100)),
    ]


def answer_size(service):
    return len(service.request("POST", CREATE_EVENT, envelope("bench")))


CASES = {
    "upload-url": upload_url,
    "create-event": create_event,
    "neighbours": neighbours,
    "download-url": download_url,
    "process": process,
    "history": histories.sqlite,
    "clickhouse": histories.clickhouse,
    "records-sqlite": records.sqlite,
    "search-sqlite": search.sqlite,
    "search-clickhouse": search.clickhouse,
    "records-clickhouse": records.clickhouse,
    "export-sqlite": exports.sqlite,
    "export-clickhouse": exports.clickhouse,
    "tenants-sqlite": tenants.sqlite,
    "tenants-clickhouse": tenants.clickhouse,
    "stored": stored.clickhouse,
    "batches-sqlite": batches.sqlite,
    "batches-clickhouse": batches.clickhouse,
}
ON_CLICKHOUSE = ("clickhouse", "records-clickhouse", "export-clickhouse", "tenants-clickhouse", "stored", "batches-clickhouse")
