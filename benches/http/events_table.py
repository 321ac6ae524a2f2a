"""Tables of events on ClickHouse, found from outside in whatever layout a build creates, and histories for them."""

import dataclasses
import time

NEWEST_FIRST = "ORDER BY time_us DESC, UUIDToNum(event_id) DESC"
INSERT_EVENTS = 10**6  # of one INSERT that makes a history
PROJECTIONS = ("by_id", "by_record")
KEYS = 1000  # lines of a file of keys
STEP_US = 1000  # between two events of a history


@dataclasses.dataclass(frozen=True)
class History:
    """Events in the shape of benches/baselines/event.rs, of several tenants by turns. Each follows from its number
    alone, so that it can be inserted twice."""

    clients: list
    events: int
    ended_us: int = dataclasses.field(default_factory=lambda: time.time_ns() // 1000)

    def value(self, column):
        """Returns the value of a column in the row `number`, in SQL; of others the default is right."""
        return {
            "client_id": self.client(),
            # Looks random, and no two histories share one.
            "event_id": f"reinterpret(sipHash128(number, '{self.clients[0]}', {self.ended_us}), 'UUID')",
            "time_us": f"{self.ended_us} - ({self.events} - toInt64(number)) * {STEP_US}",
            "time_digits": "6",
            "event_type_id": "7",
            "record_id": f"intDiv(number, {len(self.clients)}) % 1000",
            "source_id": "7",
            "event_data": """'[{"field":"status","old":"draft","new":"approved"}]'""",
        }.get(column)

    def client(self):
        clients = ", ".join(f"'{client}'" for client in self.clients)
        return f"arrayElement([{clients}]::Array(UUID), number % {len(self.clients)} + 1)"

    def write_keys(self, engine, path):
        """Writes a file of keys: tenants, each with the id of one of its events."""
        # A prime, so that these are as many tenants as possible. The hash of a number depends on its type.
        numbers = f"SELECT toUInt64(number * 7919 % {self.events}) AS number FROM numbers({KEYS})"
        keys = engine.ask(
            f"SELECT concat(toString({self.client()}), ' ', toString({self.value('event_id')})) FROM ({numbers})",
            max_query_size=MAX_QUERY_BYTES,
        )
        path.write_text(f"{keys}\n")
        return path


MAX_QUERY_BYTES = 10**7  # the ids of all tenants


class EventsTable:
    """The table with the events of a tenant: its own, or one that all tenants share."""

    def __init__(self, engine, tenant):
        self.engine = engine
        found = engine.ask("SELECT database, table FROM system.projections WHERE name = 'by_id' FORMAT TSV")
        tables = [line.split("\t") for line in found.splitlines()]
        self.database, self.table = min([it for it in tables if it[0] == tenant] or tables)
        self.name = f"`{self.database}`.`{self.table}`"
        self.columns = engine.ask(
            "SELECT name FROM system.columns WHERE default_kind IN ('', 'DEFAULT') "
            f"AND database = '{self.database}' AND table = '{self.table}'"
        ).split()
        self.is_shared = "client_id" in self.columns

    def insert(self, history, where="1"):
        """Inserts those events of a history for which the condition on `number` is true."""
        values = {column: history.value(column) for column in self.columns if history.value(column)}
        for first in range(0, history.events, INSERT_EVENTS):
            numbers = f"numbers({first}, {min(INSERT_EVENTS, history.events - first)})"
            self.engine.ask(
                f"INSERT INTO {self.name} ({', '.join(values)}) "
                f"SELECT {', '.join(values.values())} FROM {numbers} WHERE {where}",
                max_query_size=MAX_QUERY_BYTES,
            )

    def select(self, columns, condition="1", final=False):
        """Returns a SELECT on the tenant of the parameter `client`."""
        tenant = "client_id = {client:UUID}" if self.is_shared else "1"
        return f"SELECT {columns} FROM {self.name}{' FINAL' * final} WHERE {tenant} AND {condition}"

    def count(self, client_id, what="count()", **settings):
        """Returns the value of an aggregate function over the events of a tenant."""
        return int(self.engine.ask(self.select(what), param_client=client_id, **settings))

    def physical_rows(self, client_id):
        """Returns how many rows of a tenant its files still hold, masked ones included, and those of projections."""
        rows = self.count(client_id, apply_deleted_mask=0)
        for projection in PROJECTIONS:
            table = f"mergeTreeProjection('{self.database}', '{self.table}', {projection})"
            sql = f"SELECT count() FROM {table} WHERE client_id = {{client:UUID}}"
            rows += int(self.engine.ask(sql, param_client=client_id))
        return rows

    def rows(self):
        return int(self.engine.ask(f"SELECT count() FROM {self.name}"))

    def bytes_per_event(self):
        return float(self.engine.ask(
            "SELECT sum(bytes_on_disk) / sum(rows) FROM system.parts "
            f"WHERE active AND database = '{self.database}' AND table = '{self.table}'"
        ))  # fmt: skip

    def run(self, verb, tail=""):
        """Runs a statement about the whole table: OPTIMIZE, TRUNCATE, SYSTEM STOP MERGES."""
        self.engine.ask(f"{verb} {self.name} {tail}")
