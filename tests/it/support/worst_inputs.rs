//! The worst megabyte of each kind: requests that are as large as the API takes, and made to be slow to read,
//! compare or refuse.

use http::Method;

use super::server::{API_KEY, Server, Tenant};

/// The largest event that the API takes, and the largest request head.
const MEBIBYTE: usize = 1024 * 1024;
const HEAD_BYTES: usize = 60 * 1024;

const CREATE_EVENT: &str = "/api/event-bridge/create-event";
const EVENTS: &str = "/api/history/events";
const EVENT_ID: &str = "00000000-0000-4000-8000-000000000001";

/// A request that somebody with an API key may send all day.
#[derive(Debug, Clone)]
pub(crate) struct WorstInput {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) body: String,
    /// What the API answers it with.
    pub(crate) status: u16,
}

impl WorstInput {
    /// Sends the input for `tenant`, and returns the status and the body of the answer.
    pub(crate) async fn send(&self, server: &Server, tenant: &Tenant) -> (u16, String) {
        let url = format!("{}{}", server.url(), self.path);
        let request = server.client().request(self.method.clone(), url);
        let request = request
            .header("X-API-Key", API_KEY)
            .header("X-Client-Id", &tenant.client_id)
            .body(self.body.clone());
        let response = request.send().await.expect("the server answers");
        let status = response.status().as_u16();
        (status, response.text().await.expect("a body"))
    }

    /// Returns how many bytes the request has, but for its headers.
    pub(crate) fn size_bytes(&self) -> usize {
        self.path.len() + self.body.len()
    }
}

/// Returns all of them.
pub(crate) fn worst_inputs() -> Vec<WorstInput> {
    [events(), compared(), lists(), queries()].concat()
}

