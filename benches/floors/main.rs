//! What `just bench` measures beside the service: the least that its parts could cost on the same
//! machine, a filler that makes long histories, and a load with a rate. benches/http runs it.

mod clickhouse;
mod event;
mod fill;
mod http;
mod pace;
mod sqlite;
mod timing;

use clap::Parser;

/// Each command prints one line of JSON, `http` its address.
#[derive(Parser)]
enum Command {
    /// Answers every request with the same bytes, until it is ended.
    Http(http::Options),
    /// Commits events to a database that the service made, and does nothing else.
    Sqlite(sqlite::Options),
    /// Inserts events into a table that the service made, and does nothing else.
    Clickhouse(clickhouse::Options),
    /// Makes a tenant with a history, through the store of the service.
    Fill(fill::Options),
    /// Sends new events at a fixed rate, and says how long the answers took.
    Pace(pace::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Http(options) => http::run(options).await,
        Command::Sqlite(options) => sqlite::run(&options),
        Command::Clickhouse(options) => clickhouse::run(&options).await,
        Command::Fill(options) => fill::run(&options).await,
        Command::Pace(options) => pace::run(options).await,
    }
}

#[expect(clippy::print_stdout, reason = "benches/http reads it")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
