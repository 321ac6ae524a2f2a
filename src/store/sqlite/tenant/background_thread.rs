//! Threads with a lower priority than those that answer requests.

use std::io;
use std::thread::{Builder, JoinHandle};

/// The niceness that they add to that of the process. With it, the row "create-event of one tenant" beside a tenant at
/// full load fell from 15 to 12 ms (p99) in docs/benchmarks.md.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Starts a thread with that priority.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        lower_priority();
        work()
    })
}

/// Source: setpriority(2), "C library/kernel differences": on Linux each thread has a nice value of its own.
#[cfg(target_os = "linux")]
fn lower_priority() {
    use rustix::process::{getpriority_process, setpriority_process};

    let ours = getpriority_process(None);
    let lowered = ours.and_then(|nice| setpriority_process(None, nice + NICENESS));
    if let Err(error) = lowered {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

/// Elsewhere it would be the priority of the whole process.
#[cfg(not(target_os = "linux"))]
const fn lower_priority() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::{NICENESS, spawn};

    #[test]
    fn only_the_new_thread_has_a_lower_priority() {
        let ours = getpriority_process(None).expect("a priority");
        let thread = spawn("test", || getpriority_process(None)).expect("a thread");
        let its = thread.join().expect("its end").expect("a priority");
        assert_eq!(its, ours + NICENESS);
        assert_eq!(getpriority_process(None), Ok(ours));
    }
}
