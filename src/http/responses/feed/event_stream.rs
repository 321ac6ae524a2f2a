//! The body of a stream of server-sent events.
//! Source: WHATWG, HTML, section 9.2, "Server-sent events".

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until};

use super::{FeedReader, write_json};
use crate::domain::{Cursor, Feed};
use crate::http::responses::ApiResult;
use crate::http::responses::chunked_body::{ChunkedBody, NextChunk, READ_PAUSE, next_chunk};
use crate::http::state::{MemoryPermit, Waiter};
use crate::service::News;

/// The silence after which a comment is sent: shorter than the minute after which proxies close a silent connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The time within which a stream without news ends once its credential does. Every read checks it, too.
const CREDENTIAL_CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Keeps the connection, and tells whether the client is still there.
const HEARTBEAT_TEXT: &[u8] = b": heartbeat\n\n";

/// The first lines: the milliseconds after which a client that lost the connection comes back.
const START: &[u8] = b"retry: 2000\n\n";

/// A tenant's feed as it arrives. Between two reads it holds nothing of the store, and no memory but its own.
pub(crate) struct EventStream {
    reader: FeedReader,
    waiter: Waiter,
    news: News,
    /// What the client has been told last.
    cursor: Cursor,
    /// Something may have arrived since the last read.
    is_behind: bool,
    /// Not before then: events that keep arriving are read several at a time.
    next_read: Instant,
}

impl EventStream {
    /// Makes the body. `news` has to be older than the answer of the store to the first read, behind `after`.
    pub(crate) async fn body(
        reader: FeedReader,
        waiter: Waiter,
        news: News,
        after: Option<Cursor>,
    ) -> ApiResult<ChunkedBody> {
        let (feed, permit) = reader.read(after.as_ref()).await?;
        let stream = Self {
            reader,
            waiter,
            news,
            cursor: feed.cursor,
            is_behind: false,
            next_read: Instant::now(),
        };
        stream.write(START.to_vec(), feed, permit).await
    }

    /// Writes the events that were read, each with the cursor behind it, and the cursor behind those that filters hid.
    async fn write(
        mut self,
        start: Vec<u8>,
        feed: Feed,
        permit: MemoryPermit,
    ) -> ApiResult<ChunkedBody> {
        let Feed {
            events,
            positions,
            cursor,
            has_more,
        } = feed;
        let last = positions.last().copied();
        let mut positions = positions.into_iter();
        let text = self
            .reader
            .write(start, events, move |text, event, catalogue| {
                if let Some(position) = positions.next() {
                    text.extend(format!("id: {}\n", cursor.at(position)).as_bytes());
                }
                text.extend(b"data: ");
                write_json(text, event, catalogue)?;
                text.extend(b"\n\n");
                Ok(())
            });
        let mut text = text.await?;
        if last != Some(cursor.position()) {
            // Without data it is no event: it only moves what the client resumes from.
            text.push_back(format!("id: {cursor}\n\n").into());
        }
        self.cursor = cursor;
        self.is_behind = has_more;
        self.next_read = Instant::now() + if has_more { Duration::ZERO } else { READ_PAUSE };
        Ok(ChunkedBody::new(text, Some(permit), Some(self.next())))
    }

    fn next(self) -> NextChunk {
        let request_id = self.reader.request_id.clone();
        next_chunk("a response", request_id, self.read_on())
    }

    /// Reads once there is news. Ends when the service shuts down: clients then come back to another replica, or later. Ends
    /// with the credential, too.
    async fn read_on(mut self) -> ApiResult<ChunkedBody> {
        let heartbeat = Instant::now() + HEARTBEAT;
        let mut next_check = Instant::now() + CREDENTIAL_CHECK_INTERVAL;
        loop {
            if !self.is_behind {
                tokio::select! {
                    biased;
                    () = self.waiter.shutdown() => return Ok(end()),
                    () = self.news.changed() => self.is_behind = true,
                    () = sleep_until(next_check) => {
                        if self.reader.has_ended().await {
                            return Ok(end());
                        }
                        next_check = Instant::now() + CREDENTIAL_CHECK_INTERVAL;
                        continue;
                    }
                    () = sleep_until(heartbeat) => {
                        let text = VecDeque::from([Bytes::from_static(HEARTBEAT_TEXT)]);
                        return Ok(ChunkedBody::new(text, None, Some(self.next())));
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.waiter.shutdown() => return Ok(end()),
                () = sleep_until(self.next_read) => {}
            }
            let (feed, permit) = self.reader.read_patiently(&self.cursor).await?;
            if feed.cursor != self.cursor || feed.has_more {
                return self.write(Vec::new(), feed, permit).await;
            }
            self.is_behind = false;
            self.next_read = Instant::now() + READ_PAUSE;
        }
    }
}

/// Returns the end of a stream that is not cut off.
fn end() -> ChunkedBody {
    ChunkedBody::new(VecDeque::new(), None, None)
}
