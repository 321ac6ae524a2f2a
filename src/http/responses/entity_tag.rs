//! Entity tags: a caller that has an answer already is told so instead of being sent it again.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use super::{ApiResult, ChunkedBody};
use crate::http::state::MemoryPermit;
use crate::service;

/// The bytes of a tag: two answers that differ never have one in common.
const BYTES: usize = 16;

/// The tag of an answer, of its content alone. It is weak, so that it stays right where a proxy compresses the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntityTag(String);

impl EntityTag {
    /// Answers with a JSON text, or 304 without it if the caller has it. `permit` is for its memory.
    pub(crate) fn respond(
        asked: &HeaderMap,
        json: Vec<u8>,
        permit: MemoryPermit,
    ) -> ApiResult<Response> {
        let tag = Self::of(&json);
        let value = tag.value()?;
        if tag.is_among(asked) {
            return Ok((StatusCode::NOT_MODIFIED, [(ETAG, value)]).into_response());
        }
        let json_type = HeaderValue::from_static("application/json");
        let headers = [(CONTENT_TYPE, json_type), (ETAG, value)];
        let body = Body::new(ChunkedBody::complete(json, permit));
        Ok((headers, body).into_response())
    }

    pub(crate) fn of(content: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(content).into();
        Self(format!("\"{}\"", URL_SAFE_NO_PAD.encode(&digest[..BYTES])))
    }

    /// Returns the value of the header `ETag`.
    pub(crate) fn value(&self) -> ApiResult<HeaderValue> {
        let value = HeaderValue::from_str(&format!("W/{}", self.0));
        value.map_err(|error| service::Error::Broken(error.into()).into())
    }

    /// Tells whether the headers `If-None-Match` list the tag, weak or strong, or are `*`.
    pub(crate) fn is_among(&self, asked: &HeaderMap) -> bool {
        let lists = asked.get_all(IF_NONE_MATCH).iter();
        let lists = lists.filter_map(|list| list.to_str().ok());
        // Our tags have no comma.
        lists.flat_map(|list| list.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.0
        })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::IF_NONE_MATCH;

    use super::EntityTag;

    #[test]
    fn a_tag_is_found_in_what_a_caller_lists() {
        let tag = EntityTag::of(b"{}");
        let tag_text = tag.0.clone();
        let asked = |lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append(IF_NONE_MATCH, list.parse().unwrap());
            }
            tag.is_among(&headers)
        };
        let others = r#""a", W/"b,c" ,"#;
        assert!(asked(&[&format!("W/{tag_text}")]));
        assert!(asked(&[&tag_text]));
        assert!(asked(&[&format!("{others}W/{tag_text}")]));
        assert!(asked(&[others, &tag_text]));
        assert!(asked(&["*"]));
        assert!(!asked(&[]));
        assert!(!asked(&[others, "", "w/x", tag_text.trim_matches('"')]));
        assert_ne!(EntityTag::of(b"[]"), tag);
    }
}
