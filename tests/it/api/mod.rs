//! Part by part, what the documented API answers: status, exact body, headers.

mod audit;
mod batch_encodings;
mod batches;
mod checks;
mod cloud_events;
mod compression;
mod connections;
mod directory;
mod event_schemas;
mod events;
mod files;
mod holds;
mod hostile;
mod ingest;
mod keys;
mod limits;
mod lists;
mod operations;
mod records;
mod redaction;
mod retention;
mod schemathesis;
mod search;
mod secrets;
mod stats;
mod tenants;
mod view_tokens;
mod worst_inputs;

use http::{HeaderMap, Method, StatusCode};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{API_KEY, Server};

/// One call in the making.
pub(crate) struct Call<'a> {
    server: &'a Server,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

/// What came back; `body` is null where it was no JSON.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl<'a> Call<'a> {
    /// A call without any header.
    pub(crate) fn bare(server: &'a Server, method: &str, path: &str) -> Self {
        let method = method.parse().expect("a method");
        Self {
            server,
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A call with the server's API key.
    pub(crate) fn new(server: &'a Server, method: &str, path: &str) -> Self {
        Self::bare(server, method, path).header("X-API-Key", API_KEY)
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn client(self, client_id: &str) -> Self {
        self.header("X-Client-Id", client_id)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    pub(crate) fn text(self, body: impl Into<String>) -> Self {
        self.bytes(body.into())
    }

    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    pub(crate) async fn send(self) -> Answer {
        let response = self.response().await;
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.bytes().await.expect("a body");
        Answer {
            status,
            headers,
            body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        }
    }

    /// Returns the body as it is written.
    pub(crate) async fn send_text(self) -> String {
        self.response().await.text().await.expect("a text")
    }

    async fn response(self) -> Response {
        let url = format!("{}{}", self.server.url(), self.path);
        let mut request = self.server.client().request(self.method, url);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        request.send().await.expect("an answer")
    }
}

impl Answer {
    /// Asserts the status and the whole body.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status.as_u16(), &self.body), (status, body));
    }

    /// Asserts an error with one message.
    #[track_caller]
    pub(crate) fn is_error(&self, status: u16, detail: &str) {
        self.is(status, &json!({ "detail": detail }));
    }

    /// Asserts a 422 and where its problems are: `body.detail.event_id missing`, in order.
    #[track_caller]
    pub(crate) fn is_invalid(&self, expected: &[&str]) {
        assert_eq!(self.status.as_u16(), 422, "{:?}", self.body);
        let problems = self.body["detail"].as_array().expect("a list of problems");
        let found = problems.iter().map(|problem| {
            let members: Vec<_> = problem.as_object().expect("an object").keys().collect();
            assert_eq!(members, ["loc", "msg", "type"]);
            assert!(!problem["msg"].as_str().expect("a message").is_empty());
            let loc = problem["loc"]
                .as_array()
                .expect("a path")
                .iter()
                .map(|step| {
                    step.as_str()
                        .map_or_else(|| step.to_string(), ToOwned::to_owned)
                });
            let loc = loc.collect::<Vec<_>>().join(".");
            format!("{loc} {}", problem["type"].as_str().expect("a type"))
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name}: {self:?}"));
        value.to_str().expect("a printable header")
    }
}

/// Makes a tenant and returns its client id.
pub(crate) async fn tenant(server: &Server, name: &str) -> String {
    server.create_tenant(name).await.client_id
}

/// Returns an envelope of `tenant` whose event has this number in its id, its time and its record.
pub(crate) fn envelope(tenant: &str, number: u32) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "history",
        "source": tenant, "account": "111122223333", "time": "2022-11-10T10:26:12Z",
        "region": "eu-west-2", "resources": [],
        "detail": {
            "event_id": event_id(number),
            "event_time": format!("2022-11-10T10:{:02}:{:02}.111Z", number / 60, number % 60),
            "event_type_id": 1, "record_id": number, "source_id": 7, "source_type_id": 0,
            "event_data": [{ "field": "status", "old": "draft", "new": "approved" }],
        },
    })
}

pub(crate) fn event_id(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// Sends an event that has to be accepted.
pub(crate) async fn send_event(server: &Server, envelope: &Value) {
    let answer = Call::new(server, "POST", "/api/event-bridge/create-event")
        .json(envelope)
        .send()
        .await;
    answer.is_error(201, "Event created.");
}
