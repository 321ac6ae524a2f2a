//! The checks of `event-history check` on a ClickHouse. They change nothing.

use jiff::Timestamp;

use super::address::{Address, Cluster};
use super::client::Client;
use super::cluster::{check_nodes, discover};
use super::failure::{Failure, code};
use super::registry;
use crate::domain::cause::chain;
use crate::domain::{Clock, Finding, SystemClock};

const SUBJECT: &str = "database";

/// The first version whose projections work as indexes.
const MIN_VERSION: (u32, u32) = (25, 12);

/// A larger difference makes the times in logs and entries hard to compare.
const MAX_CLOCK_DIFFERENCE_S: i64 = 60;

/// The rights that the user needs.
const GRANTS: [&str; 11] = [
    "CREATE DATABASE ON *.*",
    "CREATE TABLE ON *.*",
    "CREATE VIEW ON *.*",
    "CREATE TEMPORARY TABLE ON *.*",
    "DROP DATABASE ON *.*",
    "DROP TABLE ON *.*",
    "DROP VIEW ON *.*",
    "OPTIMIZE ON *.*",
    "SELECT ON *.*",
    "INSERT ON *.*",
    "ALTER TABLE ON *.*",
];

/// Those that it needs in addition on a cluster.
const CLUSTER_GRANTS: [&str; 1] = ["SYSTEM SYNC REPLICA ON *.*"];

/// Checks whether a store can be opened there.
pub async fn check_address(address: &Address) -> Vec<Finding> {
    match Client::new(address) {
        Ok(client) => {
            let mut findings = check(&client).await;
            if let Some(cluster) = &address.cluster {
                findings.extend(check_cluster(&client, cluster).await);
            }
            findings
        }
        Err(failure) => vec![unreachable(&failure)],
    }
}

pub(super) async fn check(client: &Client) -> Vec<Finding> {
    #[derive(clickhouse::Row, serde::Deserialize)]
    struct About {
        version: String,
        user: String,
        now_s: i64,
    }
    let about = client.fetch::<About>("check", |it| {
        it.query_raw("SELECT version() AS version, currentUser() AS user, toInt64(now()) AS now_s")
    });
    let about = match about.await.map(|mut rows| rows.pop()) {
        Ok(Some(about)) => about,
        Ok(None) => return vec![unreachable(&Failure::InvalidData("no rows".to_owned()))],
        Err(failure) => return vec![unreachable(&failure)],
    };
    let mut findings = vec![version(&about.version)];
    findings.extend(clock(about.now_s, SystemClock.now()));
    findings.extend(grants(client, &about.user).await);
    findings.extend(entries(client).await);
    findings
}

/// Reports a table of tenant entries that belongs to another program or to a newer version.
async fn entries(client: &Client) -> Option<Finding> {
    match registry::check_schema(client).await {
        Ok(None) => None,
        Ok(Some(error)) => Some(Finding::wrong(
            SUBJECT,
            chain(&error),
            "run that version of event-history, or rename the table of the other program",
        )),
        Err(failure) => Some(unreachable(&failure)),
    }
}

fn version(version: &str) -> Finding {
    let mut numbers = version.split('.').map_while(|part| part.parse().ok());
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < MIN_VERSION {
        let (major, minor) = MIN_VERSION;
        return Finding::wrong(
            SUBJECT,
            format!("ClickHouse {version} is too old"),
            format!("upgrade it to {major}.{minor} or newer"),
        );
    }
    Finding::good(SUBJECT, format!("ClickHouse {version} answers"))
}

fn clock(now_s: i64, own: Timestamp) -> Option<Finding> {
    let difference = now_s - own.as_second();
    (difference.abs() > MAX_CLOCK_DIFFERENCE_S).then(|| {
        Finding::warning(
            SUBJECT,
            format!("the clock of ClickHouse differs from this machine's by {difference} s"),
            "synchronize both clocks",
        )
    })
}

async fn grants(client: &Client, user: &str) -> Option<Finding> {
    let mut missing = Vec::new();
    let of_clusters = CLUSTER_GRANTS.into_iter().filter(|_| client.is_cluster());
    for grant in GRANTS.into_iter().chain(of_clusters) {
        // Fixed texts: CHECK GRANT takes no parameters.
        let sql = format!("CHECK GRANT {grant}");
        match client.fetch::<u8>("check", |it| it.query_raw(&sql)).await {
            Ok(answer) if answer == [1] => {}
            Ok(_) => missing.push(grant),
            Err(failure) => return Some(unreachable(&failure)),
        }
    }
    (!missing.is_empty()).then(|| {
        let missing = missing.join(", ");
        Finding::wrong(
            SUBJECT,
            format!("user '{user}' may not {missing}"),
            format!("GRANT {missing} TO {user}"),
        )
    })
}

async fn check_cluster(client: &Client, cluster: &Cluster) -> Vec<Finding> {
    match discover(client, cluster).await {
        Ok(()) => check_nodes(client).await,
        Err(Failure::Setup(problem)) => vec![Finding::wrong(
            SUBJECT,
            problem,
            "use one of `SELECT DISTINCT cluster FROM system.clusters`",
        )],
        Err(failure) => vec![unreachable(&failure)],
    }
}

fn unreachable(failure: &Failure) -> Finding {
    let remedy = if failure.is(code::AUTHENTICATION_FAILED) {
        "set the user and password of the database URL: clickhouse://user:password@host:8123"
    } else if failure.is(code::READONLY) {
        "give the user a profile that is not read-only (readonly = 0)"
    } else if failure.is(code::ACCESS_DENIED) {
        "grant the user CREATE, DROP and ALTER of databases and tables, SELECT and INSERT, on *.*"
    } else {
        "make sure that ClickHouse runs, and that the database URL has the scheme, host and port of its HTTP interface"
    };
    Finding::wrong(SUBJECT, failure.to_string(), remedy)
}

#[cfg(test)]
mod tests {
    use super::version;
    use crate::domain::finding::State;

    #[test]
    fn old_versions_are_reported() {
        for (text, good) in [
            ("26.7.2.1", true),
            ("25.12.1.1", true),
            ("25.11.9.9", false),
            ("24.8", false),
            ("x", false),
        ] {
            assert_eq!(version(text).state == State::Good, good, "{text}");
        }
    }
}
