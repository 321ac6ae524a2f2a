//! Runs CPU-bound work outside the threads that answer requests: parsing a megabyte of JSON takes tens of milliseconds,
//! and all other requests would wait for it.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, spawn_blocking};

/// Inputs up to this size are parsed in place, which takes a millisecond at most: less than switching threads twice is worth.
const SMALL_BYTES: usize = 16 * 1024;

/// Events up to this size are written in place, which takes a fraction of a millisecond.
const SMALL_EVENTS_BYTES: usize = 64 * 1024;

/// Blocking threads for CPU-bound work, one for each core.
#[derive(Debug)]
pub(crate) struct CpuPool(Arc<Semaphore>);

impl Default for CpuPool {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(cores)))
    }
}

impl CpuPool {
    /// Parses an input, in the pool if it is large. An error means that `parse` panicked.
    pub(crate) async fn parse<T: Send + 'static>(
        &self,
        input: Bytes,
        parse: impl FnOnce(&[u8]) -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        self.run_sized(input.len(), move || parse(&input)).await
    }

    /// Runs work on an input of this length, in the pool if it is large.
    pub(crate) async fn run_sized<T: Send + 'static>(
        &self,
        length: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        if length <= SMALL_BYTES {
            return Ok(work());
        }
        self.run(work).await
    }

    /// Writes events of this weight, in the pool if they are large.
    pub(crate) async fn write_events<T: Send + 'static>(
        &self,
        weight_bytes: usize,
        write: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        if weight_bytes <= SMALL_EVENTS_BYTES {
            return Ok(write());
        }
        self.run(write).await
    }

    /// Runs work once a thread is free. Work that has begun ends, even if the request is cancelled.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        let permit = Arc::clone(&self.0).acquire_owned().await;
        spawn_blocking(move || {
            let _permit = permit; // never an error: the semaphore is not closed
            work()
        })
        .await
    }
}
