//! Redaction through the API.

use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::{self, Server};

const SECRET: &str = "Xylographie";

/// Sends an event with the secret, and returns the path of it.
async fn send(server: &Server, number: u32) -> (Value, String) {
    let mut sent = envelope("demo", number);
    sent["detail"]["event_type_id"] = 7.into();
    sent["detail"]["source_name"] = SECRET.into();
    sent["detail"]["event_data"] =
        json!([{"field": "note", "old": null, "new": format!("my {SECRET}")}]);
    send_event(server, &sent).await;
    (sent, format!("/api/history/events/{}", event_id(number)))
}

struct Tenant<'a> {
    server: &'a Server,
    client: String,
}

impl Tenant<'_> {
    async fn get(&self, path: &str) -> Answer {
        let call = Call::new(self.server, "GET", path);
        call.client(&self.client).send().await
    }

    async fn text(&self, path: &str) -> String {
        let call = Call::new(self.server, "GET", path);
        call.client(&self.client).send_text().await
    }

    /// Follows the feed until it has shown this many events. Returns the cursor behind them.
    async fn end_of_feed(&self, events: usize) -> String {
        let (mut seen, mut path) = (0, "/api/history/feed?wait=20".to_owned());
        loop {
            let body = self.get(&path).await.body;
            seen += body["results"].as_array().expect("events").len();
            let cursor = body["cursor"].as_str().expect("a cursor");
            if seen >= events {
                return cursor.to_owned();
            }
            path = format!("/api/history/feed?wait=20&after={cursor}");
        }
    }

    async fn redact(&self, event: &str, body: &Value) -> Answer {
        let path = format!("{event}/redact");
        let call = Call::new(self.server, "POST", &path).client(&self.client);
        call.json(body).send().await
    }
}

#[tokio::test]
async fn redacted_members_are_in_no_answer() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let demo = Tenant {
        server: &server,
        client,
    };
    let (sent, event) = send(&server, 1).await;
    send(&server, 2).await;
    let cursor = demo.end_of_feed(2).await;
    let before = demo.get(&event).await;
    let body =
        json!({"members": ["/event_data/0/new", "/source_name"], "reason": "Request 2026-17"});
    let answer = demo.redact(&event, &body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);

    let mut expected = before.body.clone();
    expected["event_data"][0]["new"] = Value::Null;
    expected["source_name"] = "".into();
    let mut redaction = answer.body["redactions"][0].clone();
    let at = redaction["redacted_at"].take();
    assert!(at.as_str().expect("a time").ends_with('Z'), "{at}");
    let who = json!({"members": body["members"], "reason": "Request 2026-17",
                     "redacted_by": "configured key", "redacted_at": null});
    assert_eq!(redaction, who);
    expected["redactions"] = answer.body["redactions"].clone();
    assert_eq!(answer.body, expected);
    let now = demo.get(&event).await;
    now.is(200, &expected);
    assert_ne!(now.header("etag"), before.header("etag"));

    for (path, shown) in [
        ("/api/history/events?record_id=1", "\"redactions\""),
        ("/api/history/export?record_id=1", "\"redactions\""),
        ("/api/history/export?record_id=1&format=csv", "\"\"note\"\""),
        ("/api/history/records/1", "\"note\""),
        (
            "/api/history/records/1/diff?from=2022-01-01T00:00:00Z&to=2023-01-01T00:00:00Z",
            "\"note\"",
        ),
    ] {
        let text = demo.text(path).await;
        assert!(
            !text.contains(SECRET) && text.contains(shown),
            "{path}: {text}"
        );
    }
    let untouched = demo.get("/api/history/events?record_id=2").await;
    assert_eq!(untouched.body["results"][0].get("redactions"), None);
    let found = demo.get(&format!("/api/history/events?q={SECRET}")).await;
    assert_eq!(
        (&found.body["filtered_count"], &found.body["total_count"]),
        (&json!(1), &json!(2))
    );
    let rest = demo.get(&format!("/api/history/feed?after={cursor}")).await;
    rest.is(
        200,
        &json!({"cursor": rest.body["cursor"], "has_more": false, "results": []}),
    );

    // Whatever is delivered under the id is there already.
    let mut other = sent.clone();
    other["detail"]["event_data"] = json!(["something else"]);
    for again in [&sent, &other] {
        send_event(&server, again).await;
        let call = Call::new(&server, "POST", "/api/events").client(&demo.client);
        let answer = call.json(&json!([again["detail"]])).send().await;
        assert_eq!(
            (&answer.body["duplicates"], &answer.body["stored"]),
            (&json!(1), &json!(0))
        );
    }
    let again = demo.redact(&event, &body).await;
    again.is(200, &expected);
    demo.get(&event).await.is(200, &expected);
}

#[tokio::test]
async fn what_cannot_be_redacted_is_named() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let demo = Tenant {
        server: &server,
        client,
    };
    let (_, event) = send(&server, 1).await;
    let before = demo.get(&event).await.body;
    let members = |members: Value| json!({"members": members, "reason": "x"});
    let many = members(json!(vec!["/event_data"; 51]));
    for (body, problems) in [
        (
            json!({}),
            vec!["body.members missing", "body.reason missing"],
        ),
        (
            json!({"members": ["/event_data"], "reason": " "}),
            vec!["body.reason string_too_short"],
        ),
        (
            json!({"members": "/event_data", "reason": "x".repeat(1025)}),
            vec!["body.members list_type", "body.reason string_too_long"],
        ),
        (members(json!([])), vec!["body.members too_short"]),
        (many, vec!["body.members too_long"]),
        (
            members(json!([
                7,
                "event_data",
                "/event_data/~",
                format!("/{}", "x".repeat(512))
            ])),
            vec![
                "body.members.0 string_type",
                "body.members.1 json_pointer",
                "body.members.2 json_pointer",
                "body.members.3 string_too_long",
            ],
        ),
        (
            members(json!([
                "/source_name",
                "/event_data/1",
                "/event_time",
                "/event_data/00"
            ])),
            vec![
                "body.members.1 member_not_found",
                "body.members.2 redaction_not_allowed",
                "body.members.3 member_not_found",
            ],
        ),
    ] {
        demo.redact(&event, &body).await.is_invalid(&problems);
    }
    let refused = demo.redact(&event, &members(json!(["/event_id"]))).await;
    let message = refused.body["detail"][0]["msg"]
        .as_str()
        .expect("a message");
    assert!(message.contains("'/event_id'"), "{message}");
    let body = members(json!(["/source_name"]));
    let id = support::uuid();
    let unknown = demo
        .redact(&format!("/api/history/events/{id}"), &body)
        .await;
    unknown.is_error(404, &format!("'{id}' event not found."));
    let wrong = demo.redact("/api/history/events/x", &body).await;
    wrong.is_invalid(&["path.event_id uuid_parsing"]);

    let holds = format!("/api/tenants/{}/holds", demo.client);
    let hold = json!({"record_id": 1, "reason": "Case 7"});
    let hold = Call::new(&server, "POST", &holds).json(&hold).send().await;
    let refused = demo.redact(&event, &body).await;
    refused.is_error(
        400,
        &format!("'{}' event is under a legal hold.", event_id(1)),
    );
    demo.get(&event).await.is(200, &before);
    let path = format!("{holds}/{}", hold.body["id"].as_str().expect("an id"));
    Call::new(&server, "DELETE", &path).send().await;
    assert_eq!(demo.redact(&event, &body).await.status, 200);
}