/// Bodies whose `event_data`, or whose envelope, is slow to read.
fn events() -> Vec<WorstInput> {
    let half = MEBIBYTE / 2 - 2048;
    let deep = format!("{}{}", "[".repeat(half), "]".repeat(half));
    let data = [
        ("numbers", 201, filled("0", ",")),
        ("empty arrays", 201, filled("[]", ",")),
        ("empty objects", 201, filled("{}", ",")),
        ("short strings", 201, filled("\"\"", ",")),
        ("escapes", 201, format!("\"{}\"", filled(r"\u0000", ""))),
        ("quotes", 201, format!("\"{}\"", filled("\\\"", ""))),
        ("white space", 201, filled("0,", " \n\t") + "0"),
        ("one long number", 422, filled("9", "").split_off(900_000)),
        ("a long fraction", 201, format!("0.{}", filled("9", ""))),
        ("exponents", 201, filled("1e-308", ",")),
        ("too large numbers", 422, filled("1e308", ",") + ",1e309"),
        ("members", 201, object(|number| format!("\"{number}\":0"))),
        (
            "one member again and again",
            201,
            object(|_| "\"a\":0".to_owned()),
        ),
        (
            "file ids that are null",
            201,
            filled(r#"{"file_id":null}"#, ","),
        ),
        ("brackets", 422, deep),
    ];
    let mut inputs: Vec<_> = data
        .into_iter()
        .map(|(name, status, data)| event(name, status, &envelope(&super::uuid(), &data)))
        .collect();
    let valid = envelope(&super::uuid(), "");
    let mut unknown = filled("\"x\":[],", "");
    unknown.truncate(unknown.len() / 7 * 7);
    inputs.push(event(
        "unknown members",
        201,
        &valid.replacen("\"detail\":{", &format!("\"detail\":{{{unknown}"), 1),
    ));
    inputs.push(event("text that is no JSON", 422, &filled("x", "")));
    inputs.push(event(
        "a text without an end",
        422,
        &format!("\"{}", filled("x", "")),
    ));
    inputs
}

/// Deliveries of one event, each written in another way: all that is stored is compared with all that is sent.
fn compared() -> Vec<WorstInput> {
    let depth = 120;
    let (open, close) = ("[".repeat(depth), "]".repeat(depth));
    let data = |last: &str| format!("{open}{},{last}{close}", filled("0", ","));
    let members = |last: &str| {
        let members = object(|number| format!("\"\\u0061{number}\":0"));
        format!("{open}{members},{last}{close}")
    };
    let other_id = EVENT_ID.replace("8000", "9000");
    vec![
        event("a deep event", 201, &envelope(EVENT_ID, &data("1.0"))),
        event(
            "the same in other words",
            201,
            &envelope(EVENT_ID, &data("1")),
        ),
        event(
            "a deep event with another end",
            400,
            &envelope(EVENT_ID, &data("2")),
        ),
        event("deep members", 201, &envelope(&other_id, &members("1.0"))),
        event(
            "the same members",
            201,
            &envelope(&other_id, &members("1e0")),
        ),
    ]
}

/// Lists that are longer than they may be, of elements that are none.
fn lists() -> Vec<WorstInput> {
    let zeros = filled("0", ",");
    let files = |elements: &str| {
        let valid = envelope(&super::uuid(), "");
        valid.replacen(
            "\"detail\":{",
            &format!("\"detail\":{{\"file_ids\":[{elements}],"),
            1,
        )
    };
    let parts = format!(r#"{{"upload_id":"x","parts":[{zeros}]}}"#);
    let part = r#"{"part_number":1,"etag":"9e107d9d372bb6826bd81d3542a419d6"}"#;
    let most_parts = vec![part; 10_000].join(",");
    let most_parts = format!(r#"{{"upload_id":"x","parts":[{most_parts}]}}"#);
    let complete = format!("/api/files/multipart/{EVENT_ID}/complete");
    let resources = envelope(&super::uuid(), "").replacen(
        "\"detail\":",
        &format!("\"resources\":[{}],\"detail\":", &zeros[..60_001]),
        1,
    );
    vec![
        event("30,000 file ids", 422, &files(&zeros[..59_999])),
        event("a megabyte of file ids", 422, &files(&zeros)),
        event("a list of resources", 201, &resources),
        post("a megabyte of parts", complete.clone(), parts, 422),
        post("10,000 parts", complete, most_parts, 404),
    ]
}

/// Heads of requests.
fn queries() -> Vec<WorstInput> {
    let get = |name, path: String, status| WorstInput {
        name,
        method: Method::GET,
        path,
        body: String::new(),
        status,
    };
    let unknown: Vec<String> = (0..HEAD_BYTES / 6).map(|it| format!("{it:x}=")).collect();
    let unknown = unknown.join("&");
    let filters = (0..100).map(|number| {
        format!(
            "record_id={number}&event_type_id={number}&source_id={number}&source_type_id={number}&\
             event_id=00000000-0000-4000-8000-{number:012}&"
        )
    });
    let filters: String = filters.collect();
    let repeated = "record_id=1&".repeat(HEAD_BYTES / 12);
    vec![
        get("unknown parameters", format!("{EVENTS}?{unknown}"), 422),
        get(
            "unknown terms",
            format!("/api/files/upload-url?{unknown}"),
            422,
        ),
        get("repeated filters", format!("{EVENTS}?{repeated}"), 422),
        get("every filter", format!("{EVENTS}?{filters}limit=1000"), 200),
        get(
            "escapes in a query",
            format!("{EVENTS}?{}", "%61".repeat(HEAD_BYTES / 3)),
            422,
        ),
        get(
            "ampersands",
            format!("{EVENTS}?{}", "&".repeat(HEAD_BYTES)),
            422,
        ),
        get("slashes", "/".repeat(HEAD_BYTES), 404),
    ]
}

fn post(name: &'static str, path: String, body: String, status: u16) -> WorstInput {
    WorstInput {
        name,
        method: Method::POST,
        path,
        body,
        status,
    }
}

fn event(name: &'static str, status: u16, body: &str) -> WorstInput {
    post(name, CREATE_EVENT.to_owned(), body.to_owned(), status)
}

/// Returns a delivery of an event whose `event_data` has these elements.
fn envelope(event_id: &str, elements: &str) -> String {
    format!(
        r#"{{"source":"x","detail":{{"event_id":"{event_id}","event_time":"2022-11-10T10:26:12Z","event_type_id":1,"record_id":1,"source_id":1,"source_type_id":1,"event_data":[{elements}]}}}}"#
    )
}

/// Returns as much of `unit`, again and again, as an event has room for.
fn filled(unit: &str, separator: &str) -> String {
    let count = (MEBIBYTE - 2048) / (unit.len() + separator.len());
    vec![unit; count].join(separator)
}

fn object(member: impl Fn(usize) -> String) -> String {
    let mut members = String::new();
    for number in 0.. {
        let member = member(number);
        if members.len() + member.len() > MEBIBYTE - 4096 {
            break;
        }
        if number > 0 {
            members.push(',');
        }
        members += &member;
    }
    format!("{{{members}}}")
}
