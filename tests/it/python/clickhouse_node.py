"""Serves one node of a ClickHouse cluster out of ClickHouse's engine as a library, until it is killed.

usage: clickhouse_node.py LIBRARY FOLDER HTTP_PORT TCP_PORT INTERSERVER_HOST CONFIG.xml

CONFIG.xml names two <listen_host>s: where callers connect, and INTERSERVER_HOST, where other replicas
fetch parts at the same HTTP_PORT. Prints `ready` once the node answers and carries out ON CLUSTER statements.

If the environment has CLICKHOUSE_CLOCK, the path of a file of 8 bytes, what now64() returns is ahead by as many seconds as
that file holds (a signed little-endian number), from the moment that it is written there.

The library is made of clickhouse-local. It contains all code of a replica, but not the main function of
clickhouse-server, which sets a few things that replication needs. This file sets them in the memory of its own
process, so it works with one build of the library alone and refuses any other.
"""

import ctypes
import hashlib
import mmap
import os
import struct
import sys
import threading

from clickhouse import command_line, serve, wait_until_ready

DDL_QUEUE = "/clickhouse/task_queue/ddl"
DDL_REPLICAS = "/clickhouse/task_queue/replicas"

# Where things are in the file libchdb.so of @chdb/lib-linux-x64-gnu@26.7.3-stable.1.
EXPORTED = 0xF211700  # chdb_query_cmdline: what the addresses below are relative to
CREATE_HANDLER_FACTORY = 0x18395CC0
GET_INTERSERVER_ADDRESS = 0x1417C9C0
GET_INTERSERVER_SCHEME = 0x1417CAC0
GET_INTERSERVER_CREDENTIALS = 0x1417C940
IS_DDL_ALLOWED = 0x142891C0
DDL_WORKER_CONSTRUCTOR = 0x14243400
DDL_WORKER_STARTUP = 0x14245300
GLOBAL_CATALOG = 0x228ABE00
SERVER_UUID = 0x228A3A48
RETURN_INTO_NOW64 = 0xD0ACA16  # behind the call that ends in clock_gettime
DDL_WORKER_IN_SHARED_CONTEXT = 0xD80

# In the shared object that the kernel puts into every process, and that has the clock.
ELF_DYNAMIC, ELF_STRINGS, ELF_SYMBOLS = 2, 5, 6

DDL_WORKER_BYTES = 0x800  # more than its size

# How these functions begin: another build of the library has something else there.
BEGINNINGS = {
    CREATE_HANDLER_FACTORY: "55 4157 4156 4155 4154 53 4881ec98000000",
    GET_INTERSERVER_ADDRESS: "415653 4883ec48 4c8b36",
    GET_INTERSERVER_SCHEME: "488b06 80b88701000000",
    GET_INTERSERVER_CREDENTIALS: "4157 4156 53 4c8b3f",
    IS_DDL_ALLOWED: "0fb68710090000 c3",
    DDL_WORKER_CONSTRUCTOR: "55 4157 4156 4155 4154 53 4881eca8010000",
    DDL_WORKER_STARTUP: "4157 4156 53 4883ec20 4889fb 31c0 8687c1010000",
}

PAGE_BYTES = 4096
READ_WRITE_EXECUTE, READ_EXECUTE = 7, 5
PRIVATE_ANONYMOUS = 0x22

# x86-64 instructions.
MOV_RAX = b"\x48\xb8"  # and 8 bytes
MOV_RCX = b"\x48\xb9"  # and 8 bytes
JUMP = b"\xff\x25\0\0\0\0"  # to the 8 bytes behind it
NOP = b"\x90"
RETURN_TRUE = b"\xb8\x01\0\0\0\xc3"
# Copy 24 or 32 bytes from [rax] to [rdi], the place of a result that fits into no register, and return it.
RETURN_24_BYTES = bytes.fromhex("0f1000 0f1107 488b4010 48894710 4889f8 c3")
RETURN_32_BYTES = bytes.fromhex("0f1000 0f1107 0f104010 0f114710 4889f8 c3")
# Return the pointer in rax as a shared_ptr that owns nothing.
RETURN_UNOWNED = bytes.fromhex("31d2 c3")


