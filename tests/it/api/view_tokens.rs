//! View tokens: what they show, and for how long.

use std::time::Duration;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use event_history::domain::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Answer, Call, event_id, tenant};
use crate::support::{self, API_KEY, Server, wait_for};

const TOKENS: &str = "/api/view-tokens";

const EVENTS: &str = "/api/history/events";

async fn make(server: &Server, client_id: &str, body: &Value) -> Answer {
    let call = Call::new(server, "POST", TOKENS).client(client_id);
    let answer = call.json(body).send().await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    assert_eq!(answer.header("Cache-Control"), "no-store");
    answer
}

async fn mint(server: &Server, client_id: &str, body: &Value) -> String {
    let answer = make(server, client_id, body).await;
    answer.body["token"].as_str().expect("a token").to_owned()
}

fn time(json: &Value) -> Timestamp {
    let text = json.as_str().expect("a text");
    text.parse().expect("a time")
}

fn unauthorized() -> (u16, Value) {
    (401, json!({"detail": "Unauthorized API Key."}))
}

/// Opens a stream, and returns it behind its first text.
async fn stream(server: &Server, token: &str) -> reqwest::Response {
    let url = format!("{}/api/history/stream", server.url());
    let request = server.client().get(url).bearer_auth(token);
    let mut response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let start = response.chunk().await.expect("a text");
    assert!(start.is_some(), "it ended at once");
    response
}

fn call<'a>(server: &'a Server, token: &str, method: &str, path: &str) -> Call<'a> {
    Call::bare(server, method, path).header("Authorization", format!("Bearer {token}"))
}

async fn get(server: &Server, token: &str, path: &str) -> (u16, Value) {
    let answer = call(server, token, "GET", path).send().await;
    (answer.status.as_u16(), answer.body)
}

/// Stores three events of record 1 and two of record 2, one of each with a file.
async fn fill(server: &Server, name: &str) {
    for (number, record_id) in [(1, 1), (2, 2), (3, 1), (4, 2), (5, 1)] {
        let mut envelope = super::envelope(name, number);
        envelope["detail"]["record_id"] = record_id.into();
        super::send_event(server, &envelope).await;
    }
}

