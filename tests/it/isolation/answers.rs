//! What a tenant is answered.

use std::time::Duration;

use http::StatusCode;
use reqwest::{RequestBuilder, Response};
use tokio::time::timeout;

use super::Call;
use crate::support::{Server, Tenant};

#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) text: String,
}

pub(super) async fn answer(server: &Server, tenant: &Tenant, call: &Call) -> Answer {
    let request = server.request_as(tenant, call.method.clone(), &call.target);
    answer_to(request, call).await
}

/// Sends a request with the body of a call.
pub(super) async fn answer_to(mut request: RequestBuilder, call: &Call) -> Answer {
    if let Some(body) = &call.body {
        request = request.json(body);
    }
    let response = request.send().await.expect("the server answers");
    let status = response.status();
    let location = response.headers().get("Location").cloned();
    let is_stream = response.headers().get("Content-Type");
    let is_stream = is_stream.is_some_and(|it| *it == "text/event-stream");
    let mut text = if is_stream {
        start_of_stream(response).await
    } else {
        response.text().await.expect("answers are text")
    };
    if let Some(location) = location {
        text.push_str(location.to_str().expect("a URL is text"));
    }
    Answer { status, text }
}

/// Returns what a stream, which has no end, shows first.
async fn start_of_stream(mut response: Response) -> String {
    const SILENCE: Duration = Duration::from_millis(200);
    let mut text = String::new();
    loop {
        let next = timeout(SILENCE, response.chunk()).await;
        match next {
            Ok(chunk) => {
                let chunk = chunk.expect("it is not cut off").expect("it has no end");
                text.push_str(std::str::from_utf8(&chunk).expect("streams are text"));
            }
            Err(_) if text.contains("\nid: ") => return text,
            Err(_) => {}
        }
    }
}
