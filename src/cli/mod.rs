//! The command line.

mod check;
mod copy;
mod demo;
mod download;
mod files;
mod fsck;
mod open_files;
mod openapi;
mod progress;
mod runtime;
mod serve;
mod signals;
mod tenants;
mod transfer;
mod upload;

use std::io;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tokio::runtime::Runtime;

use crate::config::{Arguments, Config, CopyArguments, FsckArguments, Problems};
use crate::telemetry;

/// Keeps the history of every record of every customer of a SaaS platform, and the files that belong
/// to it.
///
/// Settings are given by flag, by environment variable or in a TOML file, and count in that order;
/// see `event-history serve --help`.
#[derive(Debug, Parser)]
#[command(
    name = "event-history",
    version,
    arg_required_else_help = true,
    max_term_width = 100
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(
    clippy::doc_markdown,
    reason = "clap prints these comments as they are"
)]
enum Command {
    /// Runs the service
    ///
    /// Prints one line with the address once it accepts connections; the log goes to standard error.
    /// Ends with status 0 on TERM or INT after finishing what is in flight; a second one ends it at
    /// once.
    ///
    /// With `s3://` files, AWS credentials come from where every AWS tool takes them. With `file:`,
    /// AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY become the key pair of the embedded object store.
    #[command(after_help = AFTER_HELP)]
    Serve(#[command(flatten)] Arguments),
    /// Walks the whole flow against itself, in a temporary folder
    ///
    /// Starts the service on embedded defaults, whatever the environment says, and prints each step as
    /// the curl command that a person would type, followed by the answer.
    Demo(demo::Options),
    /// Says what a deployment has wrong, line by line
    ///
    /// Takes the settings of `serve`, and may run beside it. Ends with status 1 if anything is wrong.
    #[command(after_help = AFTER_HELP)]
    Check(#[command(flatten)] Arguments),
    /// Moves tenants, events and files to another backend, and verifies that they are there
    ///
    /// `event-history copy --from sqlite:./event-history-data --to sqlite:./elsewhere` copies every
    /// tenant, whatever their size, and then reads both sides back: it prints the count and the SHA-256
    /// of each tenant's events, and ends with status 1 if a tenant is not the same on both sides,
    /// naming it. Tenants keep their client ids and secrets.
    ///
    /// It may be stopped at any time, by Ctrl-C, TERM or KILL: the same command goes on where it was.
    /// Nobody may write to the source during the last run; what was written all the same shows as a
    /// difference, and another run copies it.
    #[command(after_help = COPY_AFTER_HELP)]
    Copy(#[command(flatten)] CopyArguments),
    /// Uploads files straight to storage, and then stores the event that references them
    ///
    /// Prints the id of the event, and nothing else, once the event is durable. Storage is told the
    /// size, the type and the SHA-256 of each file, and refuses other bytes.
    ///
    /// A large file goes up in parts: after Ctrl-C or KILL the same command goes on with those that
    /// storage has. With --event-id the whole command may be repeated: an event that is there with
    /// these files is left as it is.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Upload(upload::Options),
    /// Downloads a file of an event, and verifies that it is what was recorded with the event
    ///
    /// Prints the path of the file. Nothing is there before the whole file is, and is verified; a file
    /// that is there already is not replaced without --force.
    #[command(after_help = CLIENT_AFTER_HELP)]
    Download(download::Options),
    /// Looks after the files: removes those that no event references, verifies the others
    ///
    /// Takes --database and --files of `serve`, and may run beside it.
    #[command(after_help = AFTER_HELP, arg_required_else_help = true)]
    Files {
        #[command(subcommand)]
        command: files::Command,
    },
    /// Restores tenant entries that were lost, or gives databases without one up
    ///
    /// For a stopped service on SQLite. `event-history check` names the databases that have no entry: the
    /// service answers 503 for them until their entries are restored or they are removed.
    #[command(after_help = AFTER_HELP, arg_required_else_help = true)]
    Tenants {
        #[command(subcommand)]
        command: tenants::Command,
    },
    /// Looks for damage in a data folder, and changes nothing
    ///
    /// For SQLite and embedded files; takes --database and --files of `serve`, and may run beside it.
    /// Looks at the pages and write-ahead logs of the databases, the checksum of every event, the
    /// counts, the entries against the databases, and the files that events reference (whose bytes
    /// `files verify` reads). Prints a line for each finding. Ends with status 1 if something is
    /// damaged, 2 if something could not be looked at.
    #[command(after_help = AFTER_HELP)]
    Fsck(#[command(flatten)] FsckArguments),
    /// Prints the OpenAPI document that the service also serves at /openapi.json
    Openapi,
}

const AFTER_HELP: &str = "Durations are written like 90s, 15m, 1h30m or 7d. An empty environment \
                          variable counts as unset; an unknown EVENT_HISTORY_* one is an error.";

const COPY_AFTER_HELP: &str = "A backend that is away is waited for, up to two minutes. Other users \
                               of a machine can read the flags of its processes: give a location \
                               with a password by its variable. An empty environment variable \
                               counts as unset; an unknown EVENT_HISTORY_* one is an error.";

const CLIENT_AFTER_HELP: &str = "Give the key by its variable: other users of a machine can read the \
                                 flags of its processes. An empty environment variable counts as \
                                 unset; an unknown EVENT_HISTORY_* one is an error.";

/// The exit status when the command line or the settings are wrong; clap's own.
const USAGE: u8 = 2;

/// Runs the command that the process was started with, and returns its exit status.
pub fn main() -> ExitCode {
    keep_memory_private();
    let cli = Cli::parse();
    let end = run(cli.command);
    telemetry::tell_suppressed();
    match end {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            let is_usage = error.is::<Problems>();
            if is_usage {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Keeps the memory of the process from core dumps, and from other processes of its user: it holds API keys
/// and the secret keys of storages. A tracer with `CAP_SYS_PTRACE` still sees it.
fn keep_memory_private() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // What a system refuses here it does not have.
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    install_tls();
    match command {
        Command::Serve(arguments) => {
            let config = Config::load_for_service(&arguments)?;
            let runtime = runtime::of_the_service(config.worker_threads);
            run_on(runtime, serve::run(&config))
        }
        Command::Demo(options) => run_on(runtime::of_the_service(None), demo::run(&options)),
        Command::Check(arguments) => run_on(Runtime::new(), check::run(&arguments)),
        Command::Copy(arguments) => run_on(Runtime::new(), copy::run(&arguments)),
        Command::Upload(options) => run_on(Runtime::new(), upload::run(&options)),
        Command::Download(options) => run_on(Runtime::new(), download::run(&options)),
        Command::Files { command } => run_on(Runtime::new(), files::run(&command)),
        Command::Fsck(arguments) => run_on(Runtime::new(), fsck::run(&arguments)),
        Command::Tenants { command } => tenants::run(&command),
        Command::Openapi => openapi::run(),
    }
}

fn run_on(
    runtime: io::Result<Runtime>,
    command: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let runtime = runtime.context("cannot start the runtime")?;
    let code = runtime.block_on(command);
    // Whatever still runs on another thread has been waited for, as long as it was worth it.
    runtime.shutdown_background();
    code
}

/// Chooses the cryptography of TLS for the whole process.
fn install_tls() {
    // An error means that it was chosen already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Prints the error and its causes, in one line for each problem.
#[expect(
    clippy::print_stderr,
    reason = "the last words of the program, log or not"
)]
fn complain(error: &anyhow::Error) {
    for line in format!("{error:#}").lines() {
        eprintln!("event-history: {line}");
    }
}
