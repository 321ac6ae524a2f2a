"""Compares builds of the service with each other, by turns: what a technique gains, a build that lacks it shows.

    just bench-builds [--quick] [http] [tenants] as_is=target/dist/event-history without_x=<another program>

The first is the one that the others are divided by. `http` is one tenant on SQLite, beside bare axum and the reference
implementation; `tenants` is many tenants on both backends. Without either, both are measured. Prints a table; writes
nothing.
"""

import contextlib
import statistics
import sys

import builds_tenants
import report
from bench import FULL, QUICK, Bench
from cases import answer_size
from load import on, fixed_rate_events, wrk_events
from report import number, spread
from servers import ROOT, Reference, Service, build_baselines

UPLOAD_URL = "/api/files/upload-url"


def main():
    quick = "--quick" in sys.argv
    programs = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    chosen = [argument for argument in sys.argv[1:] if argument != "--quick" and "=" not in argument]
    if not programs or not set(chosen) <= PARTS.keys():
        sys.exit(__doc__)
    folder = ROOT / "target/bench"
    folder.mkdir(parents=True, exist_ok=True)
    parameters = QUICK if quick else FULL
    bench = Bench(parameters, None, build_baselines(debug=quick), Reference(folder), folder)
    rows = []
    for part in chosen or PARTS:
        found = PARTS[part](bench, programs)
        print(part, *found, sep="\n  ", file=sys.stderr)  # in case the next one fails
        rows += found
    print(f"{report.conditions(parameters, [])}\n\n{table(list(programs), rows)}")


def http(bench, programs):
    """Returns pairs: what was measured, and the values of its rounds by the name of who was measured."""
    rows, seconds = [], bench.parameters.seconds
    with bench.new_folder() as folder, contextlib.ExitStack() as servers:
        services = {}
        for name, program in programs.items():
            (folder / name).mkdir()
            services[name] = servers.enter_context(Service(program, folder / name))
        first = next(iter(services.values()))
        ids = {name: it.create_tenant("bench") for name, it in services.items()}
        size = len(first.request("GET", UPLOAD_URL, client_id=next(iter(ids.values()))))
        axum = servers.enter_context(bench.baselines.http(200, size))
        axum_created = servers.enter_context(bench.baselines.http(201, answer_size(first)))
        reference = servers.enter_context(bench.reference.start(folder))
        ids |= {"axum": next(iter(ids.values())), "reference": reference.create_tenant("bench")}
        asked = services | {"axum": axum, "reference": reference}
        sent = services | {"axum": axum_created, "reference": reference}

        def creates(server, connections):
            def load(number):
                name = f"events_{connections}_{number}"
                if server is not axum_created:
                    server.create_tenant(name)
                return wrk_events(server, name, connections, seconds)

            return load

        def quiet(server, loud):
            def load(number):
                with contextlib.ExitStack() as stack:
                    if loud:
                        most = max(bench.parameters.connections)
                        stack.enter_context(bench.at_once(lambda: wrk_events(server, "loud", most, seconds + 1)))
                    return fixed_rate_events(bench.baselines, server, "quiet", 4, 200, seconds)

            return load

        for connections in bench.parameters.connections:
            got = bench.alternate({
                name: bench.get(server, UPLOAD_URL, connections, ids[name]) for name, server in asked.items()
            })  # fmt: skip
            rows.append((f"upload-url, {on(connections)}, a second", rates(got)))
        for connections in bench.parameters.connections:
            got = bench.alternate({name: creates(server, connections) for name, server in sent.items()})
            rows.append((f"create-event, {on(connections)}, a second", rates(got)))
        for server in services.values():
            for name in ("quiet", "loud"):
                server.create_tenant(name)
        for loud in (False, True):
            got = bench.alternate({name: quiet(server, loud) for name, server in services.items()})
            p99s = {name: [it.p99_ms for it in outcomes] for name, outcomes in got.items()}
            rows.append((f"create-event beside {'a loud tenant' if loud else 'nobody'}, p99, ms", p99s))
    return rows


PARTS = {"http": http, "tenants": builds_tenants.measure}


def rates(got):
    return {name: [it.rate for it in outcomes] for name, outcomes in got.items()}


def table(builds, rows):
    first, *others = builds
    beside = ["axum", "reference"]
    head = ["what", first, *(f"{name} / {first}" for name in others), *(f"{first} / {name}" for name in beside)]
    lines = [head, ["---"] * len(head)]
    for what, got in rows:
        cells = [what, spread(got[first])]
        cells += [ratio(got[name], got[first]) for name in others]
        cells += [ratio(got[first], got[name]) if name in got else "" for name in beside]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def ratio(ours, theirs):
    """The median of the ratios by round, and how far they reach."""
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    return f"{number(statistics.median(ratios))} ({number(min(ratios))} to {number(max(ratios))})"


if __name__ == "__main__":
    main()
