//! Text that would change a statement if it ever became part of one: refused where it is no value, kept
//! to the byte where it is one, and nothing else is touched.

use futures_util::future::join_all;
use http::HeaderValue;
use serde_json::{Value, json};
use url::form_urlencoded::byte_serialize;

use super::{Call, envelope, event_id, send_event, tenant};
use crate::support::Server;

const CLASSICS: &[&str] = &[
    "'",
    "\"",
    "`",
    "''",
    "\\",
    "\\'",
    "\\\\'",
    "'; DROP TABLE default.tenants; --",
    "\"; DROP TABLE tenants; --",
    "`; DROP DATABASE demo; --",
    "demo'; DELETE FROM events WHERE 1 = 1; /*",
    "' OR '1'='1",
    "1 OR 1=1",
    "1) OR (1=1",
    "1, 2",
    "[1,2]",
    "1; SELECT sleep(3)",
    "1 UNION ALL SELECT * FROM system.users",
    "0x1.F",
    "1e+3",
    "(NULL)",
    "\\N",
    "{database:Identifier}",
    "{event_ids:Array(UUID)}",
    "{x:String}",
    "$ON_CLUSTER",
    "$(touch /tmp/hostile)",
    "${HOME}",
    "%",
    "%s%n",
    "%27%00",
    "?",
    "??",
    ":name",
    "@name",
    "-- ",
    "/* */",
    "#",
    ";",
    "\0",
    "a\0'b",
    "line\nbreak",
    "carriage\r\nreturn",
    "tab\tstop",
    "\u{1}\u{8}\u{1b}[31m\u{7f}",
    "../../etc/passwd",
    "demo/../other",
    "demo.events",
    "FORMAT Null",
    "Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED) (version 26.7.2.1)\n",
    "\r\n__exception__\r\nCode: 60\r\n__exception__\r\n",
    "SETTINGS readonly=0",
    "\u{2019}\u{ff07}\u{2032}", // careless code normalizes these to a quote
    "\u{bf}\u{27}",
    "\u{202e}drowssap\u{202c}\u{200f}",
    "\u{feff}\u{200b}\u{2028}",
    "e\u{301} é ß ﷺ",
    "👩\u{200d}👩\u{200d}👧 🏴\u{e0067}\u{e007f} 𝔘",
    "\u{fffd}\u{ffff}\u{10ffff}",
];

/// Past every limit of a name, and past what ClickHouse takes in a URL or a form's field.
fn classics() -> Vec<String> {
    let long = ["'".repeat(3000), "é\\".repeat(20_000)];
    let short = CLASSICS.iter().map(|text| (*text).to_owned());
    short.chain(long).collect()
}

/// A server with two tenants and some events, and all that a caller can see of it.
struct Stage {
    server: Server,
    clients: [String; 2],
}

impl Stage {
    async fn new() -> Self {
        let server = Server::start();
        let clients = [
            tenant(&server, "demo").await,
            tenant(&server, "other").await,
        ];
        for number in 0..3 {
            send_event(&server, &envelope("demo", number)).await;
            send_event(&server, &envelope("other", number)).await;
        }
        Self { server, clients }
    }

    async fn list(&self, client: &str, query: &str) -> Value {
        let path = format!("/api/history/events?limit=1000{query}");
        let answer = Call::new(&self.server, "GET", &path).client(client).send();
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.body
    }

    /// Returns every listing, every database and every tenant entry.
    async fn everything(&self) -> [String; 4] {
        let [demo, other] = &self.clients;
        let database = self.server.database();
        [
            self.list(demo, "").await.to_string(),
            self.list(other, "").await.to_string(),
            database.names().await.join("\n"),
            database.tenant_entries().await,
        ]
    }
}

