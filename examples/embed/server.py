#!/usr/bin/env python3
"""The backend of the example pages: it holds the API key, and gives the pages view tokens.

It serves the pages of this folder for one tenant. It authenticates nobody; your own application must, and must decide
which record its caller may see.

Uses only the standard library. EVENT_HISTORY_URL, EVENT_HISTORY_API_KEY and EVENT_HISTORY_CLIENT_ID select the service
and the tenant, --listen the address of the pages.
"""

import argparse
import http.server
import json
import os
import pathlib
import re
import sys
import urllib.parse
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parent
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
# The service, as the pages name it.
SERVICE_IN_PAGES = "http://127.0.0.1:8080"

# The page's request is smaller: the id of a record.
MAX_BODY_BYTES = 1024
TIMEOUT_SECONDS = 30


class Refused(Exception):
    def __init__(self, status, detail):
        super().__init__(detail)
        self.status, self.detail = status, detail


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Treats a redirect as the answer: urllib would send the API key along."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


class Handler(http.server.BaseHTTPRequestHandler):
    timeout = TIMEOUT_SECONDS  # for a request to arrive
    # Set by main.
    service, headers_of_service, expires_in = None, None, None

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path
        name = {"/": "plain.html", "/react/": "react/dist/index.html"}.get(path, path[1:])
        name = re.sub(r"^react/(?!dist/)", "react/dist/", name)
        file = (FOLDER / name).resolve()
        content_type = TYPES.get(file.suffix)
        if not file.is_relative_to(FOLDER) or not content_type or not file.is_file():
            return self.send(404, "text/plain", b"Not Found")
        body = file.read_bytes()
        if file.suffix == ".html":
            body = body.replace(SERVICE_IN_PAGES.encode(), self.service.encode())
        return self.send(200, content_type, body)

    def do_POST(self):
        try:
            status, body = 200, self.token()
        except Refused as refused:
            status, body = refused.status, {"detail": refused.detail}
        except ValueError:
            status, body = 400, {"detail": "The request is invalid."}
        self.send(status, "application/json", json.dumps(body).encode())

    def token(self):
        if self.path != "/token":
            raise Refused(404, "Not Found")
        # A page of another origin can send forms and text without being asked, but no JSON.
        if self.headers.get_content_type() != "application/json":
            raise Refused(415, "The request is not JSON.")
        length = self.headers.get("Content-Length", "")
        if not re.fullmatch("[0-9]{1,9}", length) or int(length) > MAX_BODY_BYTES:
            raise Refused(413, "The request is too large.")
        asked = json.loads(self.rfile.read(int(length)))
        # Here your application asks who this is, and which records they may see.
        record = asked.get("record_id") if isinstance(asked, dict) else None
        if not isinstance(record, int):
            raise Refused(400, "The request names no record.")
        body = json.dumps({"record_id": record, "expires_in": self.expires_in}).encode()
        url = f"{self.service}/api/view-tokens"
        request = urllib.request.Request(url, body, self.headers_of_service, method="POST")
        try:
            with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return {"token": json.load(answer)["token"]}
        except OSError:
            raise Refused(502, "Event History gives no token.") from None

    def policy(self):
        """Returns what the pages need, and nothing else."""
        return (
            f"default-src 'none'; script-src 'self' {self.service}; style-src 'self'; connect-src 'self' {self.service}; "
            "img-src blob:; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; "
            "require-trusted-types-for 'script'; trusted-types lit-html"
        )

    def send(self, status, content_type, body):
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.policy())
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    parser.add_argument("--expires-in", type=int, default=900, metavar="SECONDS", help="of the tokens")
    arguments = parser.parse_args()
    host, _, port = arguments.listen.rpartition(":")
    try:
        key, client_id = os.environ["EVENT_HISTORY_API_KEY"], os.environ["EVENT_HISTORY_CLIENT_ID"]
    except KeyError as missing:
        sys.exit(f"server.py: {missing.args[0]} is not set")
    Handler.service = os.environ.get("EVENT_HISTORY_URL", SERVICE_IN_PAGES).rstrip("/")
    Handler.headers_of_service = {"X-API-Key": key, "X-Client-Id": client_id}
    Handler.expires_in = arguments.expires_in
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listening on http://{host}:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
