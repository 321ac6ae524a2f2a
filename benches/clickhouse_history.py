"""The made-up history that every layout is filled with."""

TABLE = "layouts_bench.events"
BATCH = 1_000_000  # rows of one INSERT while a table is filled
DAY_US = 86_400_000_000
START_US = 1_764_547_200_000_000  # 2025-12-01T00:00:00Z


class History:
    """The same events for everyone: event `number` of `events` follows from its number alone."""

    def __init__(self, events):
        self.events = events
        self.stored = events  # grows with what is inserted after the filling
        self.records = max(1, events // 30)
        self.step_us = 180 * DAY_US // events

    def select(self, first, count, where="1"):
        # Odd sources have no events, and are not beyond the range of those that have.
        # Three events share each microsecond, so that the order within one counts as well.
        return f"""SELECT reinterpret(sipHash128(number), 'UUID') AS event_id,
            toInt64({START_US} + intDiv(number, 3) * 3 * {self.step_us}) AS time_us,
            toUInt8(6) AS time_digits, toInt32(1 + sipHash64(number, 1) % 10) AS event_type_id,
            toInt64(sipHash64(number, 2) % {self.records}) AS record_id,
            toInt64(sipHash64(number, 3) % 1000 * 2) AS source_id,
            toInt32(sipHash64(number, 4) % 4) AS source_type_id, '' AS source_name, '' AS source_info,
            if(sipHash64(number, 5) % 10 = 0, reinterpret(sipHash128(number, 5), 'UUID'), NULL) AS file_id,
            concat('[{{"field":"status","from":"draft","to":"', hex(sipHash64(number, 6)), '"}}]')
                AS event_data
            FROM numbers({first}, {count}) WHERE {where}"""

    def fill(self, server):
        for first in range(0, self.events, BATCH):
            count = min(BATCH, self.events - first)
            server.run(f"INSERT INTO {TABLE} {self.select(first, count)}")
            self.repeat(server, first, count)

    def repeat(self, server, first, count):
        """Inserts 1 % of these events a second time."""
        server.run(f"INSERT INTO {TABLE} {self.select(first, count, 'sipHash64(number, 7) % 100 = 0')}")

    def ids(self, server, run, count, fresh):
        """Ids that are stored, or (`fresh`) that are not, others in each run."""
        stored = f"toUInt64((number * 7919 + {run * 104729}) % {self.events})"
        of = f"number + {run * count}, 99" if fresh else stored
        answer = server.text(f"SELECT reinterpret(sipHash128({of}), 'UUID') FROM numbers({count})")
        return ", ".join(f"'{line}'" for line in answer.split())
