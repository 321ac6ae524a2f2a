//! Compresses what is read of a history and the files of the viewer, for callers who ask for it.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression as Level;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is compressed: the answers about a history, and the viewer. Others are small.
const PATHS: [&str; 2] = ["/api/history/", "/ui/"];

/// The types of these answers. A stream of events is no such file: each event has to leave at once.
const TYPES: [&str; 5] = [
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "text/javascript",
    "text/css",
];

/// Smaller answers fit into one packet as they are.
const MIN_BYTES: u64 = 1024;

/// The responses that are compressed at once; others are sent as they are. Each takes up to a megabyte.
const MAX_RESPONSES: usize = 32;

/// The lowest levels: they shorten JSON to a fifth, and higher ones take several times the time for some percent.
const GZIP_LEVEL: u32 = 1;
const ZSTD_LEVEL: i32 = 1;

/// The logarithm of the bytes that zstd looks back on, and keeps in memory.
const ZSTD_WINDOW_LOG: u32 = 17;

#[derive(Debug, Clone)]
pub(crate) struct Compression(Arc<Semaphore>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Gzip,
    Zstd,
}

impl Compression {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_RESPONSES)))
    }

    pub(crate) fn wrap<S>(self, router: Router<S>) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        router.layer(from_fn(move |request: Request, next: Next| {
            self.clone().answer(request, next)
        }))
    }

    async fn answer(self, request: Request, next: Next) -> Response {
        let path = request.uri().path();
        let is_one = PATHS.iter().any(|it| path.starts_with(it));
        let coding = Coding::best(request.headers()).filter(|_| is_one);
        let response = next.run(request).await;
        let Some(coding) = coding.filter(|_| is_worthwhile(&response)) else {
            return response;
        };
        let Ok(permit) = self.0.try_acquire_owned() else {
            return response;
        };
        match coding.encoder() {
            Ok(encoder) => compress(response, coding, encoder, permit),
            Err(error) => {
                tracing::warn!(%error, "a response is not compressed");
                response
            }
        }
    }
}

fn is_worthwhile(response: &Response) -> bool {
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.map(HeaderValue::as_bytes).unwrap_or_default();
    let has_type = TYPES
        .iter()
        .any(|it| content_type.starts_with(it.as_bytes()));
    let bytes = response.body().size_hint().upper();
    let is_large = bytes.is_none_or(|bytes| bytes >= MIN_BYTES);
    response.status() == StatusCode::OK && has_type && is_large
}

fn compress(
    response: Response,
    coding: Coding,
    encoder: Encoder,
    permit: OwnedSemaphorePermit,
) -> Response {
    let (mut head, body) = response.into_parts();
    head.headers.remove(CONTENT_LENGTH);
    let name = HeaderValue::from_static(coding.name());
    head.headers.insert(CONTENT_ENCODING, name);
    head.headers.append(VARY, ACCEPT_ENCODING.into());
    let body = CompressedBody {
        body,
        encoder: Some(encoder),
        _permit: permit,
    };
    Response::from_parts(head, Body::new(body))
}

impl Coding {
    /// Returns the coding that a caller likes best, zstd of two that it likes as much. `None` if it names neither: what it
    /// does not ask for by name, it does not get.
    fn best(asked: &HeaderMap) -> Option<Self> {
        let lists = asked.get_all(ACCEPT_ENCODING).iter();
        let lists = lists.filter_map(|list| list.to_str().ok());
        let mut best = None;
        for item in lists.flat_map(|list| list.split(',')) {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let coding = match name.trim().to_ascii_lowercase().as_str() {
                "gzip" | "x-gzip" => Self::Gzip,
                "zstd" => Self::Zstd,
                _ => continue,
            };
            let weight = weight(parameters);
            if weight > 0 {
                best = best.max(Some((weight, coding == Self::Zstd)));
            }
        }
        best.map(|(_, is_zstd)| if is_zstd { Self::Zstd } else { Self::Gzip })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    fn encoder(self) -> io::Result<Encoder> {
        Ok(match self {
            Self::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), Level::new(GZIP_LEVEL))),
            Self::Zstd => {
                let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.window_log(ZSTD_WINDOW_LOG)?;
                Encoder::Zstd(encoder)
            }
        })
    }
}

/// Returns the weight that a coding has, in thousandths; 0 if it cannot be read.
/// Source: RFC 9110, section 12.4.2.
fn weight(parameters: &str) -> u16 {
    let Some((name, value)) = parameters.split_once('=') else {
        return 1000;
    };
    let value = value.trim();
    if !name.trim().eq_ignore_ascii_case("q") || value.len() > "0.000".len() {
        return 0;
    }
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let fraction: Option<u16> = format!("{fraction:0<3}").parse().ok();
    match (whole, fraction) {
        ("0", Some(thousandths)) => thousandths,
        ("1", Some(0)) => 1000,
        _ => 0,
    }
}

enum Encoder {
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    /// Returns what can be sent after these bytes, perhaps nothing.
    fn write(&mut self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => {
                encoder.write_all(bytes)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
            Self::Zstd(encoder) => {
                encoder.write_all(bytes)?;
                Ok(std::mem::take(encoder.get_mut()))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// A body that is compressed as it is sent. One that fails has no end, so that nobody takes it for whole.
struct CompressedBody {
    body: Body,
    /// `None` at the end.
    encoder: Option<Encoder>,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for CompressedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if self.encoder.is_none() {
                return Poll::Ready(None);
            }
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context)).transpose();
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    self.encoder = None;
                    return Poll::Ready(Some(Err(error)));
                }
            };
            let written = match (frame, &mut self.encoder) {
                (Some(frame), Some(encoder)) => match frame.data_ref() {
                    Some(bytes) => encoder.write(bytes),
                    None => continue, // our bodies have no trailers
                },
                (None, encoder) => encoder.take().map_or(Ok(Vec::new()), Encoder::finish),
                (Some(_), None) => return Poll::Ready(None),
            };
            match written {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes.into())))),
                Err(error) => {
                    self.encoder = None;
                    return Poll::Ready(Some(Err(axum::Error::new(error))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::ACCEPT_ENCODING;

    use super::Coding;

    #[test]
    fn callers_get_the_coding_that_they_like_best() {
        for (lists, expected) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["*"], None),
            (&["gzip"], Some(Coding::Gzip)),
            (&["GZIP;q=0.5"], Some(Coding::Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Coding::Zstd)),
            (&["gzip;q=1.0, zstd;q=0.9"], Some(Coding::Gzip)),
            (&["gzip", "zstd ; q=0.001"], Some(Coding::Gzip)),
            (&["gzip;q=0, zstd;q=0.000"], None),
            (
                &["gzip;q=2", "zstd;q=x", "gzip;level=1", "zstd;q=1.5"],
                None,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(ACCEPT_ENCODING, list.parse().unwrap());
            }
            assert_eq!(Coding::best(&headers), expected, "{lists:?}");
        }
    }
}
