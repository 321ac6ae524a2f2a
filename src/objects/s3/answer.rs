//! What S3 answers, and what its refusals come to.

use http::{HeaderMap, StatusCode};

use crate::objects::Error;

/// An answer in full.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Answer {
    /// Returns S3's word for why it refuses, where the body has one. Of the rest of the document
    /// nothing is shown: it quotes parts of the signed request.
    pub(super) fn code(&self) -> Option<&str> {
        let is_word =
            |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        element(&self.body, "Code").filter(is_word)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Says what an answer comes to that is neither success nor "not found"; `rights` are what the
    /// credentials need for what was asked. The answer to a HEAD has no body that says.
    pub(super) fn refusal(&self, rights: &str) -> Error {
        let status = self.status;
        let said = match self.code() {
            Some(code) => format!("it answered {status} {code}"),
            None => format!("it answered {status}"),
        };
        let region = self.header("x-amz-bucket-region");
        unavailable(match (status, region) {
            (StatusCode::FORBIDDEN, _) => {
                format!("{said}: the credentials are wrong, or lack {rights}")
            }
            (StatusCode::MOVED_PERMANENTLY | StatusCode::BAD_REQUEST, Some(region)) => {
                format!("{said}: the bucket is in region {region}")
            }
            _ => said,
        })
    }
}

pub(super) fn unavailable(reason: String) -> Error {
    Error::Unavailable(reason.into())
}

/// Returns the text of an element that holds text alone: all that S3's error documents have.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn error_documents_are_read_leniently() {
        let xml = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchKey</Code><Message/></Error>";
        assert_eq!(element(xml, "Code"), Some("NoSuchKey"));
        assert_eq!(element(xml, "Message"), None);
        assert_eq!(element("<html>404</html>", "Code"), None);
        assert_eq!(element("<Code>cut sho", "Code"), None);
    }
}
