//! The requests to the service, and what it answers.

use std::time::Duration;

use http::header::HeaderValue;
use http::{HeaderMap, StatusCode};
use reqwest::RequestBuilder;
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::Detail;
use super::file::LocalFile;
use super::retry::patiently;
use super::{Access, Error};
use crate::domain::{EventId, FileSha256};

const WHOM: &str = "the service";

/// The service answers within its own time-out, which is at most ten minutes and by default 4 s.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Api {
    http: reqwest::Client,
    url: Url,
    pub(super) client_id: String,
    pub(super) patience: Duration,
}

#[derive(Deserialize)]
pub(super) struct UploadUrl {
    #[serde(rename = "upload_url")]
    pub(super) url: String,
    pub(super) file_id: String,
    pub(super) headers: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct Begun {
    pub(super) file_id: String,
    pub(super) upload_id: String,
    pub(super) part_size: u64,
}

#[derive(Deserialize)]
pub(super) struct StoredPart {
    pub(super) part_number: u16,
    pub(super) size_bytes: u64,
    pub(super) etag: String,
}

#[derive(Deserialize)]
pub(super) struct Record {
    pub(super) size_bytes: u64,
    pub(super) sha256: Option<String>,
    pub(super) file_name: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct RecordedFile {
    pub(super) file_id: String,
    #[serde(flatten)]
    pub(super) record: Record,
}

/// An event's files as the history shows them.
#[derive(Deserialize)]
pub(super) struct RecordedEvent {
    pub(super) file_id: Option<String>,
    file: Option<RecordedFile>,
    #[serde(default)]
    files: Vec<RecordedFile>,
}

impl RecordedEvent {
    pub(super) fn files(self) -> Vec<RecordedFile> {
        if self.files.is_empty() {
            return self.file.into_iter().collect();
        }
        self.files
    }
}

impl Api {
    pub(super) fn new(access: Access) -> Result<Self, Error> {
        let Access {
            url,
            api_key,
            client_id,
            patience,
        } = access;
        let header = |name: &str, text: &str| {
            let value = HeaderValue::from_str(text);
            value.map_err(|_| Error::NotSo(format!("the {name} cannot stand in a header")))
        };
        let mut key = header("API key", api_key.expose_secret())?;
        key.set_sensitive(true);
        let headers = HeaderMap::from_iter([
            (http::HeaderName::from_static("x-api-key"), key),
            (
                http::HeaderName::from_static("x-client-id"),
                header("client id", &client_id)?,
            ),
        ]);
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // The key goes to nobody else.
            .redirect(Policy::none())
            .build()
            .map_err(|error| Error::unreachable(WHOM, error))?;
        Ok(Self {
            http,
            url,
            client_id,
            patience,
        })
    }

    /// What tells one service from another where uploads are remembered.
    pub(super) fn url(&self) -> &str {
        self.url.as_str()
    }

    /// One attempt: whoever uses the URL asks for another one when that fails.
    pub(super) async fn upload_url(
        &self,
        file: &LocalFile,
        sha256: FileSha256,
    ) -> Result<UploadUrl, Error> {
        let mut query = vec![
            ("content_length", file.size_bytes.to_string()),
            ("checksum_sha256", sha256.to_base64()),
            ("file_name", file.name.as_str().to_owned()),
        ];
        if let Some(content_type) = &file.content_type {
            query.push(("content_type", content_type.to_string()));
        }
        answer("upload-url", self.get(&["files", "upload-url"], &query)).await
    }

    pub(super) async fn begin_multipart(
        &self,
        file: &LocalFile,
        sha256: FileSha256,
        part_bytes: u64,
    ) -> Result<Begun, Error> {
        let body = json!({
            "content_length": file.size_bytes,
            "part_size": part_bytes,
            "content_type": file.content_type.as_ref().map(ToString::to_string),
            "checksum_sha256": sha256.to_base64(),
            "file_name": file.name.as_str(),
        });
        let request = || self.post(&["files", "multipart"]).json(&body);
        patiently(self.patience, || answer("multipart", request())).await
    }

