"""A connection to ClickHouse, and a way to start one where none is installed."""

import ctypes
import http.client
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse


class Server:
    """One kept-alive connection to ClickHouse's HTTP interface."""

    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.http = http.client.HTTPConnection(parts.hostname, parts.port or 8123, timeout=900)
        self.http.connect()
        self.http.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.auth = {}
        if parts.username:
            self.auth = {"X-ClickHouse-User": parts.username, "X-ClickHouse-Key": parts.password or ""}

    def run(self, sql, body=None, **settings):
        """Answer, milliseconds, and ClickHouse's own summary of one statement."""
        query = {
            "wait_end_of_query": 1,  # else the summary comes before the work is done
            "use_query_condition_cache": 0,
            "async_insert": 0,
            **settings,
        }
        if body is not None:
            query["query"] = sql
        started = time.perf_counter()
        data = sql.encode() if body is None else body
        self.http.request("POST", "/?" + urllib.parse.urlencode(query), data, self.auth)
        answer = self.http.getresponse()
        content = answer.read()
        ms = (time.perf_counter() - started) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{content.decode(errors='replace')[:600]}\nin: {sql[:600]}")
        return content, ms, json.loads(answer.headers["X-ClickHouse-Summary"])

    def text(self, sql, **settings):
        return self.run(sql, **settings)[0].decode().strip()


def run_engine(lib, path, port):
    """Becomes ClickHouse: libchdb.so runs clickhouse-local, and a statement opens its HTTP interface."""
    never_written, _keep_open = os.pipe()
    arguments = [
        "clickhouse-local", "--path", path, "--listen_host", "127.0.0.1", "--http_port", port,
        "--query", "SYSTEM START LISTEN HTTP",
        # Reading a pipe that nobody writes to keeps the engine up.
        "--query", f"SELECT count() FROM file('/dev/fd/{never_written}', LineAsString)",
    ]  # fmt: skip
    engine = ctypes.CDLL(os.path.abspath(lib))
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    packed = (ctypes.c_char_p * len(arguments))(*(argument.encode() for argument in arguments))
    engine.chdb_query_cmdline(len(arguments), packed)
    sys.exit("the engine ended")


def start_engine(lib, path):
    """Starts the engine in a process of its own; returns the process and its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    os.makedirs(path, exist_ok=True)
    command = [sys.executable, __file__, lib, path, str(port)]
    process = subprocess.Popen(command)
    for _ in range(300):
        try:
            Server(f"http://127.0.0.1:{port}").text("SELECT 1")
            return process, f"http://127.0.0.1:{port}"
        except OSError:
            if process.poll() is not None:
                sys.exit("the engine did not start")
            time.sleep(0.1)
    process.kill()
    sys.exit("the engine does not answer")


if __name__ == "__main__":
    run_engine(*sys.argv[1:])