class Engine:
    """The library in this process's memory."""

    def __init__(self, path):
        library = ctypes.CDLL(path)
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.mmap.restype = ctypes.c_void_p
        self.base = ctypes.cast(library.chdb_query_cmdline, ctypes.c_void_p).value - EXPORTED
        self.kept = []  # memory that the engine has pointers to
        for place, beginning in BEGINNINGS.items():
            expected = bytes.fromhex(beginning)
            found = ctypes.string_at(self.base + place, len(expected))
            if found != expected:
                sys.exit(f"not the build of the library that this file is for: {place:#x} holds {found.hex()}")

    def memory(self, content):
        """Returns the address of memory with `content`, which is never freed."""
        self.kept.append(ctypes.create_string_buffer(content, len(content)))
        return ctypes.addressof(self.kept[-1])

    def string(self, text):
        """Returns the 24 bytes of a std::string, in libc++'s alternate layout."""
        data = text.encode()
        if len(data) < 23:
            return data.ljust(23, b"\0") + bytes([len(data)])
        is_long = 1 << 63
        return struct.pack("<QQQ", self.memory(data + b"\0"), len(data), is_long | (len(data) + 1))

    def word(self, address):
        return ctypes.c_uint64.from_address(address)

    def replace(self, place, code):
        """Overwrites the beginning of a function."""
        start = self.base + place
        page = start & -PAGE_BYTES
        length = start + len(code) - page
        for protection in (READ_WRITE_EXECUTE, READ_EXECUTE):
            if self.libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(length), protection) != 0:
                sys.exit(f"mprotect: {os.strerror(ctypes.get_errno())}")
            if protection == READ_WRITE_EXECUTE:
                ctypes.memmove(start, code, len(code))

    def function(self, place, result, *arguments):
        return ctypes.CFUNCTYPE(result, *arguments)(self.base + place)


# clock_gettime: call the kernel; unless the clock is CLOCK_REALTIME and one of the 64 words on the stack is [the next 8 bytes],
# return; add [address in the next 8 bytes] to the seconds.
ASK_KERNEL = bytes.fromhex("b8e4000000 0f05 85ff 752b 48ba")
FIND_CALLER = bytes.fromhex("b940000000 483954ccf8 7405 ffc9 75f5 c3 48b9")
ADD_SECONDS = bytes.fromhex("488b09 48010e c3")


def set_clock(engine, path):
    """Makes the seconds in a file be added to the time that the function now64 returns. (All other clocks stay: a thread that
    waits until a time by the kernel's clock would wait for too long, or not at all. And no preloaded library can do it: the
    engine asks the kernel's shared object itself.)"""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/maps") as maps:
        bounds = next(line for line in maps if line.endswith("[vdso]\n")).split()[0]
    base, end = (int(bound, 16) for bound in bounds.split("-"))

    def read(place, form):
        return struct.unpack("<" + form, ctypes.string_at(place, struct.calcsize("<" + form)))

    (headers,), (count,) = read(base + 32, "Q"), read(base + 56, "H")
    segments = [read(base + headers + 56 * number, "IIQ") for number in range(count)]
    entry = next(base + offset for kind, _, offset in segments if kind == ELF_DYNAMIC)
    tables = {}
    while (pair := read(entry, "QQ"))[0]:
        tables[pair[0]] = base + pair[1]
        entry += 16
    symbols = range(tables[ELF_SYMBOLS], tables[ELF_STRINGS], 24)
    entries = [read(symbol, "IIQ") for symbol in symbols]
    named = {ctypes.string_at(tables[ELF_STRINGS] + name): value for name, _, value in entries}
    place = base + named[b"__vdso_clock_gettime"]
    with open(path, "r+b") as file:
        seconds = mmap.mmap(file.fileno(), 8)
    address = ctypes.addressof(ctypes.c_char.from_buffer(seconds))
    code = ASK_KERNEL + quad(engine.base + RETURN_INTO_NOW64) + FIND_CALLER + quad(address) + ADD_SECONDS
    for protection in (READ_WRITE_EXECUTE, READ_EXECUTE):
        # All of it: the kernel does not divide it.
        if libc.mprotect(ctypes.c_void_p(base), ctypes.c_size_t(end - base), protection) != 0:
            sys.exit(f"mprotect: {os.strerror(ctypes.get_errno())}")
        if protection == READ_WRITE_EXECUTE:
            ctypes.memmove(place, code, len(code))
    return seconds


