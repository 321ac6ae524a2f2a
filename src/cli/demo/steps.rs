//! The steps of the demo. Each is one request, printed as the curl command that would send it.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use http::Method;
use serde_json::{Value, json};

const TENANT: &str = "alx_demo";
const DOCUMENT: &str = "The parties agree that every event is kept, and every file with it.\n";
/// Longer answers are cut off.
const MAX_SHOWN_CHARS: usize = 1500;

/// The body of a request.
enum Body {
    None,
    Json(Value),
    File(PathBuf),
}

struct Step {
    title: &'static str,
    method: Method,
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Body,
    /// Where the answer is saved; `None`: it is JSON and printed.
    output: Option<PathBuf>,
}

/// Goes from creating a tenant to downloading its document, and returns the tenant's client id. The files that the
/// commands name are in `folder`.
pub(super) async fn walk(
    out: &mut impl Write,
    base: &str,
    api_key: &str,
    folder: &Path,
) -> anyhow::Result<String> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let key = || ("X-API-Key", api_key.to_owned());
    let document = folder.join("contract.txt");
    fs::write(&document, DOCUMENT).context("cannot write the document")?;

    let body = json!({"database_name": TENANT, "client_label": "Demo"});
    let tenant = Step::new("Create a tenant", format!("{base}/api/initialize-tenant"))
        .headers(vec![key()])
        .post(body)
        .run(out, &client)
        .await?;
    let client_id = text_member(&tenant, "client_id")?;
    let headers = || vec![key(), ("X-Client-Id", client_id.clone())];

    let upload = Step::new(
        "Ask where to upload a file",
        format!("{base}/api/files/upload-url"),
    )
    .headers(headers())
    .run(out, &client)
    .await?;
    let file_id = text_member(&upload, "file_id")?;

    Step::new(
        "Upload it straight to storage",
        text_member(&upload, "upload_url")?,
    )
    .put(document.clone())
    .run(out, &client)
    .await?;

    let url = format!("{base}/api/event-bridge/create-event");
    for title in [
        "Send an event",
        "Deliver it again, as a bus may: it is stored once",
    ] {
        Step::new(title, url.clone())
            .headers(vec![key()])
            .post(envelope(&file_id))
            .run(out, &client)
            .await?;
    }

    let url = format!("{base}/api/history/events?record_id=42");
    let page = Step::new("Read the history of record 42", url)
        .headers(headers())
        .run(out, &client)
        .await?;
    ensure!(
        page["filtered_count"] == 1,
        "the history of record 42 does not have exactly one event"
    );
    let event = &page["results"][0];
    ensure!(
        event["file_id"] == *file_id,
        "the event does not reference the file"
    );

    let event_id = text_member(event, "event_id")?;
    let url = format!("{base}/api/history/events/{event_id}/file");
    let download = Step::new("Ask for the download URL of its document", url)
        .headers(headers())
        .run(out, &client)
        .await?;

    let copy = folder.join("downloaded.txt");
    Step::new("Download it", text_member(&download, "download_url")?)
        .save_as(copy.clone())
        .run(out, &client)
        .await?;

    let (original, copied) = (quoted(&display(&document)), quoted(&display(&copy)));
    writeln!(out, "\n# Compare the bytes\ncmp {original} {copied}")?;
    ensure!(
        fs::read(&copy)? == DOCUMENT.as_bytes(),
        "the downloaded bytes differ from the uploaded ones"
    );
    Ok(client_id)
}

fn envelope(file_id: &str) -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "history",
        "source": TENANT, "account": "111122223333", "time": "2022-11-10T10:26:12Z",
        "region": "eu-west-2", "resources": [],
        "detail": {
            "event_id": "0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11",
            "event_time": "2022-11-10T10:26:12.111Z", "event_type_id": 9, "record_id": 42,
            "source_id": 7, "source_type_id": 0, "event_data": [{"file_id": file_id}],
        },
    })
}

impl Step {
    /// Creates a GET request without headers.
    fn new(title: &'static str, url: String) -> Self {
        let (headers, body) = (Vec::new(), Body::None);
        Self {
            title,
            method: Method::GET,
            url,
            headers,
            body,
            output: None,
        }
    }