#[tokio::test]
async fn invalid_values_are_rejected_and_change_nothing() {
    let stage = Stage::new().await;
    let (server, client) = (&stage.server, stage.clients[0].as_str());
    let before = stage.everything().await;
    for text in classics() {
        let body = json!({ "database_name": text, "client_label": "x" });
        let made = Call::new(server, "POST", "/api/initialize-tenant").json(&body);
        let refused = ["body.database_name string_pattern_mismatch"];
        made.send().await.is_invalid(&refused);

        // Only what a header can hold ever arrives in one.
        if HeaderValue::from_str(&text).is_ok() && text.len() < 4000 {
            for (method, path) in [
                ("GET", "/api/history/events"),
                ("GET", "/api/files/upload-url"),
                ("DELETE", "/api/delete-tenant"),
            ] {
                let call = Call::new(server, method, path).client(&text).send();
                call.await.is_error(400, "Failed to connect to tenant db.");
            }
        }
        assert_event_is_refused(server, &text).await;
        if text.len() < 4000 {
            assert_query_is_refused(server, client, &text).await;
        }
    }
    assert_eq!(stage.everything().await, before);
}

/// As the tenant's name, and as what is an id, a time or a number.
async fn assert_event_is_refused(server: &Server, text: &str) {
    let deliver = |envelope: &Value| {
        Call::new(server, "POST", "/api/event-bridge/create-event")
            .json(envelope)
            .send()
    };
    let mut event = envelope("demo", 9);
    event["source"] = json!(text);
    let expected = format!("'{text}' tenant not found in database.");
    deliver(&event).await.is_error(400, &expected);
    for member in [
        "event_id",
        "event_time",
        "event_type_id",
        "record_id",
        "source_id",
        "source_type_id",
        "file_id",
    ] {
        let mut event = envelope("demo", 9);
        event["detail"][member] = json!(text);
        let answer = deliver(&event).await;
        assert_eq!(answer.status, 422, "{member}={text}: {:?}", answer.body);
    }
    let mut event = envelope("demo", 9);
    event["detail"]["event_data"] = json!([{ "file_id": text }]);
    let answer = deliver(&event).await;
    assert_eq!(answer.status, 422, "{text}: {:?}", answer.body);
}

/// As the value of every parameter, alone and behind a good one, and as a parameter's name.
async fn assert_query_is_refused(server: &Server, client: &str, text: &str) {
    let encoded: String = byte_serialize(text.as_bytes()).collect();
    let get = |path: String| {
        let call = Call::new(server, "GET", &path).client(client);
        async move {
            let answer = call.send().await;
            assert_eq!(answer.status, 422, "{path}: {:?}", answer.body);
        }
    };
    for name in [
        "record_id",
        "event_type_id",
        "source_id",
        "source_type_id",
        "event_id",
        "event_time_from",
        "event_time_to",
        "limit",
        "offset",
        "ordering",
        "file_id",
        "has_file",
        "received_from",
        "received_to",
        "count",
    ] {
        get(format!("/api/history/events?{name}={encoded}")).await;
        get(format!("/api/history/events?record_id=1&{name}={encoded}")).await;
    }
    get(format!("/api/history/events?{encoded}=1")).await;
    // `+` is a space in a query alone.
    let segment = encoded.replace('+', "%20");
    get(format!("/api/history/events/{segment}/file")).await;
}

#[tokio::test]
async fn valid_values_are_returned_unchanged() {
    let stage = Stage::new().await;
    let [demo, other] = &stage.clients;
    let before = stage.list(other, "").await;
    let classics = classics();
    // The same again is the same event: what is stored is compared with what is sent.
    for _ in 0..2 {
        let sent = (100..).zip(&classics).map(|(number, text)| {
            let event = carrying(text, number);
            let server = &stage.server;
            async move { send_event(server, &event).await }
        });
        join_all(sent).await;
    }
    let listing = stage.list(demo, "&ordering=event_time").await;
    assert_eq!(listing["total_count"], 3 + classics.len());
    let listed = &listing["results"].as_array().expect("results")[3..];
    for ((number, text), listed) in (100..).zip(&classics).zip(listed) {
        let sent = &carrying(text, number)["detail"];
        for member in ["event_id", "source_name", "source_info", "event_data"] {
            assert_eq!(listed[member], sent[member], "{member}");
        }
        let id = event_id(number);
        let alone = stage.list(demo, &format!("&event_id={id}")).await;
        assert_eq!(alone["results"], json!([listed]));
        // As a filter it means itself.
        let is_long = text.len() > 1024;
        let text: String = byte_serialize(text.as_bytes()).collect();
        if is_long {
            if text.len() < 10_000 {
                let path = format!("/api/history/events?source_name={text}");
                let answer = Call::new(&stage.server, "GET", &path).client(demo).send();
                let problem = "query.source_name string_too_long";
                answer.await.is_invalid(&[problem]);
            }
            continue;
        }
        let query = format!("&source_name={text}&source_info={text}&field={text}&value={text}");
        let found = stage.list(demo, &query).await;
        assert_eq!(found["results"], json!([listed]), "{query}");
    }
    assert_eq!(stage.list(other, "").await, before);
}

