"""The table: the measurements, what they are compared with, and whether they meet their targets."""

import dataclasses
import datetime
import os
import pathlib
import platform
import statistics
import subprocess

BEGIN = "<!-- `just bench` writes from here -->"
END = "<!-- `just bench` writes to here -->"


@dataclasses.dataclass(frozen=True)
class Target:
    sign: str  # "≥" or "<" or "≤"
    bound: float
    of_ratio: bool

    def __str__(self):
        return f"{self.sign} {number(self.bound)}{' ×' if self.of_ratio else ''}"

    def is_met(self, value):
        if self.sign == "≥":
            return value >= self.bound
        return value < self.bound if self.sign == "<" else value <= self.bound


def ratio_at_least(bound):
    return Target("≥", bound, True)


def ratio_at_most(bound):
    return Target("≤", bound, True)


def below(bound):
    return Target("<", bound, False)


@dataclasses.dataclass(frozen=True)
class Row:
    """One value per round; ours and theirs of a round are measured one after the other."""

    what: str
    unit: str  # empty for a number of things
    ours: list
    other: str = ""
    theirs: list = dataclasses.field(default_factory=list)
    target: Target | None = None

    @property
    def ratios(self):
        return [our / their for our, their in zip(self.ours, self.theirs, strict=True)] if self.theirs else []

    @property
    def verdict(self):
        if self.target is None:
            return ""
        value = statistics.median(self.ratios if self.target.of_ratio else self.ours)
        return "met" if self.target.is_met(value) else "**not met**"

    def cells(self):
        ours, theirs = spread(self.ours), spread(self.theirs)
        ratio = f"{spread(self.ratios)} ×" if self.theirs else ""
        what = f"{self.what}, {self.unit}" if self.unit else self.what
        return [what, ours, self.other, theirs, ratio,
                str(self.target or ""), self.verdict]  # fmt: skip


def rate(what, got, other, target=None, label=None):
    """A row of requests per second from the outcomes of `bench.alternate`."""
    ours, theirs = ([it.rate for it in got[who]] for who in ("service", other))
    return Row(what, "a second", ours, label or other, theirs, target)


def p99(what, got, other, target=None):
    ours, theirs = ([it.p99_ms for it in got[who]] for who in ("service", other))
    return Row(f"{what}, p99", "ms", ours, other, theirs, target)


HEAD = ["what", "ours", "compared with", "theirs", "ours / theirs", "target", "verdict"]


def table(rows):
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values):
    """The median, with the range where there are several values."""
    if not values:
        return ""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def number(value):
    """Three significant digits."""
    if value == 0:
        return "0"
    if value >= 100:
        return f"{value:,.0f}"
    if float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.3g}"


def conditions(parameters, notes):
    """Describes where, when and with what the figures were measured."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    today = datetime.datetime.now(datetime.timezone.utc).date()
    load = os.getloadavg()[0]
    lines = [
        f"Measured on {today}, revision {output('git', 'rev-parse', '--short', 'HEAD')}"
        f"{' with uncommitted changes' if output('git', 'status', '--porcelain') else ''}: "
        f"{os.cpu_count()} cores of {cpu_model()}, {memory_gib:.0f} GiB, Linux {platform.release()}; "
        f"{output('rustc', '--version')}, {output('wrk', '-v').split('[')[0].strip()}, "
        f"Python {platform.python_version()}. The load average was {load:.1f} at the end.",
        f"Medians (minimum to maximum) of {parameters.rounds} rounds of {parameters.seconds} s per load, "
        f"{parameters.spread_seconds} s with events spread over tenants. The ratio "
        "is computed per round, whose loads run one after the other. wrk shares the cores with the server.",
        *notes,
    ]
    return "\n\n".join(lines)


def output(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.split("\n")[0].strip()


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.machine()


def write(page, text):
    """Replaces the text between the two markers."""
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    if not after:
        raise RuntimeError(f"{page} has no place for the table")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
