"""Loads: the requests, their rate and their outcome."""

import dataclasses
import datetime
import json
import pathlib
import subprocess
import urllib.parse
import uuid

API_KEY = "bench-key"
SCRIPT = pathlib.Path(__file__).with_name("wrk.lua")
CREATE_EVENT = "/api/event-bridge/create-event"
EVENTS = "/api/history/events"
TIMEOUT = "30s"  # the slowest page is slow, not an error


@dataclasses.dataclass(frozen=True)
class Outcome:
    rate: float  # a second
    p50_ms: float
    p99_ms: float

    @property
    def each_ms(self):
        return 1000 / self.rate


def wrk(url, connections, seconds, *script, client_id=None):
    """Sends as fast as answers arrive, on kept-alive connections, one request at a time on each."""
    headers = ["-H", f"X-API-Key: {API_KEY}", "-H", "Content-Type: application/json"]
    if client_id:
        headers += ["-H", f"X-Client-Id: {client_id}"]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", TIMEOUT]
    command += [*headers, "-s", str(SCRIPT), url, "--", *(script or ["fixed"])]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    summary = json.loads(answer.splitlines()[-1])
    # Refusals are fast: a figure with a failure in it is worthless.
    if summary["failed"] or summary["refused"]:
        raise RuntimeError(f"{' '.join(command)}: {summary}")
    if not summary["requests"]:  # one answer took longer than the whole run
        return wrk(url, connections, seconds * 4, *script, client_id=client_id)
    return Outcome(summary["requests"] / summary["seconds"], summary["p50_ms"], summary["p99_ms"])


def wrk_events(server, name, connections, seconds, tenants=None):
    """New events for the tenant of this database name, or spread over so many, named `<name>_<number>`."""
    spread = [] if tenants is None else [str(tenants)]
    return wrk(server.url + CREATE_EVENT, connections, seconds, "events", name, *spread)


def wrk_keys(server, path, keys, connections, seconds):
    """GET requests of random tenants and events of a file of keys (see wrk.lua)."""
    return wrk(server.url, connections, seconds, "keys", path, str(keys))


def fixed_rate_events(baselines, server, name, connections, rate, seconds, tenants=None):
    """New events at a fixed rate; latency counts from when each was due."""
    address = urllib.parse.urlsplit(server.url).netloc
    spread = [] if tenants is None else ["--tenants", tenants]
    return baselines.load(
        "fixed-rate", "--address", address, "--api-key", API_KEY, "--name", name,
        "--connections", connections, "--rate", rate, "--seconds", seconds, *spread,
    )  # fmt: skip


def outcome(summary):
    """Reads the line of JSON that `baselines` prints."""
    return Outcome(summary["events"] / summary["seconds"], summary["p50_ms"], summary["p99_ms"])


def envelope(name, file_id=None):
    """One event, to set up a load."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    detail = {"event_id": str(uuid.uuid4()), "event_time": now, "event_type_id": 7, "record_id": 0,
              "source_id": 7, "source_type_id": 0, "event_data": []}  # fmt: skip
    if file_id:
        detail["file_id"] = file_id
    return {"source": name, "detail": detail}


def span(numbers):
    """The range of some numbers, in words."""
    least, greatest = min(numbers), max(numbers)
    return f"{least}" if least == greatest else f"{least} to {greatest}"


def on(connections):
    return f"{connections} connection{'s' if connections > 1 else ''}"
