//! The threads that write: the writers of all open databases share them, so that one that is idle needs none.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::background_thread;

/// The databases that are written to at once, at most: most threads wait for the disk, which syncs for several at a time.
const MAX_THREADS: usize = 64;

/// A thread ends when there was nothing to do for this long.
const END_AFTER: Duration = Duration::from_secs(10);

/// Something that a thread does for a short time.
pub(super) trait Turn: Send + Sync {
    /// Works, and tells whether there is more to do: others have their turn first.
    fn take_turn(self: Arc<Self>) -> bool;

    /// Notes that a turn ended with a panic: there is none after it.
    fn abandon(&self);
}

/// Ends its threads when the last clone is gone.
#[derive(Clone)]
pub(super) struct WriterThreads(Arc<Owner>);

struct Owner(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    ready: Condvar,
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<dyn Turn>>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl WriterThreads {
    /// Starts the first thread, which stays.
    pub(super) fn start() -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            ready: Condvar::new(),
        });
        shared.state().threads = 1;
        spawn(&shared)?;
        Ok(Self(Arc::new(Owner(shared))))
    }

    /// Has a thread call [`Turn::take_turn`] until there is nothing more to do.
    pub(super) fn run(&self, turn: Arc<dyn Turn>) {
        let shared = &self.0.0;
        let mut state = shared.state();
        state.ready.push_back(turn);
        if state.ready.len() <= state.idle {
            drop(state);
            shared.ready.notify_one();
        } else if state.threads < MAX_THREADS {
            state.threads += 1;
            drop(state);
            if let Err(error) = spawn(shared) {
                tracing::debug!(%error, "a thread that writes was not started");
                shared.state().threads -= 1; // the others do it
            }
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.ready.notify_all();
    }
}

impl std::fmt::Debug for WriterThreads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WriterThreads").finish_non_exhaustive()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works until there is nothing to do for a while.
    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(turn) = state.ready.pop_front() {
                drop(state);
                let more = take_turn(&turn);
                state = self.state();
                if more {
                    state.ready.push_back(turn);
                }
                continue;
            }
            if state.is_closed {
                break;
            }
            state.idle += 1;
            let waited = self.ready.wait_timeout(state, END_AFTER);
            let (guard, waited) = waited.unwrap_or_else(PoisonError::into_inner);
            state = guard;
            state.idle -= 1;
            if waited.timed_out() && state.ready.is_empty() && state.threads > 1 {
                break;
            }
        }
        state.threads -= 1;
    }
}

fn spawn(shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    background_thread::spawn("sqlite-writer", move || shared.work()).map(drop)
}

fn take_turn(turn: &Arc<dyn Turn>) -> bool {
    catch_unwind(AssertUnwindSafe(|| Arc::clone(turn).take_turn())).unwrap_or_else(|_| {
        tracing::error!("a writer ended by a panic");
        turn.abandon();
        false
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, mpsc};
    use std::time::Duration;

    use super::{MAX_THREADS, Turn, WriterThreads};

    const SOON: Duration = Duration::from_secs(10);

    /// Reports each turn, and blocks in it until it is told to go on.
    struct Blocking {
        begun: mpsc::SyncSender<()>,
        go_on: Arc<AtomicBool>,
    }

    impl Turn for Blocking {
        fn take_turn(self: Arc<Self>) -> bool {
            self.begun.send(()).unwrap();
            while !self.go_on.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            false
        }

        fn abandon(&self) {}
    }

    #[test]
    fn turns_run_side_by_side_up_to_the_number_of_threads_and_none_is_forgotten() {
        let threads = WriterThreads::start().unwrap();
        let (begun, turns) = mpsc::sync_channel(1000);
        let go_on = Arc::new(AtomicBool::new(false));
        for _ in 0..2 * MAX_THREADS {
            let (begun, go_on) = (begun.clone(), Arc::clone(&go_on));
            threads.run(Arc::new(Blocking { begun, go_on }));
        }
        for _ in 0..MAX_THREADS {
            turns.recv_timeout(SOON).unwrap();
        }
        let one_more = turns.recv_timeout(Duration::from_millis(50));
        assert!(one_more.is_err(), "more turns than threads");
        go_on.store(true, Ordering::Relaxed);
        for _ in 0..MAX_THREADS {
            turns.recv_timeout(SOON).unwrap();
        }
    }

    struct Panicking(AtomicUsize);

    impl Turn for Panicking {
        fn take_turn(self: Arc<Self>) -> bool {
            panic!("expected by the test");
        }

        fn abandon(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_panic_ends_a_turn_and_not_the_thread() {
        let threads = WriterThreads::start().unwrap();
        let panicking = Arc::new(Panicking(AtomicUsize::new(0)));
        for _ in 0..2 * MAX_THREADS {
            threads.run(Arc::clone(&panicking) as Arc<dyn Turn>);
        }
        let (begun, turns) = mpsc::sync_channel(1);
        let go_on = Arc::new(AtomicBool::new(true));
        threads.run(Arc::new(Blocking { begun, go_on }));
        turns.recv_timeout(SOON).unwrap();
        while panicking.0.load(Ordering::Relaxed) < 2 * MAX_THREADS {
            std::thread::yield_now();
        }
    }
}