def quad(number):
    return struct.pack("<Q", number)


def set_interserver_address(engine, host, port):
    """Sets what this node registers as the address of its parts: no user, no password."""
    address = engine.memory(engine.string(host) + quad(port))
    engine.replace(GET_INTERSERVER_ADDRESS, MOV_RAX + quad(address) + RETURN_32_BYTES)
    scheme = engine.memory(engine.string("http"))
    engine.replace(GET_INTERSERVER_SCHEME, MOV_RAX + quad(scheme) + RETURN_24_BYTES)
    nobody = engine.string("") + engine.string("")
    accepted = engine.memory(nobody)
    end = accepted + len(nobody)
    credentials = engine.memory(nobody + struct.pack("<QQQ", accepted, end, end))
    engine.replace(GET_INTERSERVER_CREDENTIALS, MOV_RAX + quad(credentials) + RETURN_UNOWNED)


def serve_parts_on_second_host(engine):
    """Makes the handler that answers on the second listen_host the one that gives parts to replicas.

    The engine asks for one handler factory per host, by name, in rcx. The second request gets another name.
    """
    prologue = bytes.fromhex(BEGINNINGS[CREATE_HANDLER_FACTORY])
    name = engine.memory(engine.string("InterserverIOHTTPHandler-factory"))
    rename = MOV_RCX + quad(name)
    count = bytes.fromhex("ff00 833802 58")  # inc [rax]; cmp [rax], 2; pop rax
    skip = bytes([0x75, len(rename)])  # jne
    code = b"\x50" + MOV_RAX + quad(engine.memory(bytes(8))) + count + skip + rename  # push rax; …
    code += prologue + JUMP + quad(engine.base + CREATE_HANDLER_FACTORY + len(prologue))
    detour = engine.libc.mmap(
        None, ctypes.c_size_t(PAGE_BYTES), READ_WRITE_EXECUTE, PRIVATE_ANONYMOUS, -1, ctypes.c_long(0)
    )
    ctypes.memmove(detour, code, len(code))
    jump = JUMP + quad(detour)
    engine.replace(CREATE_HANDLER_FACTORY, jump + NOP * (len(prologue) - len(jump)))


def start_ddl_worker(engine):
    """Starts ClickHouse's DDLWorker, which carries out ON CLUSTER statements."""
    pointer, text = ctypes.c_void_p, lambda it: ctypes.c_void_p(engine.memory(engine.string(it)))
    catalog = engine.word(engine.base + GLOBAL_CATALOG).value
    context, control = engine.word(catalog).value, engine.word(catalog + 8).value
    engine.word(control + 8).value += 1  # the constructor takes over a reference to the context
    worker = engine.memory(bytes(DDL_WORKER_BYTES))
    construct = engine.function(
        DDL_WORKER_CONSTRUCTOR, None, pointer, ctypes.c_int, *[pointer] * 10
    )
    threads, config, prefix, keeper, log = 1, None, text(""), text("default"), text("DDLWorker")
    construct(
        worker, threads, text(DDL_QUEUE), text(DDL_REPLICAS), context, control, config, prefix, keeper, log, None, None
    )
    shared = engine.word(context).value
    engine.word(shared + DDL_WORKER_IN_SHARED_CONTEXT).value = worker
    engine.function(DDL_WORKER_STARTUP, None, pointer)(worker)


def main(library, folder, http_port, tcp_port, interserver_host, config):
    engine = Engine(library)
    clock = os.environ.get("CLICKHOUSE_CLOCK")
    seconds = set_clock(engine, clock) if clock else None  # to be kept
    set_interserver_address(engine, interserver_host, int(http_port))
    serve_parts_on_second_host(engine)
    engine.replace(IS_DDL_ALLOWED, RETURN_TRUE)
    uuid = hashlib.md5(folder.encode(), usedforsecurity=False).digest()  # the same after a restart
    ctypes.memmove(engine.base + SERVER_UUID, uuid, len(uuid))

    line = command_line(folder, http_port, config, ["SYSTEM START LISTEN TCP"], ["--tcp_port", tcp_port])
    threading.Thread(target=serve, args=(library, line), daemon=True).start()
    wait_until_ready(http_port)
    start_ddl_worker(engine)
    print("ready", flush=True)
    threading.Event().wait()
    del seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
