"""How a run measures, and at what scale."""

import concurrent.futures
import contextlib
import dataclasses
import pathlib
import tempfile

from load import wrk


@dataclasses.dataclass(frozen=True)
class Parameters:
    rounds: int  # of each load
    seconds: int  # of each load; wrk takes whole ones
    warm_up: bool  # whether each load runs once first, unmeasured
    connections: tuple
    sizes: tuple  # events of the tenants on SQLite whose pages are read
    record_events: int  # of the record that is replayed
    exported: int  # events of an export
    growth: tuple  # of these, the two between which a new event should cost the same
    clickhouse_sizes: tuple  # a small history, a large one, and how large that becomes for reading
    sqlite_tenants: tuple  # that new events are spread over, the second of which others are compared with
    tenants: tuple  # the same on ClickHouse, compared with the first
    spread_seconds: int  # of each such load
    created: int  # tenants whose creation is measured, with and without others
    stored: tuple  # events on ClickHouse while new ones are spread and histories are read
    stored_tenants: tuple  # that these belong to
    big_tenant: int  # events of the tenant that is deleted
    batched: int  # events that are sent in batches
    starts: int


FULL = Parameters(
    rounds=5,
    seconds=2,
    warm_up=True,
    connections=(1, 32, 256),
    sizes=(10**4, 10**5, 10**6, 10**7),
    record_events=10**4,
    exported=5 * 10**6,
    growth=(10**5, 10**7),
    clickhouse_sizes=(10**5, 10**7, 2 * 10**7),
    sqlite_tenants=(1, 50, 100, 1000, 10_000),
    tenants=(1, 100, 1000, 10_000),
    spread_seconds=4,
    created=50,
    stored=(3 * 10**6, 2 * 10**7),
    stored_tenants=(1, 1000, 10_000),
    big_tenant=10**6,
    batched=10**6,
    starts=21,
)
# Shows that everything runs; the figures mean little.
QUICK = Parameters(
    rounds=1,
    seconds=1,
    warm_up=False,
    connections=(1, 32),
    sizes=(10**4, 10**5),
    record_events=1000,
    exported=2 * 10**4,
    growth=(10**4, 10**5),
    clickhouse_sizes=(10**4, 10**5, 2 * 10**5),
    sqlite_tenants=(1, 5, 20, 40),
    tenants=(1, 10, 20),
    spread_seconds=1,
    created=3,
    stored=(20_000,),
    stored_tenants=(1, 10, 20),
    big_tenant=1000,
    batched=2 * 10**4,
    starts=5,
)


@dataclasses.dataclass(frozen=True)
class Bench:
    """The context of a case."""

    parameters: Parameters
    service: pathlib.Path
    baselines: object
    reference: object  # None where it could not be installed
    folder: pathlib.Path

    @contextlib.contextmanager
    def new_folder(self):
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield pathlib.Path(folder)

    def alternate(self, loads):
        """Runs each load once per round and returns the outcomes by name. A load is a function of the
        round's number; the load that goes first changes from round to round."""
        if self.parameters.warm_up:
            for load in loads.values():
                load("warm")
        outcomes = {name: [] for name in loads}
        names = list(loads)
        for number in range(self.parameters.rounds):
            first = number % len(names)
            for name in names[first:] + names[:first]:
                outcomes[name].append(loads[name](number))
        return outcomes

    @contextlib.contextmanager
    def at_once(self, load):
        """Runs a load in the background. If it fails, so does this."""
        with concurrent.futures.ThreadPoolExecutor() as threads:
            running = threads.submit(load)
            yield
            running.result()

    def get(self, server, path, connections, client_id=None, script=("fixed",)):
        """A load of GET requests."""
        url, seconds = server.url + path, self.parameters.seconds
        return lambda _: wrk(url, connections, seconds, *script, client_id=client_id)
