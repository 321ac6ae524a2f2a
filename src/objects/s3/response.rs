//! Responses of S3, and the errors that they stand for.

use std::borrow::Cow;

use http::header::{AsHeaderName, CONTENT_LENGTH};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::objects::Error;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A response with its whole body.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Response {
    /// Returns S3's error code, if the body has one. Nothing else of an error document is ever shown: it quotes parts
    /// of the signed request.
    pub(super) fn error_code(&self) -> Option<&str> {
        let is_word =
            |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        xml_text(&self.body, "Code").filter(is_word)
    }

    /// Returns the body's document in S3's namespace, which its parser insists on. Other storages answer in a namespace
    /// of their own, or in none.
    pub(super) fn xml(&self) -> Cow<'_, str> {
        in_namespace_of_s3(&self.body)
    }

    pub(super) fn header(&self, name: impl AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(super) fn date(&self, name: impl AsHeaderName) -> Option<Timestamp> {
        let date = self.header(name)?;
        DateTimeParser::new().parse_timestamp(date).ok()
    }

    pub(super) fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// Returns the error for an unexpected response. `permissions` are those that the request needs: the response to a
    /// HEAD has no body that says which is lacking.
    pub(super) fn error(&self, permissions: &str) -> Error {
        let status = self.status;
        let answered = match self.error_code() {
            Some(code) => format!("it answered {status} {code}"),
            None => format!("it answered {status}"),
        };
        let region = self.header("x-amz-bucket-region");
        unavailable(match (status, region) {
            (StatusCode::FORBIDDEN, _) => {
                format!("{answered}: the credentials are wrong, or lack {permissions}")
            }
            (StatusCode::MOVED_PERMANENTLY | StatusCode::BAD_REQUEST, Some(region)) => {
                format!("{answered}: the bucket is in region {region}")
            }
            _ => answered,
        })
    }
}

fn in_namespace_of_s3(document: &str) -> Cow<'_, str> {
    let Some((start, tag)) = root_tag(document) else {
        return document.into();
    };
    let declared = tag.split_once(" xmlns=").and_then(|(before, value)| {
        let quote = value.chars().next().filter(|it| matches!(it, '"' | '\''))?;
        let (_, after) = value[1..].split_once(quote)?;
        Some((before, after))
    });
    let (before, after) = declared.unwrap_or_else(|| {
        let name_end = tag.find([' ', '\t', '\r', '\n', '/', '>']);
        tag.split_at(name_end.unwrap_or(tag.len()))
    });
    let (head, rest) = (&document[..start], &document[start + tag.len()..]);
    format!("{head}{before} xmlns=\"{NAMESPACE}\"{after}{rest}").into()
}

/// Returns the first tag that is neither a declaration nor a comment, and its place.
fn root_tag(document: &str) -> Option<(usize, &str)> {
    let mut at = 0;
    loop {
        let start = at + document[at..].find('<')?;
        let rest = &document[start..];
        let end = match rest.as_bytes().get(1)? {
            b'?' => rest.find("?>")? + 2,
            b'!' => rest.find("-->").map(|end| end + 3).or(rest.find('>'))?,
            _ => return Some((start, &rest[..=rest.find('>')?])),
        };
        at = start + end;
    }
}

pub(super) fn unavailable(reason: impl Into<String>) -> Error {
    Error::Unavailable(reason.into().into())
}

pub(super) fn no_bucket() -> Error {
    unavailable("the bucket does not exist")
}

/// Makes one line out of a server's message, of a limited length.
pub(super) fn sanitize(message: &str) -> String {
    message
        .chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .take(MAX_MESSAGE_CHARS)
        .collect()
}

/// The longest part of a server's message that is repeated.
const MAX_MESSAGE_CHARS: usize = 200;

/// Returns the text of an element that contains only text, as all elements of S3's error documents do.
pub(super) fn xml_text<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::xml_text;

    #[test]
    fn error_documents_are_parsed_leniently() {
        let xml = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message/></Error>";
        assert_eq!(xml_text(xml, "Code"), Some("NoSuchKey"));
        assert_eq!(xml_text(xml, "Message"), None);
        assert_eq!(xml_text("<html>404</html>", "Code"), None);
        assert_eq!(xml_text("<Code>cut sho", "Code"), None);
    }

    #[test]
    fn documents_of_any_namespace_are_those_of_s3() {
        use super::in_namespace_of_s3;

        let root = |attributes: &str| {
            format!(
                "<?xml version='1.0'?>\n<!-- a > b -->\n<ListPartsResult{attributes}><MaxParts>3</MaxParts>\
                 <IsTruncated>false</IsTruncated></ListPartsResult>"
            )
        };
        let own = " xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";
        for attributes in [
            own,
            "",
            " xmlns='http://doc.s3.amazonaws.com/2006-03-01'",
            " a=\"b\" xmlns=\"http://doc.s3.amazonaws.com/2006-03-01\" c=\"d\"",
        ] {
            let document = root(attributes);
            let found = in_namespace_of_s3(&document);
            assert_eq!(found.matches(" xmlns=").count(), 1, "{found}");
            let parsed = rusty_s3::actions::ListParts::parse_response(&found);
            assert!(parsed.is_ok(), "{found}: {parsed:?}");
        }
        for document in ["", "no XML", "<a", "<?xml", "<!-- <a>"] {
            assert_eq!(in_namespace_of_s3(document), document);
        }
    }
}
