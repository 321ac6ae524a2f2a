//! The limit of open files, sockets and pipes.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files that are not connections: 64 open tenant databases take under 450.
const OTHER_FILES: u64 = 512;

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
    let connections = u64::try_from(max_connections).unwrap_or(u64::MAX);
    let needed = connections.saturating_mul(PER_CONNECTION) + OTHER_FILES;
    // `None` is no limit.
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            "the system allows {allowed} open files, but {max_connections} connections may need \
             {needed}: raise its limit (LimitNOFILE=, ulimit -n), or lower --max-connections"
        );
    }
}
