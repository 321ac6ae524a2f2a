"""Compares the service with its baselines and with a reference implementation.

Run by `just bench`. Builds the release binary, starts everything on free loopback ports and in folders below
target/bench, prints one table and writes it into docs/benchmarks.md (not with --quick or --only, which make no
complete table).

Needs Python's standard library, cargo, `wrk`, and the ClickHouse that tests/run installs. The packages of the
reference implementation are installed into target/bench. Reports what is missing and leaves it out.
"""

import argparse
import sys
import time
import traceback

import cases
import report
from bench import FULL, QUICK, Bench
from servers import ROOT, ClickHouse, Reference, build, installed

PAGE = ROOT / "docs/benchmarks.md"


def main():
    arguments = parse_arguments()
    if not installed("wrk"):
        sys.exit("wrk is missing: Debian's package is called `wrk`")
    folder = ROOT / "target/bench"
    folder.mkdir(parents=True, exist_ok=True)
    service, baselines = build(arguments.debug)
    reference, notes = None, []
    try:
        reference = Reference(folder)
    except Exception as error:  # no network, for example
        notes.append(f"Left out: the reference implementation, which could not be installed ({error}).")
    parameters = QUICK if arguments.quick else FULL
    bench = Bench(parameters, service, baselines, reference, folder)
    chosen = arguments.only or list(cases.CASES)
    if "clickhouse" in chosen and not ClickHouse.LIBRARY.exists():
        chosen.remove("clickhouse")
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
        rows += found
        print(f"{name}: {time.monotonic() - started:.0f} s", *map(short, found), sep="\n  ", file=sys.stderr)
    text = f"{report.conditions(parameters, notes)}\n\n{report.table(rows)}"
    print(text)
    if failed:
        sys.exit("a case failed: docs/benchmarks.md is unchanged")
    if not (arguments.quick or arguments.only or arguments.debug):
        report.write(PAGE, text)


def short(row):
    what, ours, other, theirs, ratio, target, verdict = row.cells()
    return f"{what}: {ours}" + (f"; {other}: {theirs}; {ratio}" if other else "") + f"  {target} {verdict}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short, to see that it runs")
    parser.add_argument("--debug", action="store_true", help="with the debug build, to see that it runs")
    parser.add_argument("--only", action="append", choices=cases.CASES, help="a case; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()
