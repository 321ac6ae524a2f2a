"""Serves ClickHouse's HTTP interface out of its engine as a library, until TERM or the parent's end.

usage: clickhouse.py LIBRARY FOLDER PORT [CONFIG.xml]

Prints `ready` once the engine answers. The library is a whole ClickHouse: what is asked over HTTP runs
in the real parser, planner and storage, users and limits of CONFIG.xml included.
"""

import ctypes
import os
import signal
import sys
import threading
import time
import urllib.request

PAUSE_SECONDS = 0.02
PARENT_PAUSE_SECONDS = 0.2


def command_line(folder, port, config, statements=(), options=()):
    """Returns a command line of clickhouse-local that runs `statements`, opens the HTTP port and then never ends."""
    silence, _ = os.pipe()  # nobody writes: whoever reads it waits for ever
    line = ["clickhouse-local", "--path", folder, "--http_port", port, *options]
    if config:
        line += [f"--config-file={config}"]
    for statement in (*statements, "SYSTEM START LISTEN HTTP"):
        line += ["--query", statement]
    line += ["--query", f"SELECT count() FROM file('/dev/fd/{silence}', LineAsString)"]
    return [argument.encode() for argument in line]


def serve(library, line):
    """Runs the engine. It ends only when something is wrong, and says what."""
    engine = ctypes.CDLL(library)
    engine.chdb_query_cmdline.restype = ctypes.c_void_p
    engine.chdb_result_error.argtypes = [ctypes.c_void_p]
    engine.chdb_result_error.restype = ctypes.c_char_p
    result = engine.chdb_query_cmdline(len(line), (ctypes.c_char_p * len(line))(*line))
    reason = engine.chdb_result_error(result) if result else None
    print("the engine ended:", (reason or b"no reason given").decode(errors="replace"), file=sys.stderr)
    sys.stderr.flush()
    os._exit(1)


def wait_until_ready(port):
    # Without the proxy that the environment may name.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            if direct.open(f"http://127.0.0.1:{port}/ping", timeout=1).read() == b"Ok.\n":
                return
        except OSError:
            time.sleep(PAUSE_SECONDS)


def main(library, folder, port, config=None):
    parent = os.getppid()
    line = command_line(folder, port, config, options=["--listen_host", "127.0.0.1"])
    threading.Thread(target=serve, args=(library, line), daemon=True).start()
    wait_until_ready(port)
    print("ready", flush=True)
    while os.getppid() == parent:
        time.sleep(PARENT_PAUSE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
