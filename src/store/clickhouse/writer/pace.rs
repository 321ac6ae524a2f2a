//! When the batches of one table start.
//!
//! A part in ClickHouse is a folder that has to be merged with others, and the statements about a few events cost the server
//! nearly what those about a thousand do. So a batch waits for the one under way, unless enough calls to fill it have come in
//! meanwhile or that one takes much longer than usual. Callers that were just answered most often send again at once, so a batch
//! waits for these too, for some milliseconds.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::queue::{TableQueue, Waiting};

/// The time that the first call after an idle time waits for others.
const IDLE_LINGER: Duration = Duration::from_millis(1);

/// The interval between INSERTs into one table under load: 40 parts per second and replica are merged as fast as they
/// are written.
const LOADED_INTERVAL: Duration = Duration::from_millis(25);

/// A table whose last INSERT is older than this is idle.
const LOADED_FOR: Duration = Duration::from_millis(100);

/// A small batch starts beside one that has taken twice the usual time, but not less or more than this: one that is held up
/// delays no others for longer.
const LEAST_ALONE: Duration = Duration::from_millis(50);
const MOST_ALONE: Duration = Duration::from_millis(250);

/// How long callers that were answered are waited for, and how long if none of them sends. No longer than half of a batch.
const MOST_GATHERING: Duration = Duration::from_millis(20);
const SILENCE: Duration = Duration::from_millis(3);

#[derive(Debug, Default)]
pub(super) struct Pace {
    state: Mutex<State>,
    /// A batch has ended.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    last_start: Option<Instant>,
    under_way: usize,
    last_end: Option<End>,
    /// How long batches take.
    usual: Duration,
}

#[derive(Debug, Clone, Copy)]
struct End {
    at: Instant,
    /// That waited then, and that it answered.
    calls: usize,
}

/// A batch under way; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    pace: Arc<Pace>,
    queue: Arc<TableQueue>,
    started: Instant,
    calls: usize,
}

