//! Decodes `Content-Encoding`, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::body::BlockReader;
use crate::domain::Invalid;
use crate::http::extractors::json_fields::BODY;
use crate::http::responses::{ApiError, ApiResult, Problem};

/// Decoded bytes that are held at a time.
const BUFFER_BYTES: usize = 64 * 1024;

/// The largest window of zstd, as the power of two: what a sender may use.
/// Source: RFC 9659, section 3.
const MAX_WINDOW_LOG: u32 = 23;

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Identity,
    Gzip,
    Zstd,
}

impl Coding {
    pub(super) fn of(headers: &HeaderMap) -> ApiResult<Self> {
        let mut coding = Self::Identity;
        for value in headers.get_all(CONTENT_ENCODING) {
            let name = value.to_str().unwrap_or_default().trim();
            let named = match name.to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                // Source: RFC 9110, section 8.4.1.3.
                "gzip" | "x-gzip" => Self::Gzip,
                "zstd" => Self::Zstd,
                _ => return Err(ApiError::UnsupportedCoding),
            };
            if coding != Self::Identity {
                return Err(ApiError::UnsupportedCoding); // twice encoded
            }
            coding = named;
        }
        Ok(coding)
    }

    /// Returns a reader of the decoded bytes.
    pub(super) fn decode(self, body: BlockReader) -> Box<dyn BufRead + Send> {
        match self {
            Self::Identity => Box::new(body),
            Self::Gzip => buffered(flate2::bufread::MultiGzDecoder::new(body)),
            Self::Zstd => match zstd_decoder(body) {
                Ok(decoder) => decoder,
                Err(error) => Box::new(Failing(Some(error))),
            },
        }
    }
}

/// Returns the problem of a body that cannot be decoded.
pub(super) fn invalid(error: &io::Error) -> ApiError {
    let message = format!("Body should be encoded as Content-Encoding says: {error}");
    let invalid = Invalid::new("content_encoding_invalid", message);
    ApiError::Invalid(vec![Problem::new(vec![BODY.into()], invalid)])
}

fn zstd_decoder(body: BlockReader) -> io::Result<Box<dyn BufRead + Send>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    Ok(buffered(decoder))
}

fn buffered(decoder: impl Read + Send + 'static) -> Box<dyn BufRead + Send> {
    Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
}

/// A decoder that could not be made.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.fill_buf().map(<[u8]>::len)
    }
}

impl BufRead for Failing {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        Err(self.0.take().unwrap_or_else(|| io::ErrorKind::Other.into()))
    }

    fn consume(&mut self, _: usize) {}
}
