//! Work on large inputs, off the threads that answer requests: a megabyte of JSON is read for tens of
//! milliseconds, and everybody else would wait for it.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::error::{ApiError, ApiResult};

/// Inputs up to this size are worked on at once, which takes a millisecond at most: less than the way to another
/// thread and back is worth.
const SMALL_BYTES: usize = 16 * 1024;

/// How much of such work runs at a time. Whoever waits for a turn waits within the request's own time.
#[derive(Debug)]
pub(super) struct Offload(Arc<Semaphore>);

impl Default for Offload {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Semaphore::new(cores)))
    }
}

impl Offload {
    /// Reads an input.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        input: Bytes,
        work: impl FnOnce(&[u8]) -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        if input.len() <= SMALL_BYTES {
            return work(&input);
        }
        self.run(move || work(&input)).await
    }

    /// Does work that takes long. What has begun ends, even if nobody waits for it.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> ApiResult<T> + Send + 'static,
    ) -> ApiResult<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let done = spawn_blocking(move || {
            let _turn = turn; // an error means that the semaphore is closed, which nobody does
            work()
        });
        done.await.unwrap_or(Err(ApiError::Panicked))
    }
}
