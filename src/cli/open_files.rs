//! How many files, sockets and pipes the process may hold open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process holds beside its connections: 64 open tenant databases take under 450.
const BESIDE_CONNECTIONS: u64 = 512;

/// A connection is a socket, and a file where it up- or downloads one from the embedded storage.
const PER_CONNECTION: u64 = 2;

/// Raises the limit as far as the system lets us, and says so in the log where that is too little.
///
/// The usual 1024 are there for programs that call `select(2)`, and are meant to be raised by those
/// that do not. With too few of them connections wait unanswered, and databases cannot be opened.
/// Source: systemd.exec(5), "`LimitNOFILE=`".
pub(super) fn raise_limit(max_connections: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    let allowed = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            current
        }
    };
    let connections = u64::try_from(max_connections).unwrap_or(u64::MAX);
    let needed = connections.saturating_mul(PER_CONNECTION) + BESIDE_CONNECTIONS;
    // `None` is no limit at all.
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        tracing::warn!(
            "the system allows {allowed} open files, and {max_connections} connections may take \
             {needed}: raise its limit (LimitNOFILE=, ulimit -n), or lower --max-connections"
        );
    }
}
