"""The reference implementation: the same API as a Python team would first write it, with FastAPI, boto3 and one
SQLite database.

`just bench` compares the service with it. It has no batching and no tuning, and leaves out nothing that the
documented answers need. Run as a program it fills a tenant's history:

    service.py DATABASE_NAME EVENTS    # prints the tenant's client id

REFERENCE_DATABASE names the database's file.
"""

import datetime
import hmac
import json
import os
import sqlite3
import sys
import threading
import uuid
from typing import Annotated

import boto3
from botocore.config import Config
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel

API_KEY = os.environ.get("REFERENCE_API_KEY", "bench-key")
BUCKET = "cluster-1-namespace-2"
URL_LIFE_SECONDS = 15 * 60
COLUMNS = (
    "event_id",
    "event_time",
    "event_type_id",
    "record_id",
    "source_id",
    "source_type_id",
    "event_data",
)
SCHEMA = """
    CREATE TABLE IF NOT EXISTS tenants (
        client_id TEXT PRIMARY KEY, database_name TEXT NOT NULL UNIQUE, client_label TEXT NOT NULL
    );
    CREATE TABLE IF NOT EXISTS events (
        database_name TEXT NOT NULL, event_id TEXT NOT NULL, event_time TEXT NOT NULL,
        event_type_id INTEGER NOT NULL, record_id INTEGER NOT NULL, source_id INTEGER NOT NULL,
        source_type_id INTEGER NOT NULL, event_data TEXT NOT NULL,
        PRIMARY KEY (database_name, event_id)
    );
    CREATE INDEX IF NOT EXISTS events_by_time ON events (database_name, event_time);
    CREATE INDEX IF NOT EXISTS events_by_record ON events (database_name, record_id, event_time);
"""

app = FastAPI()
storage = boto3.client("s3", config=Config(signature_version="s3v4", s3={"addressing_style": "path"}))
of_thread = threading.local()


def database():
    """The connection of this thread; FastAPI runs plain handlers on a pool of them."""
    if not hasattr(of_thread, "connection"):
        connection = sqlite3.connect(os.environ["REFERENCE_DATABASE"], timeout=60, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(SCHEMA)
        of_thread.connection = connection
    return of_thread.connection


def caller(x_api_key: Annotated[str | None, Header()] = None):
    if not hmac.compare_digest((x_api_key or "").encode(), API_KEY.encode()):
        raise HTTPException(401, "Unauthorized API Key.")


def tenant(_: Annotated[None, Depends(caller)], x_client_id: Annotated[str | None, Header()] = None):
    if not x_client_id:
        raise HTTPException(400, "Unauthorized Client.")
    find = "SELECT database_name FROM tenants WHERE client_id = ?"
    found = database().execute(find, (x_client_id,)).fetchone()
    if found is None:
        raise HTTPException(400, "Failed to connect to tenant db.")
    return found[0]


Caller = Annotated[None, Depends(caller)]
Tenant = Annotated[str, Depends(tenant)]


class NewTenant(BaseModel):
    database_name: str
    client_label: str


class Detail(BaseModel):
    event_id: uuid.UUID
    event_time: datetime.datetime
    event_type_id: int
    record_id: int
    source_id: int
    source_type_id: int
    event_data: list


class Envelope(BaseModel):
    source: str
    detail: Detail


@app.post("/api/initialize-tenant", status_code=201)
def initialize_tenant(body: NewTenant, _: Caller):
    client_id = str(uuid.uuid4())
    row = (client_id, body.database_name, body.client_label)
    try:
        database().execute("INSERT INTO tenants VALUES (?, ?, ?)", row)
    except sqlite3.IntegrityError:
        raise HTTPException(400, "Client already exist.") from None
    return {"client_id": client_id, "database_name": body.database_name}


@app.get("/api/files/upload-url")
def upload_url(tenant: Tenant):
    file_id = str(uuid.uuid4())
    target = {"Bucket": BUCKET, "Key": f"{tenant}/{file_id}"}
    url = storage.generate_presigned_url("put_object", Params=target, ExpiresIn=URL_LIFE_SECONDS)
    return {"upload_url": url, "file_id": file_id}


@app.post("/api/event-bridge/create-event", status_code=201)
def create_event(envelope: Envelope, _: Caller):
    find = "SELECT 1 FROM tenants WHERE database_name = ?"
    if database().execute(find, (envelope.source,)).fetchone() is None:
        raise HTTPException(400, f"'{envelope.source}' tenant not found in database.")
    detail = envelope.detail
    row = (
        envelope.source,
        str(detail.event_id),
        detail.event_time.astimezone(datetime.timezone.utc).isoformat(),
        detail.event_type_id,
        detail.record_id,
        detail.source_id,
        detail.source_type_id,
        json.dumps(detail.event_data),
    )
    database().execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    return {"detail": "Event stored."}


@app.get("/api/history/events")
def events(tenant: Tenant, record_id: int | None = None, limit: int = 50, offset: int = 0):
    of_tenant, matching, values = "database_name = ?", "database_name = ?", [tenant]
    if record_id is not None:
        matching, values = f"{matching} AND record_id = ?", [tenant, record_id]

    def count(where, values):
        return database().execute(f"SELECT count(*) FROM events WHERE {where}", values).fetchone()[0]

    page = (
        f"SELECT {', '.join(COLUMNS)} FROM events WHERE {matching} "
        "ORDER BY event_time DESC, event_id DESC LIMIT ? OFFSET ?"
    )
    rows = database().execute(page, [*values, limit, offset])
    results = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    for result in results:
        result["event_data"] = json.loads(result["event_data"])
    return {
        "limit": limit,
        "offset": offset,
        "total_count": count(of_tenant, [tenant]),
        "filtered_count": count(matching, values),
        "results": results,
    }


def fill(name, count):
    client_id = str(uuid.uuid4())
    now = datetime.datetime.now(datetime.timezone.utc)
    data = '[{"field":"status","old":"draft","new":"approved"}]'

    def row(number):
        time = now - datetime.timedelta(milliseconds=count - number)
        return (name, str(uuid.uuid4()), time.isoformat(), 7, number % 1000, 7, 0, data)

    database().execute("INSERT INTO tenants VALUES (?, ?, 'bench')", (client_id, name))
    database().execute("BEGIN")
    insert = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    database().executemany(insert, (row(number) for number in range(count)))
    database().execute("COMMIT")
    print(client_id)


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]))
