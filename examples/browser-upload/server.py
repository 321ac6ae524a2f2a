#!/usr/bin/env python3
"""The backend of the example page: it holds the API key, and forwards what the page may request.

It serves the page at / for one tenant. The bytes of files never pass through it: the page sends them to storage
itself. It authenticates nobody; your own application must, and must decide which record, type and source an
event names.

Uses only the standard library. EVENT_HISTORY_URL, EVENT_HISTORY_API_KEY and EVENT_HISTORY_CLIENT_ID select the
service and the tenant, --listen the page's address.
"""

import argparse
import datetime
import http.server
import json
import os
import pathlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
import uuid

PAGE = pathlib.Path(__file__).with_name("index.html")

# The page's requests are smaller: names and numbers.
MAX_BODY_BYTES = 16 * 1024

# The service answers within seconds.
TIMEOUT_SECONDS = 30

# What the page may request for an upload. A real application sets its own limits here instead of the page's.
TERMS = {"content_type", "content_length", "file_name", "expires_in"}
FORM_TERMS = {"content_type", "max_length", "file_name", "expires_in"}

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FILE = re.compile(rf"/events/({UUID})/file")
LENGTH = re.compile(r"[0-9]{1,9}")


class Refused(Exception):
    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Treats a redirect as the answer: urllib would send the API key along."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


class Service:
    """Event History, for one tenant."""

    def __init__(self, url, api_key, client_id):
        self.url = url.rstrip("/")
        self.headers = {"X-API-Key": api_key, "X-Client-Id": client_id}

    def call(self, method, path, query=None, body=None):
        url = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, self.headers, method=method)
        try:
            with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            try:
                detail = json.load(error)["detail"]
            except (ValueError, KeyError, TypeError):
                detail = "no reason given"
            # A redirect is not passed on: the page's request would follow it.
            status = error.code if error.code >= 400 else 502
            raise Refused(status, detail) from None
        except OSError:
            raise Refused(502, "Event History cannot be reached.") from None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_SECONDS  # for a request to arrive
    service = None  # set by main

    def do_GET(self):
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # the body is not read, and is not a next request
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/":
            return self.send(200, "text/html; charset=utf-8", PAGE.read_bytes())
        return self.answer(lambda: self.get(url))

    def do_POST(self):
        return self.answer(lambda: self.post(self.path, json.loads(self.body())))

    def get(self, url):
        if url.path == "/upload-url":
            asked = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))
            return self.service.call("GET", "/api/files/upload-url", only(asked, TERMS))
        if found := FILE.fullmatch(url.path):
            return self.service.call("GET", f"/api/history/events/{found[1]}/file")
        raise Refused(404, "Not Found")

    def post(self, path, asked):
        if path == "/upload-form":
            return self.service.call(
                "POST", "/api/files/upload-form", body=only(asked, FORM_TERMS)
            )
        if path == "/events":
            only(asked, {"file_id", "record_id"})
            event_id = str(uuid.uuid4())
            detail = {
                "event_id": event_id,
                "event_time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
                "event_type_id": 9,  # document_generated
                "record_id": asked.get("record_id"),
                "source_id": 0,
                "source_type_id": 0,  # user
                "event_data": [],
                "file_id": asked.get("file_id"),
            }
            self.service.call("POST", "/api/event-bridge/create-event", body={"detail": detail})
            return {"event_id": event_id}
        raise Refused(404, "Not Found")

    def body(self):
        # What is refused here is not read, and is not a next request.
        closes, self.close_connection = self.close_connection, True
        # A page of another origin can send forms and text without being asked, but no JSON.
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "The request is not JSON.")
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not LENGTH.fullmatch(length):
            raise Refused(411, "The request has no length.")
        if int(length) > MAX_BODY_BYTES:
            raise Refused(413, "The request is too large.")
        self.close_connection = closes
        return self.rfile.read(int(length))

    def answer(self, work):
        try:
            status, body = 200, work()
        except Refused as refused:
            status, body = refused.status, {"detail": refused.detail}
        except ValueError:
            status, body = 400, {"detail": "The request is invalid."}
        self.send(status, "application/json", json.dumps(body).encode())

    def send(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass  # download URLs are secrets


def only(asked, names):
    """Returns the request if it is an object with no other members than these."""
    if not isinstance(asked, dict) or asked.keys() - names:
        raise Refused(400, "The page may not ask for that.")
    return asked


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    host, _, port = parser.parse_args().listen.rpartition(":")
    try:
        Handler.service = Service(
            os.environ.get("EVENT_HISTORY_URL", "http://127.0.0.1:8080"),
            os.environ["EVENT_HISTORY_API_KEY"],
            os.environ["EVENT_HISTORY_CLIENT_ID"],
        )
    except KeyError as missing:
        sys.exit(f"server.py: {missing.args[0]} is not set")
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listening on http://{host}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
