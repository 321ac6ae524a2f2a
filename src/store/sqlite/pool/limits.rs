//! The number of databases that are open at once, from the limit of open files.

use rustix::process::{Resource, getrlimit};

/// The file descriptors of all databases, at most: a thousand tenants fit, and some more that eviction keeps free. Each
/// open database takes some 100 KiB of memory (docs/decisions/sqlite.md).
const MAX_DESCRIPTORS: u64 = 3700;

/// The descriptors of a database without readers: the file, its log and the log's index.
const PER_DATABASE: u64 = 3;

/// The descriptors of a connection that reads.
const PER_READER: u64 = 2;

/// Connections that run checkpoints, and locks that are held for a moment.
const RESERVED: u64 = 32;

const MAX_READS: u64 = 128;
const MIN_READS: u64 = 4;
const MIN_OPEN: u64 = 4;

/// How much is open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Open databases.
    pub(crate) open: u32,
    /// Reads that run, and as many connections that wait for the next one.
    pub(crate) reads: u32,
}

impl Limits {
    /// Leaves room for connections: databases take at most half of what the process may open.
    pub(crate) fn of_process() -> Self {
        Self::within(getrlimit(Resource::Nofile).current)
    }

    /// `None` is no limit.
    fn within(files: Option<u64>) -> Self {
        let descriptors = files.map_or(MAX_DESCRIPTORS, |it| (it / 2).min(MAX_DESCRIPTORS));
        let reads = (descriptors / 16).clamp(MIN_READS, MAX_READS);
        let left = descriptors.saturating_sub(2 * reads * PER_READER + RESERVED);
        let open = (left / PER_DATABASE).max(MIN_OPEN);
        let number = |it| u32::try_from(it).unwrap_or(u32::MAX);
        Self {
            open: number(open),
            reads: number(reads),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, MAX_DESCRIPTORS};

    fn descriptors(limits: Limits) -> u64 {
        u64::from(limits.open) * 3 + u64::from(limits.reads) * 2 * 2
    }

    #[test]
    fn databases_take_a_part_of_the_descriptors() {
        for files in [256, 1024, 4096, 65_536] {
            let limits = Limits::within(Some(files));
            assert!(descriptors(limits) < files / 2, "{files}: {limits:?}");
            assert!(limits.open >= 16, "{files}: {limits:?}");
        }
        let many = Limits::within(None);
        assert_eq!(many, Limits::within(Some(1_000_000)));
        assert!(
            descriptors(many) < MAX_DESCRIPTORS && many.open > 1035,
            "{many:?}"
        );
    }

    #[test]
    fn a_few_databases_are_open_however_low_the_limit() {
        assert_eq!(Limits::within(Some(10)), Limits { open: 4, reads: 4 });
    }
}