#[tokio::test]
async fn a_token_of_a_tenant_reads_all_of_it_and_nothing_else() {
    let server = Server::start();
    let (own, other) = (tenant(&server, "own").await, tenant(&server, "other").await);
    fill(&server, "own").await;
    let token = mint(&server, &own, &json!({})).await;
    let (status, page) = get(&server, &token, "/api/history/events").await;
    assert_eq!((status, &page["total_count"]), (200, &json!(5)));
    let answer = call(&server, &token, "GET", "/api/history/events")
        .client(&own)
        .send()
        .await;
    assert_eq!(answer.body, page);
    let answer = call(&server, &token, "GET", "/api/history/events")
        .client(&other)
        .send()
        .await;
    answer.is_error(400, "Failed to connect to tenant db.");
    for (method, path, scope) in [
        ("GET", "/api/files/upload-url", "write"),
        ("POST", "/api/events", "write"),
        ("DELETE", "/api/delete-tenant", "admin"),
        ("POST", "/api/keys", "admin"),
    ] {
        let answer = call(&server, &token, method, path).text("{}").send().await;
        answer.is_error(403, &format!("The credential lacks the scope '{scope}'."));
    }
    let answer = call(&server, &token, "POST", TOKENS)
        .text("{}")
        .send()
        .await;
    answer.is_error(403, "A view token makes no tokens.");
    let (status, _) = get(&server, &token, "/api/catalogue").await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn a_token_of_a_record_shows_this_record_alone() {
    let server = Server::start();
    let own = tenant(&server, "own").await;
    fill(&server, "own").await;
    let token = mint(&server, &own, &json!({"record_id": 1})).await;
    let counts = |page: &Value| (page["total_count"].clone(), page["filtered_count"].clone());
    for (query, filtered) in [
        ("", 3),
        ("?record_id=1", 3),
        ("?record_id=1&record_id=2", 3),
        ("?record_id=2", 0),
        ("?event_type_id=9", 0),
        (&format!("?event_id={}", event_id(2)), 0),
        (&format!("?event_id={}", event_id(3)), 1),
        ("?q=approved", 3),
        ("?field=status", 3),
    ] {
        let (status, page) = get(&server, &token, &format!("/api/history/events{query}")).await;
        assert_eq!(status, 200, "{query}: {page}");
        assert_eq!(counts(&page), (json!(3), json!(filtered)), "{query}");
        let results = page["results"].as_array().expect("a list");
        assert_eq!(results.len(), filtered, "{query}");
        assert!(
            results.iter().all(|event| event["record_id"] == 1),
            "{query}: {page}"
        );
    }
    // A walk by cursor.
    let (_, page) = get(&server, &token, "/api/history/events?limit=2").await;
    let cursor = page["next_cursor"].as_str().expect("a cursor");
    let (_, page) = get(
        &server,
        &token,
        &format!("/api/history/events?limit=2&cursor={cursor}"),
    )
    .await;
    assert_eq!(page["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(page["results"][0]["event_id"], event_id(1));

    for (path, status) in [
        (format!("/api/history/events/{}", event_id(1)), 200),
        (format!("/api/history/events/{}", event_id(2)), 404),
        ("/api/history/records/1".to_owned(), 200),
        ("/api/history/records/2".to_owned(), 404),
        (
            "/api/history/records/1/diff?from=2000-01-01T00:00:00Z".to_owned(),
            200,
        ),
        (
            "/api/history/records/2/diff?from=2000-01-01T00:00:00Z".to_owned(),
            404,
        ),
    ] {
        assert_eq!(get(&server, &token, &path).await.0, status, "{path}");
    }
    let (_, stats) = get(&server, &token, "/api/history/stats?by=event_type").await;
    assert_eq!(stats["filtered_count"], 3);
    let feed = wait_for("the feed", Duration::from_secs(10), async || {
        let (_, feed) = get(&server, &token, "/api/history/feed").await;
        let results = feed["results"].as_array().expect("a list").clone();
        (results.len() >= 3).then_some(results)
    });
    assert_eq!(feed.await.len(), 3);
    let export = async |token: &str, query: &str| {
        call(
            &server,
            token,
            "GET",
            &format!("/api/history/export{query}"),
        )
        .send_text()
        .await
    };
    let exported = export(&token, "").await;
    assert_eq!(exported.lines().count(), 3, "{exported}");
    let resumed = export(&token, &format!("?after_event={}", event_id(1))).await;
    assert_eq!(resumed.lines().count(), 2, "{resumed}");
    let resumed = export(&token, &format!("?after_event={}", event_id(2))).await;
    assert_eq!(
        resumed,
        json!({"detail": format!("'{}' event not found.", event_id(2))}).to_string()
    );
}

#[tokio::test]
async fn a_token_of_a_record_opens_this_records_files() {
    let server = Server::start();
    let own = server.create_tenant("own").await;
    let mut events = Vec::new();
    for record_id in [1, 2] {
        let upload = server.upload_url(&own).await;
        let put = server.client().put(&upload.url).body("bytes");
        support::expect(put, http::StatusCode::OK).await;
        let mut event = support::event_with_file(&upload.file_id);
        event["record_id"] = record_id.into();
        server.deliver(&own, &event).await;
        events.push(event["event_id"].as_str().expect("an id").to_owned());
    }
    let token = mint(&server, &own.client_id, &json!({"record_id": 1})).await;
    let file = async |event: &str| {
        get(
            &server,
            &token,
            &format!("/api/history/events/{event}/file"),
        )
        .await
    };
    let (status, body) = file(&events[0]).await;
    assert_eq!(status, 200, "{body}");
    let unknown = support::uuid();
    for hidden in [&events[1], &unknown] {
        let detail = format!("'{hidden}' event has no file.");
        assert_eq!(file(hidden).await, (404, json!({ "detail": detail })));
    }
}

#[tokio::test]
async fn a_token_says_that_it_has_expired() {
    let server = Server::start();
    let own = tenant(&server, "own").await;
    let before = SystemClock.now();
    let answer = make(&server, &own, &json!({})).await;
    let expected = before + SignedDuration::from_mins(15);
    let until = time(&answer.body["expires_at"]);
    assert!(
        until.duration_until(expected).abs() < SignedDuration::from_secs(5),
        "{until}"
    );

    let short = make(&server, &own, &json!({"expires_in": 2})).await;
    let token = short.body["token"].as_str().expect("a token").to_owned();
    let stream = stream(&server, &token).await;
    assert_eq!(get(&server, &token, EVENTS).await.0, 200);
    let ended = wait_for("the token to expire", Duration::from_secs(10), async || {
        let (status, body) = get(&server, &token, EVENTS).await;
        (status != 200).then_some((status, body))
    });
    let detail = json!({"detail": "The view token has expired."});
    assert_eq!(ended.await, (401, detail));
    assert!(SystemClock.now() >= time(&short.body["expires_at"]));
    // Not even a stream without news outlasts it, and this is no failure: the client comes back.
    let rest = timeout(Duration::from_secs(10), stream.text()).await;
    let rest = rest.expect("it ends").expect("it is not cut off");
    assert!(!rest.contains("data:"), "{rest}");
}

#[tokio::test]
async fn a_token_ends_with_the_key_that_made_it() {
    let server = Server::start();
    let own = tenant(&server, "own").await;
    let end = Timestamp::from_second(SystemClock.now().as_second() + 600).expect("a time");
    let body = json!({"name": "backend", "scopes": ["read"], "expires_at": end.to_string()});
    let key = Call::new(&server, "POST", "/api/keys").json(&body);
    let key = key.send().await.body;
    let made = Call::bare(&server, "POST", TOKENS)
        .header("X-API-Key", key["key"].as_str().expect("a key"))
        .client(&own);
    let made = made.text("{}").send().await.body;
    assert_eq!(time(&made["expires_at"]), end, "no longer than the key");
    let token = made["token"].as_str().expect("a token");
    assert_eq!(get(&server, token, EVENTS).await.0, 200);
    let revoke = format!("/api/keys/{}", key["id"].as_str().expect("an id"));
    let revoked = Call::new(&server, "DELETE", &revoke).send().await;
    assert_eq!(revoked.status, 200);
    assert_eq!(get(&server, token, EVENTS).await, unauthorized());
}

#[tokio::test]
async fn a_token_ends_with_the_secret_that_made_it() {
    let server = Server::start();
    let own = server.create_tenant("own").await;
    let pair = format!("{}:{}", own.client_id, own.client_secret);
    let basic = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let made = Call::bare(&server, "POST", TOKENS).header("Authorization", basic);
    let made = made.text("{}").send().await.body;
    let token = made["token"].as_str().expect("a token");
    let by_key = mint(&server, &own.client_id, &json!({})).await;
    let rotate = async |overlap: u32| {
        let path = format!(
            "/api/tenants/{}/rotate-secret?overlap={overlap}",
            own.client_id
        );
        let answer = Call::new(&server, "POST", &path).send().await;
        assert_eq!(answer.status, 200);
    };
    assert_eq!(get(&server, token, EVENTS).await.0, 200);
    rotate(60).await;
    assert_eq!(get(&server, token, EVENTS).await.0, 200, "the overlap");
    rotate(60).await;
    assert_eq!(get(&server, token, EVENTS).await, unauthorized());
    assert_eq!(get(&server, &by_key, EVENTS).await.0, 200);
}

#[tokio::test]
async fn a_token_ends_with_the_configured_key_that_made_it() {
    let (keys, other) = ("EVENT_HISTORY_API_KEY", "another-key-of-the-settings");
    let mut server = Server::builder()
        .env(keys, format!("{API_KEY},{other}"))
        .start();
    let own = tenant(&server, "own").await;
    let by_first = mint(&server, &own, &json!({})).await;
    let by_other = Call::bare(&server, "POST", TOKENS).header("X-API-Key", other);
    let by_other = by_other.client(&own).text("{}").send().await.body;
    let by_other = by_other["token"].as_str().expect("a token");
    server.kill();
    server.set_env(keys, &format!("{other},{API_KEY}"));
    server.start_again();
    for token in [&by_first, by_other] {
        assert_eq!(get(&server, token, EVENTS).await.0, 200, "in another order");
    }
    server.kill();
    server.set_env(keys, API_KEY);
    server.start_again();
    assert_eq!(get(&server, &by_first, EVENTS).await.0, 200);
    assert_eq!(get(&server, by_other, EVENTS).await, unauthorized());
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let server = Server::start();
    let own = tenant(&server, "own").await;
    // Another deployment's, with the same key of the settings.
    let elsewhere = Server::start();
    let there = tenant(&elsewhere, "own").await;
    let foreign = mint(&elsewhere, &there, &json!({})).await;
    assert_eq!(get(&elsewhere, &foreign, EVENTS).await.0, 200);

    let token = mint(&server, &own, &json!({"record_id": 1})).await;
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{token} is no JSON Web Token");
    };
    let changed = |part: &str, name: &str, value: Value| {
        let json = BASE64_URL_SAFE_NO_PAD.decode(part).expect("base64");
        let mut json: Value = serde_json::from_slice(&json).expect("JSON");
        json[name] = value;
        BASE64_URL_SAFE_NO_PAD.encode(json.to_string())
    };
    let whole = changed(claims, "record_id", Value::Null);
    let unsigned = changed(header, "alg", json!("none"));
    let other = changed(header, "alg", json!("HS384"));
    for forged in [
        foreign,
        format!("{header}.{whole}.{signature}"),
        format!("{unsigned}.{claims}."),
        format!("{unsigned}.{claims}.{signature}"),
        format!("{other}.{claims}.{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{token}{}", "A".repeat(1000)),
        String::new(),
        "x".to_owned(),
        "a.b.c".to_owned(),
    ] {
        let answer = get(&server, &forged, "/api/catalogue").await;
        assert_eq!(answer, unauthorized(), "{forged}");
    }
    assert_eq!(get(&server, &token, "/api/catalogue").await.0, 200);
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_may_send_a_token() {
    let server = Server::builder()
        .arg("--cors-origins")
        .arg("https://app.example")
        .start();
    let preflight = Call::bare(&server, "OPTIONS", EVENTS)
        .header("Origin", "https://app.example")
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization");
    let answer = preflight.send().await;
    assert_eq!(answer.status, 200);
    let allowed = answer.header("access-control-allow-headers");
    assert!(allowed.contains("authorization"), "{allowed}");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_token_is_said() {
    let server = Server::start();
    let own = tenant(&server, "own").await;
    let create = async |body: Value| {
        let call = Call::new(&server, "POST", TOKENS).client(&own).json(&body);
        call.send().await
    };
    create(json!({"record_id": "1", "expires_in": 0}))
        .await
        .is_invalid(&[
            "body.record_id int_type",
            "body.expires_in greater_than_equal",
        ]);
    create(json!({"expires_in": 86_401}))
        .await
        .is_invalid(&["body.expires_in less_than_equal"]);
    let answer = Call::new(&server, "POST", TOKENS).text("{}").send().await;
    answer.is_error(400, "Unauthorized Client.");
}
