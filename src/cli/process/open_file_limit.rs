//! The limit of open files, sockets and pipes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most that open databases take, and the part of what the system allows that they take if that is less.
const DATABASE_FILES: u64 = 3350;
const DATABASES_PART: u64 = 2;

/// Open files that are neither connections nor databases.
const OTHER_FILES: u64 = 64;

/// A connection is a socket, plus a file during a transfer with the embedded storage.
const PER_CONNECTION: u64 = 2;

/// Raises the limit as far as the system allows, and logs a warning if that is too low.
///
/// The usual soft limit of 1024 exists for programs that call `select(2)`; others are meant to raise it. If the limit is
/// too low, connections wait unanswered and databases cannot be opened.
/// Source: systemd.exec(5), "`LimitNOFILE=`".
pub(in crate::cli) fn raise_open_file_limit(max_connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files cannot be raised");
            current
        }
    };
    let needed = needed(u64::try_from(max_connections).unwrap_or(u64::MAX));
    // `None` is no limit.
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            "the system allows {allowed} open files, but {max_connections} connections may need \
             {needed}: raise its limit (LimitNOFILE=, ulimit -n), or lower --max-connections"
        );
    }
}

/// Returns the limit that leaves enough for so many connections.
fn needed(connections: u64) -> u64 {
    let without = connections.saturating_mul(PER_CONNECTION) + OTHER_FILES;
    without.saturating_add(
        without
            .saturating_mul(DATABASES_PART - 1)
            .min(DATABASE_FILES),
    )
}

#[cfg(test)]
mod tests {
    use super::{DATABASE_FILES, needed};

    #[test]
    fn databases_leave_enough_for_connections() {
        for connections in [10, 1000, 100_000] {
            let limit = needed(connections);
            assert!(limit - (limit / 2).min(DATABASE_FILES) >= 2 * connections);
        }
    }
}
