"""Compares the service with its baselines and with a reference implementation.

Run by `just bench`. Builds the release binary, starts everything on free loopback ports and in folders below
target/bench, prints one table and writes it into docs/benchmarks.md, unless arguments make it another one.

Needs Python's standard library, cargo, `wrk`, and the ClickHouse that tests/run installs. The packages of the
reference implementation are installed into target/bench. Reports what is missing and leaves it out.
"""

import argparse
import dataclasses
import pathlib
import sys
import time
import traceback

import cases
import report
from bench import FULL, QUICK, Bench
from servers import ROOT, ClickHouse, Reference, build, build_baselines, installed

PAGE = ROOT / "docs/benchmarks.md"


def main():
    arguments = parse_arguments()
    if not installed("wrk"):
        sys.exit("wrk is missing: Debian's package is called `wrk`")
    folder = ROOT / "target/bench"
    folder.mkdir(parents=True, exist_ok=True)
    if arguments.service:
        service, baselines = arguments.service.resolve(), build_baselines(arguments.debug)
    else:
        service, baselines = build(arguments.debug)
    reference, notes = None, []
    try:
        reference = Reference(folder)
    except Exception as error:  # no network, for example
        notes.append(f"Left out: the reference implementation, which could not be installed ({error}).")
    parameters = QUICK if arguments.quick else FULL
    if arguments.rounds:
        parameters = dataclasses.replace(parameters, rounds=arguments.rounds)
    bench = Bench(parameters, service, baselines, reference, folder)
    chosen = [name for name in cases.CASES if not arguments.cases or is_named(name, arguments.cases)]
    if not ClickHouse.LIBRARY.exists():
        chosen = [name for name in chosen if name not in cases.ON_CLICKHOUSE]
        notes.append("Left out: ClickHouse, which tests/run installs.")
    rows, failed = [], False
    for name in chosen:
        started = time.monotonic()
        try:
            found = cases.CASES[name](bench)
        except Exception:  # keep the other cases' results
            traceback.print_exc()
            failed = True
            continue
        seconds = time.monotonic() - started
        if arguments.debug:  # whose figures mean nothing
            print(f"{name}: {len(found)} measurements ran, {seconds:.0f} s", flush=True)
            continue
        if arguments.quick:  # which says nothing about targets
            found = [dataclasses.replace(row, target=None) for row in found]
        rows += found
        print(f"{name}: {seconds:.0f} s", *map(short, found), sep="\n  ", file=sys.stderr)
    if arguments.debug:
        print("".join(f"{note}\n" for note in notes), end="")
        sys.exit("a case failed" if failed else 0)
    text = f"{report.conditions(parameters, notes)}\n\n{report.table(rows)}"
    print(text)
    if failed:
        sys.exit("a case failed: docs/benchmarks.md is unchanged")
    if not any(vars(arguments).values()):
        report.write(PAGE, text)


def is_named(case, names):
    """Tells whether one of the names is the case's or the first part of it."""
    return any(case == name or case.startswith(f"{name}-") for name in names)


def short(row):
    what, ours, other, theirs, ratio, target, verdict = row.cells()
    return f"{what}: {ours}" + (f"; {other}: {theirs}; {ratio}" if other else "") + f"  {target} {verdict}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it runs")
    parser.add_argument("--debug", action="store_true", help="with the debug build, to see that it runs: prints no figures")
    parser.add_argument("--rounds", type=int, help=f"rounds of each load, instead of {FULL.rounds}")
    parser.add_argument("--service", type=pathlib.Path, help="measure this program instead of building one")
    names = f"only these: {', '.join(cases.CASES)}; or the first part of a name"
    parser.add_argument("cases", nargs="*", metavar="case", help=names)
    arguments = parser.parse_args()
    for name in arguments.cases:
        if not any(is_named(case, [name]) for case in cases.CASES):
            parser.error(f"there is no case '{name}'")
    return arguments


if __name__ == "__main__":
    main()