fn carrying(text: &str, number: u32) -> Value {
    let mut event = envelope("demo", number);
    let detail = &mut event["detail"];
    detail["source_name"] = json!(text);
    detail["source_info"] = json!(text);
    detail["event_data"] = json!([text, { text: [text, { "x": { text: null } }] }, [[text]], { "field": text, "new": text }]);
    event
}

#[tokio::test]
async fn a_label_is_kept_as_it_was_sent() {
    let stage = Stage::new().await;
    // Several in one, since each is a tenant.
    let labels: Vec<String> = CLASSICS.chunks(6).map(<[_]>::concat).collect();
    for (number, label) in labels.iter().enumerate() {
        let body = json!({ "database_name": format!("label-{number}"), "client_label": label });
        let made = Call::new(&stage.server, "POST", "/api/initialize-tenant").json(&body);
        assert_eq!(made.send().await.status, 201, "{label}");
    }
    for (number, label) in labels.iter().enumerate() {
        let name = format!("label-{number}");
        assert_eq!(&stage.server.database().label(&name).await, label);
    }
    let [demo, other] = &stage.clients;
    assert_eq!(stage.list(demo, "").await["total_count"], 3);
    assert_eq!(stage.list(other, "").await["total_count"], 3);
}

#[tokio::test]
async fn extreme_numbers_match_in_filters() {
    let stage = Stage::new().await;
    let demo = &stage.clients[0];
    let ends = [(i64::MIN, i32::MIN), (i64::MAX, i32::MAX), (-1, -1), (0, 0)];
    for (number, (long, short)) in (100..).zip(ends) {
        let mut event = envelope("demo", number);
        let detail = &mut event["detail"];
        (detail["record_id"], detail["source_id"]) = (json!(long), json!(long));
        (detail["event_type_id"], detail["source_type_id"]) = (json!(short), json!(short));
        send_event(&stage.server, &event).await;
    }
    for (number, (long, short)) in (100..).zip(ends) {
        let query = format!(
            "&record_id={long}&source_id={long}&event_type_id={short}&source_type_id={short}"
        );
        let found = stage.list(demo, &query).await;
        assert_eq!(found["filtered_count"], 1, "{query}: {found}");
        assert_eq!(found["results"][0]["event_id"], event_id(number));
        assert_eq!(found["results"][0]["record_id"], long);
    }
    for beyond in ["9223372036854775808", "-9223372036854775809"] {
        assert_query_is_refused_for_numbers(&stage.server, demo, beyond).await;
    }
    for times in [
        "&event_time_from=0001-01-01T00:00:00Z",
        "&event_time_to=9999-12-30T00:00:00Z",
    ] {
        assert_eq!(
            stage.list(demo, times).await["filtered_count"],
            7,
            "{times}"
        );
    }
}

async fn assert_query_is_refused_for_numbers(server: &Server, client: &str, number: &str) {
    for name in ["record_id", "event_type_id", "source_id", "source_type_id"] {
        let path = format!("/api/history/events?{name}={number}");
        let answer = Call::new(server, "GET", &path).client(client).send().await;
        answer.is_invalid(&[&format!("query.{name} int_parsing_size")]);
    }
}
