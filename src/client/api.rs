//! Requests to the service.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use reqwest::RequestBuilder;
use reqwest::redirect::Policy;
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::error::Detail;
use super::local_file::LocalFile;
use super::{Access, Error};
use crate::domain::{Catalogue, EventId, FileSha256};
use crate::retry::Retry;

/// Completes "cannot …" in the log.
pub(super) const CALL: &str = "call the service";

/// The service answers within its own timeout, which is 4 s by default and ten minutes at most.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub(super) struct Api {
    http: reqwest::Client,
    url: Url,
    pub(super) client_id: String,
    pub(super) retry: Retry,
}

#[derive(Deserialize)]
pub(super) struct UploadUrl {
    #[serde(rename = "upload_url")]
    pub(super) url: String,
    pub(super) file_id: String,
    pub(super) headers: serde_json::Map<String, Value>,
}

#[derive(Deserialize)]
pub(super) struct CreatedUpload {
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

/// An event's files, as in the history.
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
    pub(super) fn new(access: Access, retry: Retry) -> Result<Self, Error> {
        let Access {
            url,
            api_key,
            client_id,
            retry_for: _,
        } = access;
        let header = |name: &str, text: &str| {
            let value = HeaderValue::from_str(text);
            value.map_err(|_| Error::Other(format!("the {name} is not a valid header value")))
        };
        let mut key = header("API key", api_key.expose_secret())?;
        key.set_sensitive(true);
        let mut headers = HeaderMap::from_iter([(HeaderName::from_static("x-api-key"), key)]);
        if !client_id.is_empty() {
            let value = header("client id", &client_id)?;
            headers.insert(HeaderName::from_static("x-client-id"), value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // The key must not be sent elsewhere.
            .redirect(Policy::none())
            .build()
            .map_err(Error::service_unreachable)?;
        Ok(Self {
            http,
            url,
            client_id,
            retry,
        })
    }

    pub(super) fn with_retry(&self, retry: Retry) -> Self {
        Self {
            retry,
            ..self.clone()
        }
    }

    /// Returns the service and the tenant that uploads go to.
    pub(super) fn destination(&self) -> [&str; 2] {
        [self.url.as_str(), &self.client_id]
    }

    /// Makes one attempt: a caller that cannot use the URL asks for another one.
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

    pub(super) async fn create_multipart(
        &self,
        file: &LocalFile,
        sha256: FileSha256,
        part_bytes: u64,
    ) -> Result<CreatedUpload, Error> {
        let body = json!({
            "content_length": file.size_bytes,
            "part_size": part_bytes,
            "content_type": file.content_type.as_ref().map(ToString::to_string),
            "checksum_sha256": sha256.to_base64(),
            "file_name": file.name.as_str(),
        });
        self.post_json("multipart", &["files", "multipart"], &body)
            .await
    }

    /// Makes one attempt, like [`Api::upload_url`].
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
            cause: "it contains no URL for the part".into(),
        })
    }

    /// Returns the parts that storage has; `None` if the upload does not exist, or no longer.
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
        let stored = self.post_json("parts", &segments, &body).await;
        found(stored.map(|stored: Stored| stored.parts))
    }

    /// Returns `None` if neither the upload nor its file exists.
    pub(super) async fn complete(
        &self,
        file_id: &str,
        upload_id: &str,
        parts: &[Value],
    ) -> Result<Option<Record>, Error> {
        let body = json!({"upload_id": upload_id, "parts": (!parts.is_empty()).then_some(parts)});
        let segments = ["files", "multipart", file_id, "complete"];
        found(self.post_json("complete", &segments, &body).await)
    }

    pub(super) async fn abort(&self, file_id: &str, upload_id: &str) -> Result<(), Error> {
        let body = json!({"upload_id": upload_id});
        let segments = ["files", "multipart", file_id, "abort"];
        let _: Value = self.post_json("abort", &segments, &body).await?;
        Ok(())
    }

    pub(super) async fn create_event(&self, detail: &Value) -> Result<(), Error> {
        let body = json!({"detail": detail});
        let segments = ["event-bridge", "create-event"];
        let _: Value = self.post_json("create-event", &segments, &body).await?;
        Ok(())
    }

    /// Returns the names that the service has for types.
    pub(super) async fn catalogue(&self) -> Result<Catalogue, Error> {
        #[derive(Deserialize)]
        struct Names {
            event_types: Vec<NamedType>,
            source_types: Vec<NamedType>,
        }
        #[derive(Deserialize)]
        struct NamedType {
            id: i32,
            name: String,
        }
        fn by_id(types: Vec<NamedType>) -> BTreeMap<i32, String> {
            types.into_iter().map(|it| (it.id, it.name)).collect()
        }
        let request = || answer("catalogue", self.get(&["catalogue"], &[]));
        let names: Names = self.retry.run(CALL, request).await?;
        Ok(Catalogue {
            event_types: by_id(names.event_types),
            source_types: by_id(names.source_types),
        })
    }

    /// Returns an event; `None` if it does not exist.
    pub(super) async fn event(&self, event_id: EventId) -> Result<Option<RecordedEvent>, Error> {
        #[derive(Deserialize)]
        struct Page {
            results: Vec<RecordedEvent>,
        }
        let query = [("event_id", event_id.to_string())];
        let request = || answer("events", self.get(&["history", "events"], &query));
        let page: Page = self.retry.run(CALL, request).await?;
        Ok(page.results.into_iter().next())
    }

    /// Makes one attempt, like [`Api::upload_url`].
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

    /// Reads something of the history, and retries that. `None` for `timeout`: the one of all requests.
    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        name: &'static str,
        segments: &[&str],
        query: &[(&str, String)],
        timeout: Option<Duration>,
    ) -> Result<T, Error> {
        let request = || {
            let request = self.get(segments, query);
            answer(
                name,
                match timeout {
                    Some(timeout) => request.timeout(timeout),
                    None => request,
                },
            )
        };
        self.retry.run(CALL, request).await
    }

    /// Reads something of the history, in one attempt.
    pub(super) async fn read_once<T: DeserializeOwned>(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> Result<T, Error> {
        answer("events", self.get(segments, query)).await
    }

    /// Starts to read an export, in one attempt. Returns its answer and the value of a header of it.
    pub(super) async fn export(
        &self,
        query: &[(&str, String)],
        header: &str,
        timeout: Duration,
    ) -> Result<(reqwest::Response, Option<String>), Error> {
        let request = self.get(&["history", "export"], query).timeout(timeout);
        let response = send(request).await?;
        let value = response.headers().get(header);
        let value = value
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((response, value))
    }

    /// Sends events, one a line, in zstd's encoding, and retries that: what the service has is not stored again.
    pub(super) async fn send_lines<T: DeserializeOwned>(&self, zstd: &Bytes) -> Result<T, Error> {
        let request = || {
            let request = self.post(&["events"]);
            let request = request.header(CONTENT_TYPE, "application/x-ndjson");
            let request = request.header(CONTENT_ENCODING, "zstd");
            answer("events", request.body(zstd.clone()))
        };
        self.retry.run(CALL, request).await
    }

    /// Sends a request, and retries it.
    async fn post_json<T: DeserializeOwned>(
        &self,
        name: &'static str,
        segments: &[&str],
        body: &Value,
    ) -> Result<T, Error> {
        let request = || answer(name, self.post(segments).json(body));
        self.retry.run(CALL, request).await
    }

    fn get(&self, segments: &[&str], query: &[(&str, String)]) -> RequestBuilder {
        self.request(Method::GET, segments, query)
    }

    pub(super) fn request(
        &self,
        method: Method,
        segments: &[&str],
        query: &[(&str, String)],
    ) -> RequestBuilder {
        let mut url = self.endpoint(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.http.request(method, url)
    }

    fn post(&self, segments: &[&str]) -> RequestBuilder {
        self.http.post(self.endpoint(segments))
    }

    fn endpoint(&self, segments: &[&str]) -> Url {
        let mut url = self.url.clone();
        // The settings accept only URLs that can have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("api").extend(segments);
        }
        url
    }
}

pub(super) async fn answer<T: DeserializeOwned>(
    name: &'static str,
    request: RequestBuilder,
) -> Result<T, Error> {
    let answer = send(request).await?;
    let body = answer.bytes().await;
    let body = body.map_err(Error::service_unreachable)?;
    serde_json::from_slice(&body).map_err(|cause| Error::Answer {
        request: name,
        cause: cause.into(),
    })
}

/// Sends a request, and returns the answer if it is a success.
async fn send(request: RequestBuilder) -> Result<reqwest::Response, Error> {
    #[derive(Deserialize)]
    struct Refusal {
        detail: Value,
    }
    let answer = request.send().await.map_err(Error::service_unreachable)?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.bytes().await.map_err(Error::service_unreachable)?;
    let detail = match serde_json::from_slice(&body) {
        Ok(Refusal { detail }) => detail,
        // A proxy in between may answer in another form.
        Err(_) => Value::from("(no reason given)"),
    };
    Err(Error::Refused {
        status,
        detail: Detail(detail),
    })
}

pub(super) fn found<T>(outcome: Result<T, Error>) -> Result<Option<T>, Error> {
    match outcome {
        Err(Error::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(None),
        outcome => outcome.map(Some),
    }
}
