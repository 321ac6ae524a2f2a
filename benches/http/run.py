"""Measures the service beside what it could cost at least and what the plain alternative costs.

`just bench` runs it. It builds the release binary, starts everything on free loopback ports and in
folders below target/bench, prints one table and writes it into docs/benchmarks.md (not with --quick, and
not with --only: a part of the table is none).

Python's standard library is enough, beside cargo, `wrk`, and the ClickHouse that tests/run installs; the
peer's packages go into target/bench. What is missing is left out and said so.
"""

import argparse
import sys
import time
import traceback

import cases
import report
from bench import FULL, QUICK, Bench
from servers import ROOT, ClickHouse, Peer, build, installed

PAGE = ROOT / "docs/benchmarks.md"


def main():
    arguments = parse_arguments()
    if not installed("wrk"):
        sys.exit("wrk is missing: Debian's package is called `wrk`")
    folder = ROOT / "target/bench"
    folder.mkdir(parents=True, exist_ok=True)
    service, floors = build(arguments.debug)
    peer, notes = None, []
    try:
        peer = Peer(folder)
    except Exception as error:  # whatever keeps it from being installed
        notes.append(f"Left out: the peer, which could not be installed ({error}).")
    parameters = QUICK if arguments.quick else FULL
    bench = Bench(parameters, service, floors, peer, folder)
    chosen = arguments.only or list(cases.CASES)
    if "clickhouse" in chosen and not ClickHouse.LIBRARY.exists():
        chosen.remove("clickhouse")
        notes.append("Left out: ClickHouse, which tests/run installs.")
    rows, failed = [], False
    for name in chosen:
        started = time.monotonic()
        try:
            found = cases.CASES[name](bench)
        except Exception:  # what the other cases measured is not lost
            traceback.print_exc()
            failed = True
            continue
        rows += found
        print(f"{name}: {time.monotonic() - started:.0f} s", *map(short, found), sep="\n  ", file=sys.stderr)
    text = f"{report.surroundings(parameters, notes)}\n\n{report.table(rows)}"
    print(text)
    if failed:
        sys.exit("a case failed: the page stays as it is")
    if not (arguments.quick or arguments.only or arguments.debug):
        report.write(PAGE, text)


def short(row):
    what, ours, other, theirs, ratio, target, verdict = row.cells()
    return f"{what}: {ours}" + (f"; {other}: {theirs}; {ratio}" if other else "") + f"  {target} {verdict}"


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short: to see that it runs")
    parser.add_argument("--debug", action="store_true", help="with the debug build: to see that it runs")
    parser.add_argument("--only", action="append", choices=cases.CASES, help="a case; may be repeated")
    return parser.parse_args()


if __name__ == "__main__":
    main()
