//! The baselines that `just bench` compares the service with: the least that its parts could cost on the same
//! machine. Also fills histories, and generates load at a fixed rate. Run by benches/http.

mod batches;
mod clickhouse_append;
mod clickhouse_client;
mod clickhouse_query;
mod connection;
mod event;
mod fill;
mod fixed_rate;
mod http;
mod random;
mod sqlite;
mod timing;

use clap::Parser;

/// Each command prints one line of JSON, `http` its address.
#[derive(Parser)]
enum Command {
    /// Answers every request with the same bytes until it is stopped
    Http(http::Options),
    /// Commits events to a database that the service created, and does nothing else
    Sqlite(sqlite::Options),
    /// Looks up and inserts events in a table that the service created, and does nothing else
    ClickhouseAppend(clickhouse_append::Options),
    /// Sends the statements of a page to ClickHouse, over and over
    ClickhouseQuery(clickhouse_query::Options),
    /// Sends new events in batches and prints how fast they are stored
    Batches(batches::Options),
    /// Creates a tenant with a history through the service's store
    Fill(fill::Options),
    /// Sends new events at a fixed rate and prints the latency of the answers
    FixedRate(fixed_rate::Options),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Http(options) => http::run(options).await,
        Command::Sqlite(options) => sqlite::run(&options),
        Command::ClickhouseAppend(options) => clickhouse_append::run(options).await,
        Command::ClickhouseQuery(options) => clickhouse_query::run(options).await,
        Command::Batches(options) => batches::run(options).await,
        Command::Fill(options) => fill::run(&options).await,
        Command::FixedRate(options) => fixed_rate::run(options).await,
    }
}

#[expect(clippy::print_stdout, reason = "benches/http reads it")]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
