//! The runtime that the service runs on.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

/// By this variable an operator chooses the number of threads: tokio's own
/// (<https://docs.rs/tokio/1/tokio/runtime/struct.Builder.html#method.worker_threads>).
const THREADS: &str = "TOKIO_WORKER_THREADS";

/// Starts a runtime with a thread for each core but one, unless the environment names a number.
///
/// One core is left to what works beside the runtime: writers, readers, the kernel's share of the network. A
/// thread that answers for two of them is always awake and finds its caches as it left them: on two cores one
/// thread hands out a third more URLs than two do, see docs/decisions.
pub(super) fn of_the_service() -> io::Result<Runtime> {
    let mut builder = Builder::new_multi_thread();
    if std::env::var_os(THREADS).is_none() {
        let cores = available_parallelism().map_or(1, NonZero::get);
        builder.worker_threads(threads(cores));
    }
    builder.enable_all().build()
}

const fn threads(cores: usize) -> usize {
    if cores > 1 { cores - 1 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::threads;

    #[test]
    fn one_core_is_left_where_there_are_several() {
        assert_eq!([1, 2, 3, 8].map(threads), [1, 1, 2, 7]);
    }
}
