"""Loads: what is sent, how fast, and what came of it."""

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
TIMEOUT = "30s"  # the slowest page is slow, and no error


@dataclasses.dataclass(frozen=True)
class Outcome:
    rate: float  # a second
    p50_ms: float
    p99_ms: float

    @property
    def each_ms(self):
        return 1000 / self.rate


def wrk(url, connections, seconds, *script, client_id=None):
    """Sends as fast as answers come, on kept-alive connections, each answer awaited before the next."""
    headers = ["-H", f"X-API-Key: {API_KEY}", "-H", "Content-Type: application/json"]
    if client_id:
        headers += ["-H", f"X-Client-Id: {client_id}"]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", TIMEOUT]
    command += [*headers, "-s", str(SCRIPT), url, "--", *(script or ["fixed"])]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    said = json.loads(answer.splitlines()[-1])
    # What is refused is refused fast: no figure is worth anything with a failure in it.
    if said["failed"] or said["refused"]:
        raise RuntimeError(f"{' '.join(command)}: {said}")
    if not said["requests"]:  # one answer takes longer than all the time there was
        return wrk(url, connections, seconds * 4, *script, client_id=client_id)
    return Outcome(said["requests"] / said["seconds"], said["p50_ms"], said["p99_ms"])


def wrk_events(server, name, connections, seconds):
    """New events for the tenant of this database name."""
    return wrk(server.url + CREATE_EVENT, connections, seconds, "events", name)


def paced_events(floors, server, name, connections, rate, seconds):
    """New events at a rate; times count from when each was due."""
    address = urllib.parse.urlsplit(server.url).netloc
    return floors.load(
        "pace", "--address", address, "--api-key", API_KEY, "--name", name,
        "--connections", connections, "--rate", rate, "--seconds", seconds,
    )  # fmt: skip


def outcome(said):
    """What a line of JSON of `floors` says."""
    return Outcome(said["events"] / said["seconds"], said["p50_ms"], said["p99_ms"])


def envelope(name, file_id=None):
    """One event, for what a load needs before it begins."""
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    detail = {"event_id": str(uuid.uuid4()), "event_time": now, "event_type_id": 7, "record_id": 0,
              "source_id": 7, "source_type_id": 0, "event_data": []}  # fmt: skip
    if file_id:
        detail["file_id"] = file_id
    return {"source": name, "detail": detail}


def span(numbers):
    """The least and the greatest of some numbers, as one would say it."""
    least, greatest = min(numbers), max(numbers)
    return f"{least}" if least == greatest else f"{least} to {greatest}"


def on(connections):
    return f"{connections} connection{'s' if connections > 1 else ''}"
