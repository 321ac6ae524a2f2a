//! Bounds what s3s holds of a body in AWS's chunked encoding: a chunk, whose size the client chooses.
//!
//! A signed chunk is held until its signature is verified, so it has a limit. An unsigned one is passed on in pieces:
//! some clients send gigabytes as one chunk.
//! Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header: Transferring Payload in
//! Multiple Chunks".

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::Frame;

use super::body::{BodyError, BodyReader, MAX_SIGNED_CHUNK_BYTES};

/// A size, a signature and their separators are much shorter.
const MAX_LINE_BYTES: usize = 1024;
const LINE_END: &[u8] = b"\r\n";

/// Reads a body in chunks, and passes it on in chunks that are small or were signed.
#[derive(Debug)]
pub(crate) struct ChunkedReader {
    body: BodyReader,
    state: State,
    ready: VecDeque<Bytes>,
}

#[derive(Debug)]
enum State {
    /// In the line before a chunk.
    Line(Vec<u8>),
    /// In a signed chunk: so many bytes are left, with the end of its last line.
    Signed(u64),
    /// In an unsigned chunk: so many bytes are left.
    Unsigned(u64),
    /// At the end of an unsigned chunk: so many bytes of its last line are left.
    End(usize),
    /// Behind the last chunk, or in what is no chunk: s3s decides.
    Rest,
}

impl ChunkedReader {
    pub(crate) fn new(body: BodyReader) -> Self {
        Self {
            body,
            state: State::Line(Vec::new()),
            ready: VecDeque::new(),
        }
    }

    /// Takes the next piece off `bytes`, which are not empty.
    fn advance(&mut self, bytes: &mut Bytes) -> Result<(), BodyError> {
        let length = bytes.len() as u64;
        let take = |bytes: &mut Bytes, left: u64| {
            let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
            bytes.split_to(taken)
        };
        self.state = match &mut self.state {
            State::Line(line) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let taken = end.map_or(bytes.len(), |end| end + 1);
                line.extend_from_slice(&bytes.split_to(taken));
                if end.is_none() && line.len() <= MAX_LINE_BYTES {
                    return Ok(());
                }
                let line = std::mem::take(line);
                let state = after_line(&line)?;
                if !matches!(state, State::Unsigned(_)) {
                    self.ready.push_back(line.into());
                }
                state
            }
            State::Signed(left) => {
                self.ready.push_back(take(bytes, *left));
                match left.saturating_sub(length) {
                    0 => State::Line(Vec::new()),
                    left => State::Signed(left),
                }
            }
            State::Unsigned(left) => {
                let piece = take(bytes, *left);
                let head = format!("{:x}\r\n", piece.len());
                let end = Bytes::from_static(LINE_END);
                self.ready.extend([head.into(), piece, end]);
                match left.saturating_sub(length) {
                    0 => State::End(LINE_END.len()),
                    left => State::Unsigned(left),
                }
            }
            State::End(left) => {
                let expected = &LINE_END[LINE_END.len() - *left..];
                let end = take(bytes, *left as u64);
                if !expected.starts_with(&end) {
                    // Not the encoding, which s3s is shown.
                    self.ready.push_back(end);
                    State::Rest
                } else if end.len() == *left {
                    State::Line(Vec::new())
                } else {
                    State::End(*left - end.len())
                }
            }
            State::Rest => {
                self.ready.push_back(bytes.split_to(bytes.len()));
                State::Rest
            }
        };
        Ok(())
    }
}

/// Reads the line before a chunk: `<size in hexadecimal>[;chunk-signature=…]`.
fn after_line(line: &[u8]) -> Result<State, BodyError> {
    let text = str::from_utf8(line).unwrap_or_default().trim_end();
    let (size, signature) = match text.split_once(';') {
        Some((size, signature)) => (size, Some(signature)),
        None => (text, None),
    };
    Ok(match (u64::from_str_radix(size, 16), signature) {
        (Err(_) | Ok(0), _) => State::Rest,
        (Ok(size), Some(_)) if size > MAX_SIGNED_CHUNK_BYTES => {
            return Err(BodyError::ChunkTooLarge);
        }
        (Ok(size), Some(_)) => State::Signed(size + LINE_END.len() as u64),
        (Ok(size), None) => State::Unsigned(size),
    })
}