impl Pace {
    /// Returns once the next batch may start.
    pub(super) async fn wait(&self, queue: &TableQueue) {
        let start = self.lock().next_start(Instant::now());
        sleep_until(start).await;
        loop {
            let alone_until = self.lock().alone_until(queue.waiting());
            match alone_until {
                Some(until) if Instant::now() < until => {
                    tokio::select! {
                        () = sleep_until(until) => {}
                        () = self.ended.notified() => {}
                        () = queue.changed() => {}
                    }
                }
                _ => break,
            }
        }
        loop {
            let now = Instant::now();
            let gathering_until = self.lock().gathering_until(queue.waiting());
            match gathering_until {
                Some(until) if now < until => {
                    let until = until.min(now + SILENCE);
                    if timeout_at(until, queue.changed()).await.is_err() {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    /// Starts a batch of so many calls.
    pub(super) fn start(self: &Arc<Self>, queue: &Arc<TableQueue>, calls: usize) -> Turn {
        let started = Instant::now();
        let mut state = self.lock();
        state.last_start = Some(started);
        state.under_way += 1;
        drop(state);
        Turn {
            pace: Arc::clone(self),
            queue: Arc::clone(queue),
            started,
            calls,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn next_start(&self, now: Instant) -> Instant {
        match self.last_start {
            Some(last) if now < last + LOADED_FOR => last + LOADED_INTERVAL,
            _ => now + IDLE_LINGER,
        }
    }

    /// Returns until when the batch under way is left alone, unless enough wait.
    fn alone_until(&self, waiting: Waiting) -> Option<Instant> {
        let is_alone = self.under_way > 0 && !waiting.fills_half_a_batch();
        let alone = (self.usual * 2).clamp(LEAST_ALONE, MOST_ALONE);
        self.last_start.filter(|_| is_alone).map(|it| it + alone)
    }

    /// Returns until when the callers of the last batch are waited for, unless they are all there.
    fn gathering_until(&self, waiting: Waiting) -> Option<Instant> {
        let end = self.last_end.filter(|_| self.under_way == 0)?;
        let gathering = (self.usual / 2).min(MOST_GATHERING);
        (waiting.calls < end.calls).then(|| end.at + gathering)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = Instant::now();
        let took = now - self.started;
        let waiting = self.queue.waiting().calls;
        let mut state = self.pace.lock();
        state.under_way -= 1;
        state.last_end = Some(End {
            at: now,
            calls: waiting + self.calls,
        });
        state.usual = if state.usual.is_zero() {
            took
        } else {
            (state.usual * 3 + took) / 4
        };
        drop(state);
        self.pace.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{
        IDLE_LINGER, LOADED_FOR, LOADED_INTERVAL, MOST_ALONE, MOST_GATHERING, Pace, SILENCE,
    };
    use crate::store::clickhouse::writer::queue::samples::call;
    use crate::store::clickhouse::writer::queue::{MAX_BATCH_EVENTS, TableQueue};
    use crate::store::samples::{Random, tenant};

    const USUAL: Duration = Duration::from_millis(60);

    fn push(queue: &TableQueue, random: &mut Random, calls: usize) {
        for _ in 0..calls {
            let call = call(&tenant("demo"), vec![random.event()]);
            queue.push(call).unwrap();
        }
    }

    /// Returns a pace at which one batch of so many calls has just ended.
    async fn after(queue: &Arc<TableQueue>, calls: usize) -> Arc<Pace> {
        let pace = Arc::new(Pace::default());
        let turn = pace.start(queue, calls);
        sleep(USUAL).await;
        drop(turn);
        pace
    }

    async fn waited(pace: &Pace, queue: &TableQueue) -> Duration {
        let started = Instant::now();
        pace.wait(queue).await;
        started.elapsed()
    }

    /// Timers are exact to a millisecond.
    fn assert_is(waited: Duration, expected: Duration) {
        let late = waited.checked_sub(expected);
        assert!(
            late.is_some_and(|it| it < Duration::from_millis(2)),
            "{waited:?} instead of {expected:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_waits_for_the_one_under_way_unless_it_is_large_or_that_is_slow() {
        let (mut random, queue) = (Random::seeded(1), Arc::new(TableQueue::default()));
        push(&queue, &mut random, 10);
        let pace = after(&queue, 0).await;
        let turn = pace.start(&queue, 0);
        let ends = async {
            sleep(USUAL).await;
            drop(turn);
        };
        let (until_the_end, ()) = tokio::join!(waited(&pace, &queue), ends);
        assert_is(until_the_end, USUAL);

        let turn = pace.start(&queue, 0);
        assert_is(waited(&pace, &queue).await, USUAL * 2);
        sleep(MOST_ALONE * 10).await;
        drop(turn); // and makes what is usual longer
        let _slow = pace.start(&queue, 0);
        assert_is(waited(&pace, &queue).await, MOST_ALONE);

        let _other = pace.start(&queue, 0);
        push(&queue, &mut random, MAX_BATCH_EVENTS / 2);
        assert_is(waited(&pace, &queue).await, LOADED_INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_waits_for_callers_that_were_answered_while_they_send() {
        const EACH: Duration = Duration::from_millis(1);
        let (mut random, queue) = (Random::seeded(2), Arc::new(TableQueue::default()));
        push(&queue, &mut random, 1);
        let pace = after(&queue, 10).await;
        assert_is(waited(&pace, &queue).await, SILENCE);

        let pace = after(&queue, 10).await;
        let send = async {
            for _ in 0..10 {
                sleep(EACH).await;
                push(&queue, &mut random, 1);
            }
        };
        let (gathered, ()) = tokio::join!(waited(&pace, &queue), send);
        assert!(gathered < EACH * 13, "{gathered:?}");
        assert_eq!(queue.take().len(), 11);

        // Not for as long as others go on sending.
        push(&queue, &mut random, 1);
        let pace = after(&queue, 1000).await;
        let send = async {
            for _ in 0..40 {
                sleep(EACH).await;
                push(&queue, &mut random, 1);
            }
        };
        let (gathered, ()) = tokio::join!(waited(&pace, &queue), send);
        assert_is(gathered, MOST_GATHERING);
        sleep(LOADED_FOR).await;
        assert_is(waited(&pace, &queue).await, IDLE_LINGER);
    }
}
