//! Errors, in words for the person at the keyboard. None of them contains a presigned URL.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;
use std::path::{Path, PathBuf};

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::presigned_requests::ErrorCode;
use crate::retry::Transient;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot reach {server}")]
    Unreachable {
        server: Cow<'static, str>,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the service answered {status}: {detail}")]
    Refused { status: StatusCode, detail: Detail },
    #[error("the service's answer to '{request}' does not follow its API")]
    Answer {
        request: &'static str,
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("storage answered {status}{code}")]
    Storage { status: StatusCode, code: ErrorCode },
    #[error("cannot {action} '{}'", path.display())]
    File {
        action: &'static str,
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("'{}' changed while it was being uploaded: nothing was recorded", .0.display())]
    FileChanged(PathBuf),
    #[error("{0}")]
    Other(String),
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        let is_transient = |status: StatusCode| {
            status.is_server_error()
                || status == StatusCode::TOO_MANY_REQUESTS
                || status == StatusCode::REQUEST_TIMEOUT
        };
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => is_transient(*status),
            // The code with which S3 rejects a body that stopped arriving.
            Self::Storage { status, code } => {
                is_transient(*status) || code.as_str() == "RequestTimeout"
            }
            Self::Answer { .. } | Self::File { .. } | Self::FileChanged(_) | Self::Other(_) => {
                false
            }
        }
    }
}

impl Error {
    pub(super) fn stalled(server: &'static str) -> Self {
        Self::Unreachable {
            server: server.into(),
            cause: "it stopped sending".into(),
        }
    }

    /// Names the service's address, and nothing of a request.
    pub(super) fn service_unreachable(error: reqwest::Error) -> Self {
        let origin = error.url().map(|url| url.origin().ascii_serialization());
        let server = origin.map_or("the service".into(), |it| {
            format!("the service at {it}").into()
        });
        Self::Unreachable {
            server,
            cause: error.without_url().into(),
        }
    }
}

/// Returns a function that makes an [`Error::File`].
pub(super) fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |cause| Error::File {
        action,
        path,
        cause,
    }
}

/// The member `detail` of an error body: a sentence, or a list of problems.
#[derive(Debug)]
pub struct Detail(pub(super) Value);

#[derive(Deserialize)]
struct Problem {
    #[serde(default)]
    loc: Vec<Value>,
    msg: String,
    recorded: Option<Fingerprint>,
    found: Option<Fingerprint>,
}

#[derive(Deserialize)]
struct Fingerprint {
    size_bytes: u64,
    sha256: Option<String>,
    etag: Option<String>,
    version_id: Option<String>,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        match &self.0 {
            Value::String(sentence) => text.push_str(sentence),
            Value::Array(problems) => {
                for (index, problem) in problems.iter().enumerate() {
                    if index > 0 {
                        text.push('\n');
                    }
                    match Problem::deserialize(problem) {
                        Ok(problem) => problem.write(&mut text),
                        Err(_) => write!(text, "{problem}"),
                    }?;
                }
            }
            other => write!(text, "{other}")?,
        }
        f.write_str(&text)
    }
}

impl Problem {
    fn write(self, text: &mut String) -> fmt::Result {
        let Self {
            loc,
            msg,
            recorded,
            found,
        } = self;
        if let Some(recorded) = recorded {
            let found = found.map_or_else(|| "nothing".to_owned(), |it| it.to_string());
            return write!(text, "{msg}\n  recorded: {recorded}\n  found:    {found}");
        }
        let place: Vec<String> = loc
            .iter()
            .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
            .collect();
        write!(text, "{}: {msg}", place.join("."))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            size_bytes,
            sha256,
            etag,
            version_id,
        } = self;
        write!(f, "{size_bytes} bytes")?;
        for (name, value) in [("SHA-256", sha256), ("ETag", etag), ("version", version_id)] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Detail;

    #[test]
    fn a_detail_is_shown_as_lines() {
        let shown = |value| Detail(value).to_string();
        assert_eq!(shown(json!("Unauthorized Client.")), "Unauthorized Client.");
        let problems = json!([
            {"loc": ["query", "content_length"], "msg": "Field required", "type": "missing"},
            {"loc": ["body", "x", 1], "msg": "No", "type": "t"},
        ]);
        assert_eq!(
            shown(problems),
            "query.content_length: Field required\nbody.x.1: No"
        );
        let changed = json!([{"loc": ["file"], "msg": "It changed.", "type": "file_changed",
            "recorded": {"size_bytes": 3, "sha256": "ab", "etag": null, "version_id": null},
            "found": {"size_bytes": 4, "sha256": null, "etag": "e", "version_id": "v"}}]);
        assert_eq!(
            shown(changed),
            "It changed.\n  recorded: 3 bytes, SHA-256 ab\n  found:    4 bytes, ETag e, version v"
        );
    }
}
