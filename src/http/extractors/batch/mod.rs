//! Reads batches of events in all their forms, in bounded memory.
//!
//! `body` receives the bytes, `coding` decodes them, `splitter` cuts them into events, which `parser` parses with
//! `cloud_event`; `form` says from the head of the request which of these there are.

mod body;
mod cloud_event;
mod coding;
mod form;
mod parser;
mod splitter;

use std::io::BufRead;

use axum::extract::Request;

use self::coding::Coding;
use self::form::Form;
use self::parser::Parser;
pub(crate) use self::parser::{BatchEvent, Refused};
use crate::http::extractors::event_schema;
use crate::http::responses::{ApiError, ApiResult};
use crate::http::state::{AppState, CpuPool, MemoryPermit};
use crate::service::Access;

/// The largest body, as it is sent and as it is decoded.
pub(crate) const MAX_BATCH_BYTES: usize = 32 * 1024 * 1024;

/// The most events of a batch.
pub(crate) const MAX_BATCH_EVENTS: usize = 10_000;

/// The memory that each event takes in addition to its text, until its outcome has been sent.
const EVENT_OVERHEAD_BYTES: usize = 512;

/// The shortest event: a digit and the end of its line.
const MIN_EVENT_BYTES: usize = 2;

/// The bytes that are decoded or parsed before others have their turn in the CPU pool: some milliseconds of work.
const STEP_BYTES: usize = 256 * 1024;

/// The events of a request.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The body is one event and no list of events, not even of one.
    pub(crate) is_lone: bool,
    pub(crate) events: Vec<BatchEvent>,
    /// The memory of the events.
    pub(crate) permit: MemoryPermit,
}

impl Batch {
    /// Reads the body of a request. What is wrong with one of several events is said in its place; an error is of the
    /// whole body.
    pub(crate) async fn read(
        request: Request,
        state: &AppState,
        access: &Access,
    ) -> ApiResult<Self> {
        let tenant = access.client_id();
        let (head, body) = request.into_parts();
        let coding = Coding::of(&head.headers)?;
        let form = Form::of(&head.headers);
        let received = body::receive(body, state, tenant).await?;
        // Small bodies are parsed in milliseconds, unless they unfold.
        let pool = Pool {
            pool: &state.cpu_pool,
            works_in_place: coding == Coding::Identity && received.length <= body::UNBUDGETED_BYTES,
        };
        let decoded_bytes = match coding {
            Coding::Identity => received.length,
            // Nothing is kept before it is known how much it is.
            _ => {
                pool.feed(coding.decode(received.reader()), 0, count)
                    .await?
            }
        };
        let events = MAX_BATCH_EVENTS.min(decoded_bytes / MIN_EVENT_BYTES + 1);
        let memory = decoded_bytes + events * EVENT_OVERHEAD_BYTES;
        let memory = u32::try_from(memory).unwrap_or(u32::MAX);
        let permit = state.batch_event_budget.acquire_for(tenant, memory).await;
        let (reader, received_permit) = received.into_reader();
        let schemas = access.event_schemas();
        let _schema_permit = match &schemas {
            Some(_) => event_schema::reserve(state, access, decoded_bytes).await,
            None => None,
        };
        let parser = Parser::new(form, schemas);
        let parser = pool
            .feed(coding.decode(reader), parser, Parser::feed)
            .await?;
        let (is_lone, events) = pool.run(move || parser.finish()).await??;
        drop(received_permit);
        Ok(Self {
            is_lone,
            events,
            permit,
        })
    }
}

/// The threads on which a body is decoded and parsed.
struct Pool<'a> {
    pool: &'a CpuPool,
    works_in_place: bool,
}

impl Pool<'_> {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> ApiResult<T> {
        if self.works_in_place {
            return Ok(work());
        }
        Ok(self.pool.run(work).await?)
    }

    /// Feeds everything to `sink`, step by step.
    async fn feed<T: Send + 'static>(
        &self,
        mut reader: Box<dyn BufRead + Send>,
        mut sink: T,
        feed: fn(&mut T, &[u8]) -> ApiResult<()>,
    ) -> ApiResult<T> {
        loop {
            let step = move || {
                let is_end = take_step(&mut *reader, |bytes| feed(&mut sink, bytes));
                (reader, sink, is_end)
            };
            let is_end;
            (reader, sink, is_end) = self.run(step).await?;
            if is_end? {
                return Ok(sink);
            }
        }
    }
}

/// Feeds some bytes, and tells whether these were the last.
fn take_step(
    reader: &mut dyn BufRead,
    mut feed: impl FnMut(&[u8]) -> ApiResult<()>,
) -> ApiResult<bool> {
    let mut taken = 0;
    while taken < STEP_BYTES {
        let bytes = reader.fill_buf().map_err(|error| coding::invalid(&error))?;
        if bytes.is_empty() {
            return Ok(true);
        }
        feed(bytes)?;
        let length = bytes.len();
        taken += length;
        reader.consume(length);
    }
    Ok(false)
}

/// Counts decoded bytes up to the limit.
fn count(total: &mut usize, bytes: &[u8]) -> ApiResult<()> {
    *total += bytes.len();
    if *total > MAX_BATCH_BYTES {
        return Err(too_large());
    }
    Ok(())
}

fn too_large() -> ApiError {
    ApiError::TooLarge {
        limit_bytes: MAX_BATCH_BYTES,
    }
}
