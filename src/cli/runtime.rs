//! The runtime that the service runs on.

use std::io;
use std::num::NonZero;
use std::thread::available_parallelism;

use tokio::runtime::{Builder, Runtime};

/// How many tasks a thread polls before it looks which connections have something to read, and what other
/// threads have woken. Fewer than tokio's 61: one of them may be a lane, which answers several requests at a
/// stretch (see `http/lanes.rs`).
const POLLS_BETWEEN_LOOKS: u32 = 8;

/// Starts a runtime with this many threads, or one for each core but one.
///
/// One core is left to what works beside the runtime: writers, readers, the kernel's share of the network. A
/// thread that answers for two of them is always awake and finds its caches as it left them: on two cores one
/// thread hands out a third more URLs than two do, see docs/decisions.
pub(super) fn of_the_service(threads: Option<usize>) -> io::Result<Runtime> {
    let threads =
        threads.unwrap_or_else(|| all_but_one(available_parallelism().map_or(1, NonZero::get)));
    Builder::new_multi_thread()
        .worker_threads(threads)
        .event_interval(POLLS_BETWEEN_LOOKS)
        .global_queue_interval(POLLS_BETWEEN_LOOKS)
        .enable_all()
        .build()
}

fn all_but_one(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::{all_but_one, of_the_service};

    #[test]
    fn one_core_is_left_where_there_are_several() {
        assert_eq!([1, 2, 3, 8].map(all_but_one), [1, 1, 2, 7]);
    }

    #[test]
    fn an_operator_may_choose() {
        let runtime = of_the_service(Some(3)).expect("a runtime");
        assert_eq!(runtime.metrics().num_workers(), 3);
    }
}
