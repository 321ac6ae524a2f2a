//! The command line: one file or folder per command, each of which loads its settings from `config` and runs something
//! that knows nothing of a terminal (`app`, `jobs`, `client`).
//!
//! Commands share `backends.rs` (opening stores and storages for jobs), `calls.rs` (opening a client of a running service),
//! `terminal/` (what is printed) and `process/` (what a command asks of the operating system). Only those four are imported
//! by other commands.

mod admin;
mod backends;
mod backup;
mod calls;
mod check;
mod copy;
mod demo;
mod documentation;
mod files;
mod fsck;
mod history;
mod openapi;
mod process;
mod retention;
mod serve;
mod terminal;
mod transfer;

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::config::{Arguments, BackupArguments, Config, CopyArguments, FsckArguments};
use crate::config::{RestoreArguments, VerifyBackupArguments};
use crate::domain::SystemEntropy;
use crate::telemetry;
use process::{exit, service_runtime};

/// Keep the history of every record of every customer of a SaaS platform, and the files that belong to it
///
/// Settings are given as flags, as environment variables or in a TOML file, in this order of precedence. See
/// `event-history serve --help`.
#[derive(Debug, Parser)]
#[command(
    name = "event-history",
    version = env!("BUILD_VERSION"),
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::doc_markdown, reason = "clap prints these comments verbatim")]
enum Command {
    /// Run the service
    ///
    /// Prints one line with its address once it accepts connections, and logs to standard error. On
    /// TERM or INT it finishes the requests in flight and exits with status 0. A second signal ends it
    /// at once.
    ///
    /// Without an API key in the settings, it generates one if it listens on a loopback address with a
    /// new data folder, keeps it in the file api-key there, and uses it from then on. It shows the key
    /// on a terminal only.
    ///
    /// With files in `s3://`, AWS credentials are found as in every AWS tool. With `file:`,
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are the key pair of the embedded object storage.
    #[command(after_help = AFTER_HELP)]
    Serve(#[command(flatten)] Arguments),
    /// Walk through the whole flow against a temporary service
    ///
    /// Starts the service in a temporary folder with default settings, whatever the environment, and
    /// prints each step as a curl command with its answer.
    Demo(demo::Options),
    /// Check the settings, the database and the object storage
    ///
    /// Prints a line for each check, with a remedy for each problem, and exits with status 1 if there is
    /// one. Takes the settings of `serve`, and may run while the service does.
    #[command(after_help = AFTER_HELP)]
    Check(#[command(flatten)] Arguments),
    /// Copy tenants, events and files to another backend, and verify the copies
    ///
    /// `event-history copy --from sqlite:./event-history-data --to sqlite:./elsewhere` copies every
    /// tenant, however large, and then reads both sides back. It prints the number and the SHA-256 of
    /// each tenant's events, and exits with status 1 if a tenant differs, which it names. Tenants keep
    /// their client ids and secrets.
    ///
    /// It may be stopped at any time, by Ctrl-C, TERM or KILL: run the same command again to resume.
    /// Nothing may write to the source during the last run. What was written all the same is reported
    /// as a difference, and copied by another run.
    #[command(after_help = COPY_AFTER_HELP)]
    Copy(#[command(flatten)] CopyArguments),
    /// Upload files straight to storage, and then store the event that references them
    ///
    /// Prints the id of the event, and nothing else, once the event is durable. Storage is given the
    /// size, type and SHA-256 of each file, and rejects any other bytes.
    ///
    /// Large files use resumable multipart upload: after Ctrl-C or KILL, the same command sends only
    /// the parts that are missing. With --event-id the whole command is idempotent: an event that
    /// exists with these files is left unchanged.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Upload(transfer::UploadOptions),
    /// Download the files of an event, and verify them against the event's record
    ///
    /// Prints the path of the file. The file appears there only once it is complete and verified. An
    /// existing file is not replaced without --force. Of several files it downloads the first, one
    /// that is named, or all of them.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Download(transfer::DownloadOptions),
    /// Send events: from files, from standard input, or one from flags
    ///
    /// `event-history send events.ndjson` sends a file of JSON objects, one a line, one after another or in
    /// an array. Their members are those of the API; events without an event_id are given one, which is
    /// printed, and those without an event_time the current time. One event alone:
    /// `event-history send --record-id 42 --event-type field_values_changed --data
    /// '{"field": "status", "old": "draft", "new": "final"}'`
    ///
    /// Events that are rejected are named with their lines, the others are stored, and the exit status
    /// is 1. Sending events with the same ids again stores nothing twice.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Send(history::SendOptions),
    /// List events, newest first
    ///
    /// `event-history query --record-id 42 --event-time-from 2026-11-01` lists the newest events of a record
    /// since the first of November, in local time.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Query(history::QueryOptions),
    /// Follow the history: print events as they arrive
    ///
    /// `event-history tail --record-id 42` prints what happens to a record from now on, in the order in
    /// which events arrive, until Ctrl-C. Then it prints a cursor, with which `--from` continues without
    /// a gap. Waits for a service that is restarted.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Tail(history::TailOptions),
    /// Show a record as its events tell it
    ///
    /// `event-history record 42` shows whether the record exists, its status, owners, assignees and
    /// fields, and when and by whom each was last changed. With --at, it shows the record as of an
    /// instant.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Record(history::RecordOptions),
    /// Export the history as a file
    ///
    /// `event-history export --format csv -o history.csv` writes all events, as of now, in the order in
    /// which they arrived; filters choose some. The file appears once it is complete. After Ctrl-C or
    /// KILL, the same command continues where it was, and the file has the same bytes in the end.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Export(history::ExportOptions),
    /// Import events from a file: an export, other NDJSON, or a CSV
    ///
    /// `event-history import history.csv` stores what `export` wrote, each event with its id and time. Of any
    /// other CSV, say which column is what: `event-history import changes.csv --map record_id=Ticket --map
    /// event_time=When --map source_name=Who --map field=Field --map old=Before --map new=After --set
    /// event_type=field_values_changed --set source_type=user`
    ///
    /// Events without an id are given one that their row determines, so importing a file again stores
    /// nothing twice. (Rows that are the same in all columns are one event.) Rows that are rejected are
    /// named with their lines, the others are stored, and the exit status is 1. After Ctrl-C or KILL, the
    /// same command continues where it was.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Import(history::ImportOptions),
    /// Back up the databases and the embedded files, beside a running service
    ///
    /// `event-history backup /mnt/backups` copies everything that was acknowledged before it began, each
    /// database as of one instant. TARGET is a folder or s3://bucket/prefix, for one data folder. A later
    /// backup into the same target copies only what has changed; each can be restored by itself. Exits
    /// with status 1 if something could not be backed up, which it names.
    ///
    /// May be stopped at any time: that backup stays unfinished, and the next one uses what it copied.
    #[command(after_help = AFTER_HELP)]
    Backup(#[command(flatten)] BackupArguments),
    /// Read backups again and compare everything with its SHA-256
    ///
    /// Prints a line for each file of the target that is damaged or missing, and exits with status 1 if
    /// there is one. Names the backups that are unfinished.
    #[command(after_help = AFTER_HELP)]
    VerifyBackup(#[command(flatten)] VerifyBackupArguments),
    /// Restore a backup into a new data folder
    ///
    /// `event-history restore /mnt/backups --data-dir ./restored` writes the newest complete backup, for
    /// `event-history serve --database sqlite:./restored --files file:./restored/files`. It overwrites
    /// nothing, compares everything with its SHA-256, and checks that each database is its tenant's.
    ///
    /// May be stopped at any time: no service starts on the folder until the same command has been run
    /// again.
    #[command(after_help = AFTER_HELP)]
    Restore(#[command(flatten)] RestoreArguments),
    /// Remove orphaned files, and verify the others
    ///
    /// Takes --database and --files of `serve`, and may run while the service does.
    #[command(after_help = AFTER_HELP, arg_required_else_help = true)]
    Files {
        #[command(subcommand)]
        command: files::Command,
    },
    /// Delete events that have stayed for as long as the rules of their tenants say
    ///
    /// Takes --database of `serve`, and may run while the service does, which also runs it by itself
    /// (--retention-interval).
    #[command(after_help = AFTER_HELP, arg_required_else_help = true)]
    Retention {
        #[command(subcommand)]
        command: retention::Command,
    },
    /// List, create and delete tenants of a running service, or repair lost entries
    ///
    /// `adopt` and `remove` are for a stopped service on SQLite: `event-history check` names the databases
    /// without an entry, for which the service answers 503 until their entries are restored or they are
    /// removed.
    #[command(after_help = CLIENT_AFTER_HELP, arg_required_else_help = true)]
    Tenants {
        #[command(subcommand)]
        command: admin::TenantsCommand,
    },
    /// Make, list and revoke keys of a running service
    ///
    /// Keys have scopes: what they allow.
    #[command(after_help = CLIENT_AFTER_HELP, arg_required_else_help = true)]
    Keys {
        #[command(subcommand)]
        command: admin::KeysCommand,
    },
    /// Look for damage in a data folder, without changing anything
    ///
    /// For SQLite and embedded files. Takes --database and --files of `serve`, and may run while the
    /// service does. Checks the pages and write-ahead logs of the databases, the checksum of every
    /// event, the counts, the tenant entries against the databases, and the files that events reference
    /// (`files verify` reads their bytes too). Prints a line for each problem. Exits with status 1 if
    /// something is damaged, or 2 if something could not be checked.
    #[command(after_help = AFTER_HELP)]
    Fsck(#[command(flatten)] FsckArguments),
    /// Print the OpenAPI document, which the service also serves at /openapi.json
    Openapi,
    /// Print the completions of a shell
    ///
    /// For example, for bash: `event-history completions bash
    /// >~/.local/share/bash-completion/completions/event-history`
    Completions(documentation::CompletionsOptions),
    /// Write the manual pages
    ///
    /// For example: `event-history man ~/.local/share/man/man1`
    Man(documentation::ManOptions),
}

const AFTER_HELP: &str = "Durations are written like 90s, 15m, 1h30m or 7d. An empty environment \
                          variable counts as unset. An unknown EVENT_HISTORY_* variable is an error.";

const COPY_AFTER_HELP: &str = "Retries an unreachable backend for up to two minutes. Other users of \
                               the machine can read the flags of its processes: pass a location \
                               that contains a password in its variable. An empty environment \
                               variable counts as unset. An unknown EVENT_HISTORY_* variable is an \
                               error.";

const CLIENT_AFTER_HELP: &str = "Other users of the machine can read the flags of its processes: \
                                 pass the key in its variable. An empty environment variable counts \
                                 as unset. An unknown EVENT_HISTORY_* variable is an error.";

/// Runs the command that the process was started with, and returns its exit status.
pub fn main() -> ExitCode {
    process::keep_memory_private();
    let cli = Cli::parse();
    let outcome = run(cli.command);
    telemetry::report_suppressed();
    outcome.unwrap_or_else(|error| {
        terminal::print_error(&error);
        exit::status_of(&error)
    })
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    process::install_tls();
    match command {
        Command::Serve(arguments) => {
            let config = Config::load_for_service(&arguments, &SystemEntropy)?;
            let runtime = service_runtime::build(config.worker_threads);
            run_on(runtime, serve::run(&config))
        }
        Command::Demo(options) => run_on(service_runtime::build(None), demo::run(&options)),
        Command::Check(arguments) => run_on(Runtime::new(), check::run(&arguments)),
        Command::Copy(arguments) => run_on(Runtime::new(), copy::run(&arguments)),
        Command::Upload(options) => run_on(Runtime::new(), transfer::upload(&options)),
        Command::Download(options) => run_on(Runtime::new(), transfer::download(&options)),
        Command::Send(options) => run_on(Runtime::new(), history::send(&options)),
        Command::Query(options) => run_on(Runtime::new(), history::query(&options)),
        Command::Tail(options) => run_on(Runtime::new(), history::tail(&options)),
        Command::Record(options) => run_on(Runtime::new(), history::record(&options)),
        Command::Export(options) => run_on(Runtime::new(), history::export(&options)),
        Command::Import(options) => run_on(Runtime::new(), history::import(&options)),
        Command::Backup(arguments) => run_on(Runtime::new(), backup::create(&arguments)),
        Command::VerifyBackup(arguments) => run_on(Runtime::new(), backup::verify(&arguments)),
        Command::Restore(arguments) => run_on(Runtime::new(), backup::restore(&arguments)),
        Command::Files { command } => run_on(Runtime::new(), files::run(&command)),
        Command::Retention { command } => run_on(Runtime::new(), retention::run(&command)),
        Command::Fsck(arguments) => run_on(Runtime::new(), fsck::run(&arguments)),
        Command::Tenants { command } => run_on(Runtime::new(), admin::tenants(&command)),
        Command::Keys { command } => run_on(Runtime::new(), admin::keys(&command)),
        Command::Openapi => openapi::run(),
        Command::Completions(options) => documentation::completions(&options),
        Command::Man(options) => documentation::man(&options),
    }
}

fn run_on(
    runtime: io::Result<Runtime>,
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = runtime.context("cannot start the runtime")?;
    let code = runtime.block_on(command);
    // Commands wait for the work that matters; what is left on other threads is dropped.
    runtime.shutdown_background();
    code
}
