//! A verified request as its sender wrote it, and rewritten to what s3s parses.
//!
//! s3s answers 400 to headers that HTTP says to ignore or to evaluate, and does not look for headers in the query, where
//! some presigners put them. So it is used twice: to verify the signature, and to call an operation with the rewritten
//! request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use s3s::{Body, HttpRequest, S3ErrorCode, S3Request, S3Result, TrailingHeaders};
use url::form_urlencoded;

use super::body::is_chunked;
use super::s3_errors::{error, with_message};

pub(crate) const DECODED_LENGTH: HeaderName =
    HeaderName::from_static("x-amz-decoded-content-length");

/// The headers that the operations read as they were sent, and the signature.
const NOT_FOR_S3S: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::EXPIRES,
    header::IF_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::IF_UNMODIFIED_SINCE,
    header::RANGE,
];
/// The parameters of a presigned URL itself.
const SIGNATURE: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];
/// Parameters that say nothing about the body that is sent: presigners compute them over an empty one.
const ABOUT_NO_BODY: [&str; 4] = [
    "x-amz-content-sha256",
    "x-amz-decoded-content-length",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-trailer",
];
const CHECKSUM: &str = "x-amz-checksum-";
const CHECKSUM_MODE: &str = "x-amz-checksum-mode";
const USER_METADATA: &str = "x-amz-meta-";

/// A verified request as its sender wrote it.
#[derive(Debug, Clone)]
pub(crate) struct SentRequest {
    pub headers: HeaderMap,
    pub trailers: Option<TrailingHeaders>,
    query: Vec<(String, String)>,
}

impl SentRequest {
    /// Returns what [`for_s3s`] attached to the request.
    pub(crate) fn of(extensions: &Extensions) -> S3Result<&Self> {
        let sent = extensions.get::<Self>();
        sent.ok_or_else(|| error(S3ErrorCode::AccessDenied))
    }

    /// Returns the value of a header, with all its lines.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<String> {
        let lines: Vec<_> = self.headers.get_all(name).iter().collect();
        let text = |line: &&HeaderValue| String::from_utf8_lossy(line.as_bytes()).into_owned();
        let lines: Vec<_> = lines.iter().map(text).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Rewrites a request whose signature is verified to one that has none and that s3s can parse.
pub(crate) fn for_s3s(request: S3Request<Body>) -> S3Result<HttpRequest> {
    let S3Request {
        input: body,
        method,
        uri,
        mut headers,
        mut extensions,
        trailing_headers: trailers,
        ..
    } = request;
    let query = uri.query().unwrap_or_default().as_bytes();
    let query: Vec<(String, String)> = form_urlencoded::parse(query).into_owned().collect();
    extensions.insert(SentRequest {
        headers: headers.clone(),
        query: query.clone(),
        trailers,
    });
    for name in NOT_FOR_S3S {
        headers.remove(name);
    }
    if is_chunked(&headers) {
        headers.remove(header::TRANSFER_ENCODING);
        if let Some(length) = headers.get(DECODED_LENGTH).cloned() {
            headers.insert(header::CONTENT_LENGTH, length);
        }
    }
    let is_read = method == Method::GET || method == Method::HEAD;
    let mut parameters = form_urlencoded::Serializer::new(String::new());
    for (name, value) in &query {
        let lowercase = name.to_ascii_lowercase();
        if lowercase.starts_with("x-amz-") {
            add_hoisted(&mut headers, &lowercase, value)?;
        } else if name != "response-expires" && !(is_read && name == "partNumber") {
            parameters.append_pair(name, value);
        }
    }
    let target = format!("{}?{}", uri.path(), parameters.finish());
    let mut request = HttpRequest::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::try_from(target).map_err(|_| error(S3ErrorCode::InvalidURI))?;
    *request.headers_mut() = headers;
    *request.extensions_mut() = extensions;
    Ok(request)
}

/// Adds a header that a presigner moved to the query, unless it was also sent.
fn add_hoisted(headers: &mut HeaderMap, name: &str, value: &str) -> S3Result<()> {
    let is_ignored = SIGNATURE.contains(&name)
        || ABOUT_NO_BODY.contains(&name)
        || (name.starts_with(CHECKSUM) && name != CHECKSUM_MODE);
    if is_ignored {
        return Ok(());
    }
    // s3s decodes the encoded words of RFC 2047.
    let encoded = (name.starts_with(USER_METADATA) && !value.is_ascii())
        .then(|| format!("=?UTF-8?B?{}?=", STANDARD.encode(value)));
    let value = HeaderValue::from_str(encoded.as_deref().unwrap_or(value));
    let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), value) else {
        let message = format!("The parameter '{}' is not a header.", name.escape_default());
        return Err(with_message(S3ErrorCode::InvalidArgument, message));
    };
    headers.entry(name).or_insert(value);
    Ok(())
}
