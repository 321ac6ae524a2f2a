"""The servers of a run, each on its own free loopback port, and the programs that go with them."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from load import API_KEY, outcome

ROOT = pathlib.Path(__file__).parents[2]
DIST = ["--profile", "dist"]  # what the image is built with
START_SECONDS = 60
CREATED_AT_ONCE = 8  # tenants
MERGES_SECONDS = 1800
IDLE_SECONDS = 30
IDLE_STEP_SECONDS = 0.4
STOP_SECONDS = 120  # checkpointing a large database takes a while
# Example keys: only signing matters, and no request leaves this machine.
AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "AWS_DEFAULT_REGION": "eu-west-2",
}
S3 = "s3://cluster-1-namespace-2?region=eu-west-2"
# Ignores any proxy in the environment.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Server:
    """A child process that answers HTTP; a context manager that stops it."""

    def __init__(self, command, environment=None, url=None):
        started = time.perf_counter()
        self.process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.url = url
        if url is None:  # it chose the port itself and prints it
            line = self.process.stdout.readline()
            self.start_ms = (time.perf_counter() - started) * 1000
            if not line:
                raise RuntimeError(f"{command[0]} did not start")
            self.url = line.split()[-1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def request(self, method, path, body=None, client_id=None):
        """Returns the body of a successful answer; any other status is an error."""
        headers = {"X-API-Key": API_KEY, "Content-Type": "application/json"}
        if client_id:
            headers["X-Client-Id"] = client_id
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        with DIRECT.open(request, timeout=START_SECONDS) as answer:
            return answer.read()

    def create_tenant(self, name):
        body = {"database_name": name, "client_label": "bench"}
        return json.loads(self.request("POST", "/api/initialize-tenant", body))["client_id"]

    def create_tenants(self, names):
        """Returns the client ids of new tenants, which are created several at once. What may succeed later (503) is
        sent again, as a caller would."""

        def create(name):
            for pause in (0.2, 1, 5, 10):
                try:
                    return self.create_tenant(name)
                except urllib.error.HTTPError as error:
                    if error.code != 503:
                        raise
                time.sleep(pause)
            return self.create_tenant(name)

        with concurrent.futures.ThreadPoolExecutor(CREATED_AT_ONCE) as threads:
            return list(threads.map(create, names))

    def wait_until_it_answers(self, path):
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                return self.request("GET", path)
            except urllib.error.HTTPError:
                return None
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
        raise RuntimeError(f"nothing answers at {self.url}")

    def wait_until_idle(self):
        """Waits until what the last load left to do is done, or for IDLE_SECONDS."""
        end, before = time.monotonic() + IDLE_SECONDS, self.cpu_seconds()
        while time.monotonic() < end:
            time.sleep(IDLE_STEP_SECONDS)
            now = self.cpu_seconds()
            if now - before < 0.1 * IDLE_STEP_SECONDS:
                return
            before = now

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory_mb(self, field):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024 / 1e6


class Service(Server):
    """The service as installed; its log is written and discarded."""

    def __init__(self, binary, folder, database=None, files=S3):
        self.folder = pathlib.Path(folder)
        environment = {
            **AWS,
            "EVENT_HISTORY_API_KEY": API_KEY,
            "EVENT_HISTORY_LISTEN": "127.0.0.1:0",
            "EVENT_HISTORY_DATABASE": database or f"sqlite:{folder}",
            "EVENT_HISTORY_FILES": files,
        }
        super().__init__([binary, "serve"], environment)

    def database_file(self, name):
        return self.folder / "tenants" / f"{name}.db"

    def with_batch(self, load):
        """Returns the outcome of a load and how many events shared a commit during it."""
        outcome, batch, _ = self.with_commits(load)
        return outcome, batch

    def with_commits(self, load):
        """Returns the outcome of a load, how many events shared a commit during it, and how many commits were in
        flight at once on average; both at least 1."""
        before, started = self.commits(), time.monotonic()
        outcome = load()
        elapsed, after = time.monotonic() - started, self.commits()
        events, commits, seconds = (now - then for now, then in zip(after, before, strict=True))
        return outcome, max(1, round(events / commits)), max(1, round(seconds / elapsed))

    def commits(self):
        """Returns the numbers of events stored and of commits so far, and the time that these took in total."""
        metrics = self.request("GET", "/metrics").decode()

        def value(name):
            found = re.search(rf"^event_history_commit_{name} (\S+)$", metrics, re.MULTILINE)
            return float(found[1]) if found else 0.0

        return value("events_sum"), value("events_count"), value("duration_seconds_sum")


class Baselines:
    """The program benches/baselines."""

    def __init__(self, binary):
        self.binary = binary

    def run(self, *arguments):
        command = [str(part) for part in (self.binary, *arguments)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    def load(self, *arguments):
        return outcome(self.run(*arguments))

    def append(self, engine, table, keys, batch, concurrency, seconds, events=None):
        """Looks up and inserts batches of new events in a table."""
        most = () if events is None else ("--events", events)
        at = ("--url", engine.url, "--database", table.database, "--table", table.table, "--keys", keys)
        return self.load(
            "clickhouse-append", *at, "--batch", batch, "--concurrency", concurrency, "--seconds", seconds, *most
        )

    def batches(self, server, client_id, events, batch, connections):
        """Sends new events in batches."""
        to = ("--address", urllib.parse.urlsplit(server.url).netloc, "--api-key", API_KEY, "--client-id", client_id)
        return self.load("batches", *to, "--events", events, "--batch", batch, "--connections", connections)

    def query(self, engine, statements, keys, seconds):
        """Sends statements to ClickHouse at once, over and over."""
        repeated = [argument for statement in statements for argument in ("--statement", statement)]
        return self.load("clickhouse-query", "--url", engine.url, *repeated, "--keys", keys, "--seconds", seconds)

    def fill(self, database, name, events, records=1000, words=False):
        """Returns the client id of a tenant with so many events, of so many records by turns, perhaps with words of
        their own."""
        history = ("--name", name, "--events", events, "--records", records, *(["--words"] if words else []))
        return self.run("fill", "--database", database, *history)["client_id"]

    def http(self, status, size):
        return Server([self.binary, "http", "--status", status, "--size", size])


class Reference:
    """The reference implementation (benches/reference), in its own virtual environment."""

    FOLDER = ROOT / "benches/reference"

    def __init__(self, folder):
        self.venv = folder / "reference-venv"
        stamp = self.venv / "installed"
        requirements = self.FOLDER / "requirements.txt"
        if not stamp.exists() or stamp.read_text() != requirements.read_text():
            subprocess.run([sys.executable, "-m", "venv", "--clear", self.venv], check=True)
            pip = [self.venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "-r", requirements], check=True)
            stamp.write_text(requirements.read_text())

    def environment(self, folder):
        return {**AWS, "REFERENCE_API_KEY": API_KEY, "REFERENCE_DATABASE": f"{folder}/reference.db"}

    def start(self, folder):
        """Starts two workers, one for each core of the machine that the targets were set on."""
        port = free_port()
        command = [self.venv / "bin/uvicorn", "--app-dir", self.FOLDER, "service:app"]
        command += ["--port", port, "--workers", 2, "--no-access-log", "--log-level", "warning"]
        server = Server(command, self.environment(folder), f"http://127.0.0.1:{port}")
        server.wait_until_it_answers("/openapi.json")
        return server

    def fill(self, folder, name, events):
        command = [self.venv / "bin/python", self.FOLDER / "service.py", name, str(events)]
        environment = {**os.environ, **self.environment(folder)}
        done = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE, text=True)
        return done.stdout.strip()


class ClickHouse(Server):
    """ClickHouse's engine, from the library that tests/run installs."""

    LIBRARY = ROOT / "target/test-tools/clickhouse/libchdb.so"
    LAUNCHER = ROOT / "tests/it/python/clickhouse.py"

    def __init__(self, folder):
        port = free_port()
        command = [sys.executable, self.LAUNCHER, self.LIBRARY, folder, port]
        super().__init__(command, url=f"http://127.0.0.1:{port}")
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("ClickHouse's engine did not start")
        self.setting = f"clickhouse://default@127.0.0.1:{port}"

    def ask(self, sql, **settings):
        url = f"{self.url}/?{urllib.parse.urlencode(settings)}"
        with DIRECT.open(url, sql.encode(), timeout=1800) as answer:
            return answer.read().decode().strip()

    def wait_for_merges(self):
        """Waits, so that background merges do not disturb the next measurement."""
        end, quiet = time.monotonic() + MERGES_SECONDS, 0
        while quiet < 3:  # one merge may follow another a moment later
            if time.monotonic() > end:
                raise RuntimeError("merges do not end")
            time.sleep(0.1)
            quiet = 0 if int(self.ask("SELECT count() FROM system.merges")) else quiet + 1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def build(debug):
    """Builds the service and benches/baselines; returns both programs."""
    baselines = build_baselines(debug)
    if not debug:
        # Last, because the step before leaves a binary built with the test dependencies' features.
        subprocess.run(["cargo", "build", "--locked", *DIST, "--bin", "event-history"], cwd=ROOT, check=True)
    return ROOT / "target" / ("debug" if debug else "dist") / "event-history", baselines


def build_baselines(debug):
    command = ["cargo", "build", "--locked", *([] if debug else DIST), "--bench", "baselines"]
    command += ["--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in built.splitlines()]
    return Baselines(next(it["executable"] for it in messages if it.get("target", {}).get("name") == "baselines"))


def installed(program):
    return shutil.which(program) is not None
