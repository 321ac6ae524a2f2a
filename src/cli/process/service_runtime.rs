//! The tokio runtime of the service.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

/// Starts a runtime with this many threads. By default it has a thread for each core but one.
///
/// One core is left to the threads of writers and readers, and to the kernel's network stack. A thread that does the work
/// of two never sleeps and keeps its caches warm: on two cores, one thread serves a third more upload URLs than two (see
/// docs/decisions).
pub(in crate::cli) fn build(threads: Option<usize>) -> io::Result<Runtime> {
    let threads =
        threads.unwrap_or_else(|| all_but_one(available_parallelism().map_or(1, NonZero::get)));
    Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
}

fn all_but_one(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::{all_but_one, build};

    #[test]
    fn leaves_one_of_several_cores() {
        assert_eq!([1, 2, 3, 8].map(all_but_one), [1, 1, 2, 7]);
    }

    #[test]
    fn uses_the_configured_number_of_threads() {
        let runtime = build(Some(3)).expect("a runtime");
        assert_eq!(runtime.metrics().num_workers(), 3);
    }
}
