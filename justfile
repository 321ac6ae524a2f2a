# Recipes for the daily work: `just` lists them.

# The heavy proofs measure the release build.
release := justfile_directory() / "target/release/event-history"
heavy := "EVENT_HISTORY_TEST_BINARY=" + release + " cargo nextest run --profile heavy --no-capture"

_default:
    @just --list --unsorted

# Everything that CI runs; installs what it needs.
check:
    tests/run

# Tests alone; arguments go to nextest: `just test crash`.
test *arguments:
    cargo nextest run {{ arguments }}

# The API's tests on ClickHouse, which `tests/run` installs.
test-clickhouse *arguments:
    EVENT_HISTORY_TEST_DATABASE=clickhouse cargo nextest run --profile clickhouse {{ arguments }}

# Format and lints, as CI wants them.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# Writes the source in the one format.
format:
    cargo fmt

# Walks the whole flow against a server of its own; `just demo --keep` leaves it up.
demo *arguments:
    cargo run --release -- demo {{ arguments }}

# Prints the OpenAPI document.
openapi:
    @cargo run --quiet -- openapi

# Licences, sources and duplicate crates (needs cargo-deny).
deny:
    cargo deny check bans licenses sources

# All the heavy proofs, one after the other: some twenty minutes after the release build.
proofs: crash torture callers tenants files big-file sweep copy eventbridge replicas outages

# Rounds of load by 16 writers, each ended by KILL: nothing acknowledged is lost.
crash rounds="50": _release
    EVENT_HISTORY_TEST_ROUNDS={{ rounds }} {{ heavy }} -E 'test(/^crash::/)'

# Power cuts replayed from a record of writes and syncs, syncs that fail, and damage to files of every kind.
torture rounds="10" cuts="30" flips="10": _release
    EVENT_HISTORY_TEST_ROUNDS={{ rounds }} EVENT_HISTORY_TEST_CUTS={{ cuts }} \
    EVENT_HISTORY_TEST_DAMAGES=1000000 EVENT_HISTORY_TEST_FLIPS={{ flips }} \
    {{ heavy }} -E 'test(/^torture::(cuts|damage)::/)'

# What hostile callers cost another tenant, and the memory of large pages: 250 ms and 256 MB at most, on two cores.
callers seconds="10" callers="2000" events="1000": _release
    EVENT_HISTORY_TEST_SECONDS={{ seconds }} EVENT_HISTORY_TEST_CALLERS={{ callers }} \
    EVENT_HISTORY_TEST_WORST_INPUTS=1 EVENT_HISTORY_TEST_BOUND_MS=250 \
    EVENT_HISTORY_TEST_LARGE_EVENTS={{ events }} \
    {{ heavy }} -E 'test(/^torture::callers::/)'

# Many tenants: open files, memory, and the time to start.
tenants count="10000": _release
    EVENT_HISTORY_TEST_TENANTS={{ count }} {{ heavy }} -E 'test(/^many_tenants::/)'

# A big file through the embedded storage: memory while it goes in and out.
files mib="1024": _release
    EVENT_HISTORY_TEST_FILE_MIB={{ mib }} {{ heavy }} -E 'test(=clients::big_files_stay_out_of_memory)'

# A file that no single PUT can carry, killed on the way up and gone on with: memory, and its SHA-256.
big-file mib="6144": _release
    EVENT_HISTORY_TEST_BIG_FILE_MIB={{ mib }} {{ heavy }} -E 'test(=client::parts::a_killed_upload_goes_on)'

# Sweeps beside clients that upload and reference, and the verification of many files.
sweep rounds="20" verified="1000": _release
    EVENT_HISTORY_TEST_SWEEP_ROUNDS={{ rounds }} EVENT_HISTORY_TEST_VERIFIED_FILES={{ verified }} \
    {{ heavy }} -E 'test(/^files::/)'

# Events through a bus, a rule and an API destination, with an outage and each of them again, twice.
eventbridge events="1000": _release
    EVENT_HISTORY_TEST_BRIDGED_EVENTS={{ events }} {{ heavy }} -E 'test(/^eventbridge::outage::/)'

# Copies many events between backends, killed twice on the way; and large ones, in bounded memory.
copy events="1000000" tenants="50" large="600": _release
    EVENT_HISTORY_TEST_COPY_EVENTS={{ events }} EVENT_HISTORY_TEST_COPY_TENANTS={{ tenants }} \
    EVENT_HISTORY_TEST_COPY_LARGE={{ large }} \
    {{ heavy }} -E 'test(/^copy::.*(killed_twice|out_of_memory)$/)'

# The service beside its floors and the plain alternative, into docs/benchmarks.md: `just bench --only upload-url`.
bench *arguments:
    python3 benches/http/run.py {{ arguments }}

# Table layouts on ClickHouse, measured again: `just bench-layouts --url http://127.0.0.1:8123` (see --help).
bench-layouts *arguments:
    python3 benches/clickhouse_layouts.py {{ arguments }}

# Layouts and settings on SQLite, measured again: `just bench-sqlite-layouts sizes=100000,10000000`; `help` says the rest.
bench-sqlite-layouts *options:
    cargo bench --bench sqlite_layouts -- {{ options }}

# Three replicas on one ClickHouse and one S3: each event once, a tenth of them sent to two replicas.
replicas events="200000": _release
    EVENT_HISTORY_TEST_REPLICA_EVENTS={{ events }} {{ heavy }} -E 'test(/^replicas::replicas_on/)'

# The same load while ClickHouse is killed and started again: nothing acknowledged is lost.
outages rounds="10" events="200000": _release
    EVENT_HISTORY_TEST_REPLICA_EVENTS={{ events }} EVENT_HISTORY_TEST_OUTAGES={{ rounds }} \
    {{ heavy }} -E 'test(/^replicas::outages::/)'

_release:
    cargo build --release