    fn headers(self, headers: Vec<(&'static str, String)>) -> Self {
        Self { headers, ..self }
    }

    fn post(self, json: Value) -> Self {
        Self {
            method: Method::POST,
            body: Body::Json(json),
            ..self
        }
    }

    fn put(self, file: PathBuf) -> Self {
        Self {
            method: Method::PUT,
            body: Body::File(file),
            ..self
        }
    }

    fn save_as(self, path: PathBuf) -> Self {
        Self {
            output: Some(path),
            ..self
        }
    }

    /// Prints the step, sends it, prints the answer and returns its JSON (null if it is not JSON).
    async fn run(self, out: &mut impl Write, client: &reqwest::Client) -> anyhow::Result<Value> {
        writeln!(out, "\n# {}\n{}", self.title, self.curl())?;
        out.flush()?;
        let title = self.title;
        self.send(out, client)
            .await
            .with_context(|| format!("step '{title}' failed"))
    }

    async fn send(self, out: &mut impl Write, client: &reqwest::Client) -> anyhow::Result<Value> {
        let Self {
            title: _,
            method,
            url,
            headers,
            body,
            output,
        } = self;
        let mut request = client.request(method, url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request = match body {
            Body::None => request,
            Body::Json(json) => request.json(&json),
            Body::File(path) => request.body(fs::read(path)?),
        };
        // Presigned URLs are secrets and must not appear in error messages.
        let response = request.send().await.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        let bytes = response
            .bytes()
            .await
            .map_err(reqwest::Error::without_url)?;
        let text = String::from_utf8_lossy(&bytes);
        if !status.is_success() {
            bail!("the answer was {status}: {text}");
        }
        match output {
            Some(path) => fs::write(path, &bytes)?,
            None if bytes.is_empty() => writeln!(out, "{status}")?,
            None => {
                let text = indented(&text);
                let shown: String = text.chars().take(MAX_SHOWN_CHARS).collect();
                let rest = if shown.len() < text.len() { "…" } else { "" };
                writeln!(out, "{shown}{rest}")?;
            }
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or_default())
    }

    /// Returns the command that a person would type, on one line.
    fn curl(&self) -> String {
        let mut command = "curl -sS".to_owned();
        if self.method == Method::POST {
            command.push_str(" -X POST");
        }
        for (name, value) in &self.headers {
            command.push_str(" -H ");
            command.push_str(&quoted(&format!("{name}: {value}")));
        }
        match &self.body {
            Body::None => {}
            Body::Json(json) => {
                command.push_str(" -H 'Content-Type: application/json' -d ");
                command.push_str(&quoted(&json.to_string()));
            }
            Body::File(path) => {
                command.push_str(" -T ");
                command.push_str(&quoted(&display(path)));
            }
        }
        if let Some(path) = &self.output {
            command.push_str(" -o ");
            command.push_str(&quoted(&display(path)));
        }
        format!("{command} {}", quoted(&self.url))
    }
}

/// Returns JSON with one member or element per line. Names and values stay as they were sent, in their order.
fn indented(json: &str) -> String {
    let (mut shown, mut depth) = (String::new(), 0_usize);
    let (mut in_text, mut is_escaped) = (false, false);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        let is_opening = !in_text && matches!(character, '{' | '[');
        let is_closing = !in_text && matches!(character, '}' | ']');
        if is_closing {
            depth = depth.saturating_sub(1);
            if !shown.ends_with(['{', '[']) {
                shown.push('\n');
                shown.push_str(&"  ".repeat(depth));
            }
        }
        shown.push(character);
        if is_opening {
            depth += 1;
        }
        let is_empty = is_opening && matches!(characters.peek(), Some('}' | ']'));
        if (is_opening && !is_empty) || (!in_text && character == ',') {
            shown.push('\n');
            shown.push_str(&"  ".repeat(depth));
        } else if !in_text && character == ':' {
            shown.push(' ');
        }
        if character == '"' && !is_escaped {
            in_text = !in_text;
        }
        is_escaped = in_text && character == '\\' && !is_escaped;
    }
    shown
}

/// Quotes a word for a POSIX shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

fn text_member(answer: &Value, name: &str) -> anyhow::Result<String> {
    let text = answer[name]
        .as_str()
        .with_context(|| format!("the answer has no {name}"))?;
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::indented;

    #[test]
    fn json_is_indented_and_otherwise_as_it_was() {
        let json = r#"{"b":1.10,"a":[],"c":[{"x, {\"y\": \\":"}"},null],"d":{}}"#;
        let expected = r#"{
  "b": 1.10,
  "a": [],
  "c": [
    {
      "x, {\"y\": \\": "}"
    },
    null
  ],
  "d": {}
}"#;
        assert_eq!(indented(json), expected);
    }
}
