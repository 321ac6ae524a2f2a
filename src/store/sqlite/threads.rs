//! Threads that work behind the requests.

use std::io;
use std::thread::{Builder, JoinHandle};

/// By how much they are nicer than the process: those that answer requests go first where cores are few, and
/// of several processes the service still gets its share.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 5;

/// Starts a thread that gives way to those that answer requests.
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).spawn(move || {
        give_way();
        work()
    })
}

/// Source: setpriority(2), "C library/kernel differences": on Linux each thread has a nice value of its own.
#[cfg(target_os = "linux")]
fn give_way() {
    use rustix::process::{getpriority_process, setpriority_process};

    let ours = getpriority_process(None);
    let lowered = ours.and_then(|nice| setpriority_process(None, nice + NICENESS));
    if let Err(error) = lowered {
        tracing::debug!(%error, "a thread keeps its priority");
    }
}

/// Elsewhere it would be the priority of the whole process.
#[cfg(not(target_os = "linux"))]
const fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::{NICENESS, spawn};

    #[test]
    fn it_gives_way_and_nobody_else_does() {
        let ours = getpriority_process(None).expect("a priority");
        let thread = spawn("test", || getpriority_process(None)).expect("a thread");
        let its = thread.join().expect("its end").expect("a priority");
        assert_eq!(its, ours + NICENESS);
        assert_eq!(getpriority_process(None), Ok(ours));
    }
}