impl http_body::Body for ChunkedReader {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            if let Some(bytes) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            let mut bytes = match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                other => return Poll::Ready(other),
            };
            while bytes.has_remaining() {
                if let Err(error) = this.advance(&mut bytes) {
                    this.body.0.refuse_chunk();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use futures_util::stream;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    use super::super::body::{BodyReader, RequestBody};
    use super::ChunkedReader;

    /// Returns what is passed on of a body that arrives in pieces of `piece` bytes.
    fn passed_on(body: &[u8], piece: usize) -> Result<Vec<u8>, String> {
        let pieces: Vec<_> = body.chunks(piece).map(<[u8]>::to_vec).collect();
        let pieces = pieces.into_iter().map(Ok::<_, std::io::Error>);
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().build().unwrap();
        runtime.block_on(async {
            let body = RequestBody::new(Body::from_stream(stream::iter(pieces)));
            let reader = ChunkedReader::new(BodyReader(body));
            let collected = reader.collect().await.map_err(|error| error.to_string());
            collected.map(|it| it.to_bytes().to_vec())
        })
    }

    /// Decodes unsigned chunks. Returns the content, the largest chunk, and what follows.
    fn decode(mut body: &[u8]) -> (Vec<u8>, usize, Vec<u8>) {
        let (mut content, mut largest) = (Vec::new(), 0);
        loop {
            let end = body.iter().position(|byte| *byte == b'\n').unwrap();
            let size = str::from_utf8(&body[..end]).unwrap().trim_end();
            let size = usize::from_str_radix(size, 16).unwrap();
            body = &body[end + 1..];
            if size == 0 {
                return (content, largest, body.to_vec());
            }
            content.extend_from_slice(&body[..size]);
            assert_eq!(&body[size..size + 2], b"\r\n");
            body = &body[size + 2..];
            largest = largest.max(size);
        }
    }

    proptest! {
        #[test]
        fn unsigned_chunks_are_cut_and_stay_the_same(
            chunks in proptest::collection::vec(1_usize..500, 0..6),
            piece in 1_usize..700,
        ) {
            let (mut body, mut content) = (Vec::new(), Vec::new());
            for (number, size) in chunks.iter().enumerate() {
                // Some of it looks like the encoding.
                let bytes = format!("{number}\r\n0\r\n").repeat(*size).into_bytes();
                body.extend_from_slice(format!("{size:X}\r\n").as_bytes());
                body.extend_from_slice(&bytes[..*size]);
                body.extend_from_slice(b"\r\n");
                content.extend_from_slice(&bytes[..*size]);
            }
            let trailers = b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n";
            body.extend_from_slice(b"0\r\n");
            body.extend_from_slice(trailers);
            let (found, largest, rest) = decode(&passed_on(&body, piece).unwrap());
            prop_assert_eq!(found, content);
            prop_assert!(largest <= piece);
            prop_assert_eq!(rest, trailers);
        }

        #[test]
        fn signed_chunks_and_other_bytes_are_passed_on_as_they_are(
            size in 1_usize..500,
            piece in 1_usize..700,
            noise in "[0-9a-g;\r\n]{0,40}",
        ) {
            let signature = "a".repeat(64);
            let content = "5\r\n".repeat(size);
            let content = &content[..size];
            let body = format!(
                "{size:x};chunk-signature={signature}\r\n{content}\r\n0;chunk-signature={signature}\r\n\r\n{noise}"
            );
            prop_assert_eq!(passed_on(body.as_bytes(), piece).unwrap(), body.as_bytes());
        }
    }

    #[test]
    fn a_large_signed_chunk_is_refused_before_it_comes() {
        let line = |size: u64| format!("{size:x};chunk-signature={}\r\nx", "a".repeat(64));
        assert!(passed_on(line(16 << 20).as_bytes(), 10).is_ok());
        assert!(passed_on(line((16 << 20) + 1).as_bytes(), 10).is_err());
        assert!(passed_on(line(u64::MAX).as_bytes(), 10).is_err());
    }
}
