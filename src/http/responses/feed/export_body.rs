//! The body of an export: all events that match, as of its start.

use tokio::time::{Instant, sleep};

use super::{FeedReader, csv, write_json};
use crate::domain::{Cursor, Feed};
use crate::http::responses::chunked_body::{
    ChunkedBody, NextChunk, READ_PAUSE, READ_TIMEOUT, next_chunk,
};
use crate::http::responses::{ApiError, ApiResult};
use crate::http::state::{MemoryPermit, Waiter};
use crate::service;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExportFormat {
    /// One JSON object on each line.
    Ndjson,
    Csv,
}

/// An export that is being sent, a read after the other.
pub(crate) struct Export {
    reader: FeedReader,
    format: ExportFormat,
    /// Behind the last event that belongs to the export.
    end: Cursor,
    _place: Waiter,
    /// Since when the end was not reached although there was nothing more to read.
    stalled: Option<Instant>,
}

impl Export {
    /// `place` is given back at the end.
    pub(crate) const fn new(
        reader: FeedReader,
        format: ExportFormat,
        end: Cursor,
        place: Waiter,
    ) -> Self {
        Self {
            reader,
            format,
            end,
            _place: place,
            stalled: None,
        }
    }

    /// Makes the body, whose first events lie behind `after`. A CSV begins with its header line, unless an earlier part
    /// of it did.
    pub(crate) async fn body(
        self,
        after: Option<Cursor>,
        with_header: bool,
    ) -> ApiResult<ChunkedBody> {
        let start = match self.format {
            ExportFormat::Csv if with_header => csv::HEADER.as_bytes().to_vec(),
            ExportFormat::Csv | ExportFormat::Ndjson => Vec::new(),
        };
        let (feed, permit) = self.reader.read(after.as_ref()).await?;
        self.write(start, feed, permit).await
    }

    async fn write(
        mut self,
        start: Vec<u8>,
        feed: Feed,
        permit: MemoryPermit,
    ) -> ApiResult<ChunkedBody> {
        let Feed {
            mut events,
            positions,
            cursor,
            has_more,
        } = feed;
        let end = self.end.position();
        events.truncate(positions.partition_point(|it| *it <= end));
        let format = self.format;
        let text = self
            .reader
            .write(start, events, move |text, event, catalogue| {
                match format {
                    ExportFormat::Ndjson => {
                        write_json(text, event, catalogue)?;
                        text.extend(b"\n");
                    }
                    ExportFormat::Csv => {
                        let line = csv::line(&event, catalogue)?;
                        text.extend(line.as_bytes());
                    }
                }
                Ok(())
            });
        let text = text.await?;
        if cursor.position() >= end {
            return Ok(ChunkedBody::new(text, Some(permit), None));
        }
        let stalled = self.stalled.filter(|_| text.is_empty());
        self.stalled = (!has_more).then(|| stalled.unwrap_or_else(Instant::now));
        Ok(ChunkedBody::new(
            text,
            Some(permit),
            Some(self.next(cursor)),
        ))
    }

    fn next(self, after: Cursor) -> NextChunk {
        let request_id = self.reader.request_id.clone();
        next_chunk("a response", request_id, self.read_on(after))
    }

    async fn read_on(mut self, after: Cursor) -> ApiResult<ChunkedBody> {
        if let Some(since) = self.stalled {
            self.lower_end().await?;
            if since.elapsed() > READ_TIMEOUT {
                return Err(ApiError::TimedOut);
            }
            sleep(READ_PAUSE).await;
        }
        let (feed, permit) = self.reader.read_patiently(&after).await?;
        self.write(Vec::new(), feed, permit).await
    }

    /// Moves the end to the newest event, should the events behind that have been deleted. A store that cannot show all of
    /// them yet is waited for instead: what looks complete has to be it.
    async fn lower_end(&mut self) -> ApiResult<()> {
        match self.reader.access.newest_cursor().await {
            Ok(newest) if newest.position() < self.end.position() => self.end = newest,
            Ok(_) | Err(service::Error::Unavailable(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}
