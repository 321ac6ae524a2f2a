//! Searching a tenant's history for words.

use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::Server;

async fn search(server: &Server, client: &str, endpoint: &str, text: &str) -> Answer {
    let text: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let path = format!("/api/history/{endpoint}?q={text}");
    Call::new(server, "GET", &path).client(client).send().await
}

fn ids(answer: &Answer) -> Vec<&Value> {
    let results = answer.body["results"].as_array().expect("results");
    results.iter().map(|event| &event["event_id"]).collect()
}

#[tokio::test]
async fn events_are_found_by_their_words_as_soon_as_they_are_stored() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for (number, (name, data)) in (0..).zip([
        (
            "Anna Schmidt",
            json!([{"field": "status", "new": "Genehmigt für 2027"}]),
        ),
        (
            "Jürgen",
            json!([{"file": {"name": "契約書_最終版.pdf", "pages": 1200}}]),
        ),
        ("", json!([["anna", null, true]])),
    ]) {
        let mut event = envelope("demo", number);
        event["detail"]["source_name"] = json!(name);
        event["detail"]["event_data"] = data;
        send_event(&server, &event).await;
    }
    let cases: [(&str, &[u32]); 11] = [
        ("anna", &[2, 0]),
        ("ANNA schmidt", &[0]),
        ("anna für genehmigt", &[0]),
        ("jurgen", &[1]),
        ("契約書", &[1]),
        ("最終 PDF", &[1]),
        ("1200", &[1]),
        ("status 2027", &[0]),
        ("field", &[]),
        ("true", &[]),
        ("anna jurgen", &[]),
    ];
    for (text, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|it| event_id(*it)).collect();
        let answer = search(&server, &client, "events", text).await;
        assert_eq!(ids(&answer), expected.iter().collect::<Vec<_>>(), "{text}");
        assert_eq!(answer.body["filtered_count"], expected.len(), "{text}");
        assert_eq!(answer.body["total_count"], 3, "{text}");
    }
}

#[tokio::test]
async fn a_search_is_bounded_and_says_what_is_wrong() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let many: Vec<String> = (0..33).map(|number| format!("w{number}")).collect();
    let (longest, many) = (many[..32].join(" ") + &" ".repeat(800), many.join(" "));
    for endpoint in ["events", "feed"] {
        for (text, problem) in [
            ("", "query.q value_error"),
            ("-- * \u{1f4c4}", "query.q value_error"),
            (&"x".repeat(1025), "query.q string_too_long"),
            (&many, "query.q too_long"),
        ] {
            let answer = search(&server, &client, endpoint, text).await;
            answer.is_invalid(&[problem]);
        }
        let answer = search(&server, &client, endpoint, "a&q=b").await;
        assert_eq!(answer.status, 200, "one parameter");
        let path = format!("/api/history/{endpoint}?q=a&q=b");
        let twice = Call::new(&server, "GET", &path)
            .client(&client)
            .send()
            .await;
        twice.is_invalid(&["query.q too_long"]);
        let answer = search(&server, &client, endpoint, &longest).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }
}

#[tokio::test]
async fn words_are_no_statements() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let mut event = envelope("demo", 1);
    event["detail"]["source_name"] = json!("NEAR OR words");
    send_event(&server, &event).await;
    for (text, found) in [
        ("near", 1),
        ("OR", 1),
        ("NEAR(words or)", 1),
        ("\"words\" AND \"or\"", 0),
        ("words*", 1),
        ("word*", 0),
        ("terms:words", 0),
        ("-words", 1),
        ("words'; DROP TABLE words", 0),
    ] {
        let answer = search(&server, &client, "events", text).await;
        assert_eq!(answer.status, 200, "{text}");
        assert_eq!(ids(&answer).len(), found, "{text}");
    }
}
