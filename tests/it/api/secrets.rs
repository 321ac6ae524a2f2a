//! A tenant's own client id and secret as credentials, and the rotation of the secret.

use std::time::Duration;

use event_history::domain::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Call, envelope, tenant};
use crate::support::{Server, Tenant, uuid, wait_for};

const EVENTS: &str = "/api/history/events?limit=1";

/// A call with a tenant's client id and secret, and nothing else.
fn call<'a>(
    server: &'a Server,
    method: &str,
    path: &str,
    client_id: &str,
    secret: &str,
) -> Call<'a> {
    let credentials = base64(&format!("{client_id}:{secret}"));
    Call::bare(server, method, path).header("Authorization", format!("Basic {credentials}"))
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::prelude::BASE64_STANDARD.encode(text)
}

fn call_as<'a>(server: &'a Server, tenant: &Tenant, method: &str, path: &str) -> Call<'a> {
    call(
        server,
        method,
        path,
        &tenant.client_id,
        &tenant.client_secret,
    )
}

#[tokio::test]
async fn a_tenant_sends_and_reads_with_its_own_secret() {
    let server = Server::start();
    let own = server.create_tenant("own").await;
    let other = server.create_tenant("other").await;
    let event = call_as(&server, &own, "POST", "/api/event-bridge/create-event");
    let event = event.json(&envelope("anything", 1)).send().await;
    event.is_error(201, "Event created.");
    let page = call_as(&server, &own, "GET", EVENTS).send().await;
    assert_eq!(
        (page.status.as_u16(), &page.body["total_count"]),
        (200, &json!(1))
    );
    let same = call_as(&server, &own, "GET", EVENTS)
        .client(&own.client_id)
        .send()
        .await;
    assert_eq!(same.body, page.body);
    for client_id in [&other.client_id, &uuid()] {
        let answer = call_as(&server, &own, "GET", EVENTS)
            .client(client_id)
            .send()
            .await;
        answer.is_error(400, "Failed to connect to tenant db.");
    }
    for (method, path) in [
        ("DELETE", "/api/delete-tenant"),
        ("GET", "/api/keys"),
        (
            "POST",
            &format!("/api/tenants/{}/rotate-secret", own.client_id),
        ),
    ] {
        let answer = call_as(&server, &own, method, path).send().await;
        answer.is_error(403, "The credential lacks the scope 'admin'.");
    }
    // An API key goes first.
    let answer = call_as(&server, &own, "GET", EVENTS)
        .header("X-API-Key", "wrong")
        .send()
        .await;
    answer.is_error(401, "Unauthorized API Key.");
    // And with one, `Authorization` is somebody else's.
    let answer = Call::new(&server, "GET", EVENTS).client(&own.client_id);
    let answer = answer.header("Authorization", "Basic x").send().await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn wrong_secrets_are_refused() {
    let server = Server::start();
    let own = server.create_tenant("own").await;
    let other = server.create_tenant("other").await;
    let (id, secret) = (own.client_id.as_str(), own.client_secret.as_str());
    for (client_id, secret) in [
        (id, ""),
        (id, &secret[1..]),
        (id, &secret.to_uppercase()),
        (id, &other.client_secret),
        (id, id),
        (&other.client_id, secret),
        ("", secret),
        ("own", secret),
        (&uuid(), secret),
    ] {
        let answer = call(&server, "GET", EVENTS, client_id, secret).send().await;
        answer.is_error(401, "Unauthorized API Key.");
    }
    let whole = base64(&format!("{id}:{secret}"));
    for value in [
        String::new(),
        "Basic".to_owned(),
        "Basic ".to_owned(),
        format!("Basic{whole}"),
        format!("Bearer {whole}"),
        format!("Digest {whole}"),
        format!("Basic {}", base64(&format!("{id}{secret}"))),
        format!("Basic {whole}{}", "A".repeat(2000)),
        format!("Basic {id}:{secret}"),
    ] {
        let answer = Call::bare(&server, "GET", EVENTS).header("Authorization", value);
        answer.send().await.is_error(401, "Unauthorized API Key.");
    }
    for scheme in ["basic", "BASIC", "Basic "] {
        let answer =
            Call::bare(&server, "GET", EVENTS).header("Authorization", format!("{scheme} {whole}"));
        assert_eq!(answer.send().await.status, 200, "{scheme}");
    }
}

async fn rotate(server: &Server, own: &Tenant, query: &str) -> (Tenant, Timestamp) {
    let path = format!("/api/tenants/{}/rotate-secret{query}", own.client_id);
    let answer = Call::new(server, "POST", &path).send().await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    assert_eq!(answer.header("Cache-Control"), "no-store");
    let members = answer.body.as_object().expect("an object");
    assert!(
        members.keys().eq(["client_secret", "previous_valid_until"]),
        "{members:?}"
    );
    let text = |name: &str| answer.body[name].as_str().expect("a text").to_owned();
    let rotated = Tenant {
        client_secret: text("client_secret"),
        ..own.clone()
    };
    (
        rotated,
        text("previous_valid_until").parse().expect("a time"),
    )
}

async fn works(server: &Server, tenant: &Tenant) -> bool {
    let answer = call_as(server, tenant, "GET", EVENTS).send().await;
    match answer.status.as_u16() {
        200 => true,
        401 => false,
        _ => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_rotated_secret_ends_after_its_overlap() {
    let mut server = Server::start();
    let first = server.create_tenant("own").await;
    assert!(works(&server, &first).await);
    let (second, until) = rotate(&server, &first, "").await;
    let a_day = SystemClock.now() + SignedDuration::from_hours(24);
    assert!(
        until.duration_until(a_day).abs() < SignedDuration::from_mins(1),
        "{until}"
    );
    assert!(works(&server, &first).await && works(&server, &second).await);
    server.kill();
    server.start_again();
    assert!(works(&server, &first).await && works(&server, &second).await);

    let (third, until) = rotate(&server, &first, "?overlap=2").await;
    assert!(
        !works(&server, &first).await,
        "it is the one before the previous one"
    );
    assert!(works(&server, &second).await && works(&server, &third).await);
    let ended = wait_for("the overlap to end", Duration::from_secs(10), async || {
        (!works(&server, &second).await).then_some(())
    });
    ended.await;
    assert!(SystemClock.now() >= until);
    let (fourth, _) = rotate(&server, &first, "?overlap=0").await;
    assert!(!works(&server, &third).await && works(&server, &fourth).await);
}

#[tokio::test]
async fn what_is_wrong_with_a_rotation_is_said() {
    let server = Server::start();
    let own = tenant(&server, "own").await;
    let rotate = async |id: &str, query: &str| {
        let path = format!("/api/tenants/{id}/rotate-secret{query}");
        Call::new(&server, "POST", &path).send().await
    };
    rotate(&own, "?overlap=2592001&x=1")
        .await
        .is_invalid(&["query.x extra_forbidden", "query.overlap less_than_equal"]);
    for unknown in [uuid().as_str(), "own"] {
        rotate(unknown, "")
            .await
            .is_error(400, "Failed to connect to tenant db.");
    }
    // Of another tenant's it says the same.
    let body =
        json!({"name": "k", "scopes": ["admin"], "client_id": tenant(&server, "other").await});
    let key = Call::new(&server, "POST", "/api/keys")
        .json(&body)
        .send()
        .await;
    let key = key.body["key"].as_str().expect("a key").to_owned();
    let path = format!("/api/tenants/{own}/rotate-secret");
    let answer = Call::bare(&server, "POST", &path)
        .header("X-API-Key", key)
        .send()
        .await;
    answer.is_error(400, "Failed to connect to tenant db.");
}
