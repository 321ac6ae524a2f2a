//! The ClickHouse backend: the contract that every backend keeps, and what is its own.

#![expect(clippy::unwrap_used, reason = "a failure ends the test")]

mod any_values;
mod contract;
mod limits;
mod tenants;

use std::sync::Arc;

use async_trait::async_trait;
use event_history::store::conformance::Opener;
use event_history::store::{self, Store};

use crate::support::ClickHouse;

/// An engine of its own, gone with the test.
struct Place {
    engine: ClickHouse,
}

impl Place {
    fn new() -> Self {
        Self {
            engine: ClickHouse::start(),
        }
    }

    /// Opens a store as one more replica would.
    async fn replica(&self) -> Arc<dyn Store> {
        self.try_replica().await.unwrap()
    }

    async fn try_replica(&self) -> Result<Arc<dyn Store>, store::Error> {
        store::open(&self.engine.url().parse().unwrap()).await
    }
}

#[async_trait]
impl Opener for Place {
    async fn open(&self) -> Arc<dyn Store> {
        self.replica().await
    }
}
