//! The application state that handlers share. Imports nothing else of `http`.

mod cpu_pool;
mod memory_budget;
mod sign_in_code;
mod waiters;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::service::Service;
pub(super) use cpu_pool::CpuPool;
use memory_budget::MemoryBudget;
pub(super) use memory_budget::MemoryPermit;
pub use sign_in_code::SignInCode;
pub(super) use waiters::{Full, Waiter};
pub use waiters::{PartyLimits, Waiters};

/// The memory for large request bodies: some twenty of the largest.
const BODY_BUDGET_BYTES: usize = 48 * 1024 * 1024;

/// The memory for bodies of batches: two of the largest, each of another tenant.
const BATCH_BODY_BUDGET_BYTES: usize = 64 * 1024 * 1024;

/// The memory for events of batches: again two of the largest, and what each of 10,000 events takes in addition.
const BATCH_EVENT_BUDGET_BYTES: usize = 2 * (32 + 5) * 1024 * 1024;

/// The memory for comparing the largest event with a JSON Schema: some 90 bytes for each of its own.
pub(super) const MAX_SCHEMA_BYTES: usize = 96 * 1024 * 1024;

/// The memory for pages of events that are being sent.
const PAGE_BUDGET_BYTES: usize = 64 * 1024 * 1024;

/// The exports that are sent at once.
const MAX_EXPORTS: usize = 16;

/// The service and what bounds the work of its requests.
#[derive(Debug)]
pub struct AppState {
    pub(super) service: Arc<Service>,
    /// The base of the URLs in responses, without a slash at its end.
    pub(super) public_url: Box<str>,
    pub(super) metrics: PrometheusHandle,
    pub(super) cpu_pool: CpuPool,
    /// Bounds the memory that pages of events take, from the read to the last byte sent.
    pub(super) page_budget: MemoryBudget,
    /// Bounds the requests that wait for new events, streams included.
    pub(super) waiters: Arc<Waiters>,
    /// Bounds the exports that are being sent.
    pub(super) exports: Arc<Waiters>,
    /// Bounds the memory that large bodies take, from the first byte until they are stored.
    pub(super) body_budget: MemoryBudget,
    /// Bounds the memory that the bodies of batches take as they are sent.
    pub(super) batch_body_budget: MemoryBudget,
    /// Bounds the memory that the events of batches take until they are stored. Who has some never waits for that of bodies.
    pub(super) batch_event_budget: MemoryBudget,
    /// Bounds the memory that comparing events with schemas takes. Who has some waits for no other memory.
    pub(super) schema_budget: MemoryBudget,
    /// Opens the viewer signed in, once, if whoever started the service has printed a link.
    pub(super) sign_in_code: Arc<SignInCode>,
}

impl AppState {
    /// `public_url` is the base of the URLs in responses.
    pub fn new(
        service: Arc<Service>,
        public_url: &str,
        metrics: PrometheusHandle,
        waiters: Arc<Waiters>,
    ) -> Self {
        Self {
            service,
            public_url: public_url.trim_end_matches('/').into(),
            metrics,
            cpu_pool: CpuPool::default(),
            waiters,
            exports: Waiters::new(MAX_EXPORTS, PartyLimits::default(), "event_history_exports"),
            page_budget: MemoryBudget::new(PAGE_BUDGET_BYTES),
            body_budget: MemoryBudget::new(BODY_BUDGET_BYTES),
            batch_body_budget: MemoryBudget::new(BATCH_BODY_BUDGET_BYTES),
            batch_event_budget: MemoryBudget::new(BATCH_EVENT_BUDGET_BYTES),
            // Two of the largest, each of another tenant.
            schema_budget: MemoryBudget::new(2 * MAX_SCHEMA_BYTES),
            sign_in_code: Arc::default(),
        }
    }

    /// Returns where a code to open the viewer with can be set.
    pub fn sign_in_code(&self) -> Arc<SignInCode> {
        Arc::clone(&self.sign_in_code)
    }
}