    /// One attempt, likewise.
    pub(super) async fn part_url(
        &self,
        file_id: &str,
        upload_id: &str,
        number: u16,
    ) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Signed {
            parts: Vec<PartUrl>,
        }
        #[derive(Deserialize)]
        struct PartUrl {
            part_number: u16,
            upload_url: String,
        }
        let body = json!({"upload_id": upload_id, "part_numbers": [number]});
        let request = self.post(&["files", "multipart", file_id, "sign"]);
        let signed: Signed = answer("sign", request.json(&body)).await?;
        let mut urls = signed.parts.into_iter();
        let url = urls.find(|it| it.part_number == number);
        url.map(|it| it.upload_url).ok_or_else(|| Error::Answer {
            request: "sign",
            cause: "it has no URL for the part".into(),
        })
    }

    /// Returns the parts that storage has; `None` if there is no such upload, or no longer.
    pub(super) async fn parts(
        &self,
        file_id: &str,
        upload_id: &str,
    ) -> Result<Option<Vec<StoredPart>>, Error> {
        #[derive(Deserialize)]
        struct Stored {
            parts: Vec<StoredPart>,
        }
        let body = json!({"upload_id": upload_id});
        let segments = ["files", "multipart", file_id, "parts"];
        let request = || self.post(&segments).json(&body);
        let stored = patiently(self.patience, || answer::<Stored>("parts", request())).await;
        found(stored.map(|stored| stored.parts))
    }

    /// `None` if there is neither such an upload nor the file that it made.
    pub(super) async fn complete(
        &self,
        file_id: &str,
        upload_id: &str,
        parts: &[Value],
    ) -> Result<Option<Record>, Error> {
        let body = json!({"upload_id": upload_id, "parts": (!parts.is_empty()).then_some(parts)});
        let segments = ["files", "multipart", file_id, "complete"];
        let request = || self.post(&segments).json(&body);
        found(patiently(self.patience, || answer("complete", request())).await)
    }

    pub(super) async fn abort(&self, file_id: &str, upload_id: &str) -> Result<(), Error> {
        let body = json!({"upload_id": upload_id});
        let segments = ["files", "multipart", file_id, "abort"];
        let request = || self.post(&segments).json(&body);
        patiently(self.patience, || answer::<Value>("abort", request())).await?;
        Ok(())
    }

    pub(super) async fn create_event(&self, detail: &Value) -> Result<(), Error> {
        let body = json!({"detail": detail});
        let segments = ["event-bridge", "create-event"];
        let request = || self.post(&segments).json(&body);
        patiently(self.patience, || answer::<Value>("create-event", request())).await?;
        Ok(())
    }

    /// Returns the files of an event; `None` if there is no such event.
    pub(super) async fn event(&self, event_id: EventId) -> Result<Option<RecordedEvent>, Error> {
        #[derive(Deserialize)]
        struct Page {
            results: Vec<RecordedEvent>,
        }
        let query = [("event_id", event_id.to_string())];
        let request = || self.get(&["history", "events"], &query);
        let page: Page = patiently(self.patience, || answer("events", request())).await?;
        Ok(page.results.into_iter().next())
    }

    /// One attempt, likewise.
    pub(super) async fn download_url(
        &self,
        event_id: EventId,
        file_id: &str,
    ) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct DownloadUrl {
            download_url: String,
        }
        let event_id = event_id.to_string();
        let segments = ["history", "events", &event_id, "file"];
        let request = self.get(&segments, &[("file_id", file_id.to_owned())]);
        let url: DownloadUrl = answer("file", request).await?;
        Ok(url.download_url)
    }

    fn get(&self, segments: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        let mut url = self.endpoint(segments);
        url.query_pairs_mut().extend_pairs(query);
        self.http.get(url)
    }

    fn post(&self, segments: &[&str]) -> RequestBuilder {
        self.http.post(self.endpoint(segments))
    }

    fn endpoint(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // A base that cannot have a path was refused with the settings.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("api").extend(segments);
        }
        url
    }
}

async fn answer<T: DeserializeOwned>(
    name: &'static str,
    request: RequestBuilder,
) -> Result<T, Error> {
    #[derive(Deserialize)]
    struct Refusal {
        detail: Value,
    }
    let unreachable = |error| Error::unreachable(WHOM, error);
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(unreachable)?;
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|cause| Error::Answer {
            request: name,
            cause: cause.into(),
        });
    }
    let detail = match serde_json::from_slice(&body) {
        Ok(Refusal { detail }) => detail,
        // Whatever stands between does not know our form.
        Err(_) => Value::from("(no reason given)"),
    };
    Err(Error::Refused {
        status,
        detail: Detail(detail),
    })
}

fn found<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Err(Error::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(None),
        outcome => outcome.map(Some),
    }
}
