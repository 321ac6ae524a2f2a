//! Lists of tenants, and what one has.

use event_history::domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::{Call, envelope, send_event, tenant};
use crate::support::{Server, event_with_file, expect, uuid};

const TENANTS: &str = "/api/tenants";

async fn page(server: &Server, query: &str) -> Value {
    let path = format!("{TENANTS}{query}");
    let answer = Call::new(server, "GET", &path).send().await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body
}

fn names(page: &Value) -> Vec<&str> {
    let tenants = page["tenants"].as_array().expect("a list");
    tenants
        .iter()
        .filter_map(|it| it["database_name"].as_str())
        .collect()
}

#[tokio::test]
async fn tenants_are_listed_page_by_page() {
    let server = Server::start();
    assert_eq!(
        page(&server, "").await,
        json!({"tenants": [], "next_cursor": null})
    );
    let mut ids = Vec::new();
    for name in ["b", "a", "c_demo"] {
        ids.push(tenant(&server, name).await);
    }
    let whole = page(&server, "?limit=1000").await;
    assert_eq!(names(&whole), ["a", "b", "c_demo"]); // without the system tenant
    let first = &whole["tenants"][0];
    let members: Vec<_> = first.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        ["client_id", "client_label", "created_at", "database_name"]
    );
    assert_eq!(first["client_id"], ids[1].as_str());

    let first = page(&server, "?limit=2").await;
    assert_eq!(names(&first), ["a", "b"]);
    let cursor = first["next_cursor"].as_str().expect("a cursor");
    let second = page(&server, &format!("?limit=2&cursor={cursor}")).await;
    assert_eq!(
        (names(&second), &second["next_cursor"]),
        (vec!["c_demo"], &Value::Null)
    );
    for (query, expected) in [("?q=C_D", vec!["c_demo"]), ("?q=_system", vec![])] {
        assert_eq!(names(&page(&server, query).await), expected, "{query}");
    }
    assert_eq!(
        names(&page(&server, &format!("?q={}", ids[0])).await),
        ["b"]
    );

    for (query, problem) in [
        ("?limit=0", "query.limit greater_than_equal"),
        ("?limit=1001", "query.limit less_than_equal"),
        ("?q=", "query.q string_length"),
        ("?q=%00", "query.q string_pattern_mismatch"),
        ("?offset=1", "query.offset extra_forbidden"),
    ] {
        let path = format!("{TENANTS}{query}");
        let answer = Call::new(&server, "GET", &path).send().await;
        answer.is_invalid(&[problem]);
    }
    let path = format!("{TENANTS}?cursor=a");
    let answer = Call::new(&server, "GET", &path).send().await;
    answer.is_error(
        400,
        "The cursor is refused: it is not a cursor that this service has returned.",
    );

    // A key for one tenant sees no other.
    let body = json!({"name": "own", "scopes": ["admin"], "client_id": ids[0]});
    let key = Call::new(&server, "POST", "/api/keys")
        .json(&body)
        .send()
        .await;
    let key = key.body["key"].as_str().expect("a key").to_owned();
    for (query, expected) in [("", vec!["b"]), ("?q=c_d", vec![]), ("?q=B", vec!["b"])] {
        let path = format!("{TENANTS}{query}");
        let answer = Call::bare(&server, "GET", &path).header("X-API-Key", key.as_str());
        assert_eq!(names(&answer.send().await.body), expected, "{query}");
    }
    let other = format!("{TENANTS}/{}", ids[1]);
    let answer = Call::bare(&server, "GET", &other).header("X-API-Key", key.as_str());
    answer
        .send()
        .await
        .is_error(400, "Failed to connect to tenant db.");
}

#[tokio::test]
async fn a_tenant_shows_what_it_has_and_gets_another_label() {
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let path = format!("{TENANTS}/{}", tenant.client_id);
    let mut empty = Call::new(&server, "GET", &path).send().await;
    assert!(empty.body["created_at"].take().is_string());
    let label = empty.body["client_label"].take();
    empty.is(
        200,
        &json!({"client_id": tenant.client_id, "database_name": "demo", "client_label": null, "created_at": null,
                "events": 0, "files": 0, "bytes": 0, "last_event_time": null}),
    );

    send_event(&server, &envelope("demo", 7)).await;
    let upload = server.upload_url(&tenant).await;
    expect(
        server.client().put(&upload.url).body("12345"),
        http::StatusCode::OK,
    )
    .await;
    for _ in 0..2 {
        let mut event = event_with_file(&upload.file_id);
        event["event_id"] = uuid().into();
        event["event_time"] = "2030-01-01T00:00:00Z".into();
        server.deliver(&tenant, &event).await;
    }
    let shown = Call::new(&server, "GET", &path).send().await.body;
    assert_eq!(
        (&shown["events"], &shown["files"], &shown["bytes"]),
        (&json!(3), &json!(1), &json!(5))
    );
    assert_eq!(shown["last_event_time"], "2030-01-01T00:00:00Z");

    let change = |body: Value| Call::new(&server, "PATCH", &path).json(&body).send();
    let changed = change(json!({"client_label": "Übrige"})).await;
    assert_eq!(
        (changed.status.as_u16(), &changed.body["client_label"]),
        (200, &json!("Übrige"))
    );
    assert_eq!(
        page(&server, "?q=brige").await["tenants"][0]["client_label"],
        "Übrige"
    );
    change(json!({}))
        .await
        .is_invalid(&["body.client_label missing"]);
    let long = json!({"client_label": "x".repeat(1025)});
    change(long)
        .await
        .is_invalid(&["body.client_label string_too_long"]);

    let act = Call::new(&server, "GET", "/api/history/events?limit=1").client("_system");
    let act = act.send().await.body["results"][0].take();
    assert_eq!(act["event_type"], "tenant_changed");
    let change = json!({"field": "client_label", "old": label, "new": "Übrige"});
    assert_eq!(act["event_data"][3], change);

    let system = format!("{TENANTS}/_system");
    let shown = Call::new(&server, "GET", &system).send().await;
    assert_eq!(
        (shown.status.as_u16(), &shown.body["database_name"]),
        (200, &json!("_system"))
    );
    let refused = Call::new(&server, "PATCH", &system).json(&json!({"client_label": "x"}));
    refused
        .send()
        .await
        .is_error(403, "The system tenant cannot be changed.");
    let unknown = Call::new(&server, "GET", &format!("{TENANTS}/{}", uuid()))
        .send()
        .await;
    unknown.is_error(400, "Failed to connect to tenant db.");
}

#[tokio::test]
async fn a_deleted_tenant_can_be_restored_where_the_operator_wants_a_delay() {
    let server = Server::builder().arg("--deletion-delay=1h").start();
    let kept = tenant(&server, "kept").await;
    let gone = server.create_tenant("gone").await;
    send_event(&server, &envelope("gone", 7)).await;
    let delete = || Call::new(&server, "DELETE", "/api/delete-tenant").client(&gone.client_id);
    delete()
        .send()
        .await
        .is_error(200, "'gone' tenant deleted.");

    // Nobody finds it, and its name stays taken.
    let unknown = "Failed to connect to tenant db.";
    delete().send().await.is_error(400, unknown);
    let read = || Call::new(&server, "GET", "/api/history/events").client(&gone.client_id);
    read().send().await.is_error(400, unknown);
    let sent = Call::new(&server, "POST", "/api/event-bridge/create-event");
    let sent = sent.json(&envelope("gone", 8)).send().await;
    sent.is_error(400, "'gone' tenant not found in database.");
    let again = json!({"database_name": "gone", "client_label": "Demo"});
    let again = Call::new(&server, "POST", "/api/initialize-tenant").json(&again);
    again.send().await.is_error(400, "Client already exist.");
    assert_eq!(names(&page(&server, "").await), ["kept"]);
    let deleted = page(&server, "?deleted=true").await;
    assert_eq!(names(&deleted), ["gone"]);
    let until = deleted["tenants"][0]["restorable_until"].as_str();
    let until: jiff::Timestamp = until.expect("an instant").parse().expect("an instant");
    let left = until.as_second() - SystemClock.now().as_second();
    assert!((3000..=3600).contains(&left), "{left}");
    assert_eq!(names(&page(&server, "?deleted=true&q=kept").await), [""; 0]);
    let wrong = Call::new(&server, "GET", &format!("{TENANTS}?deleted=maybe"));
    wrong
        .send()
        .await
        .is_invalid(&["query.deleted bool_parsing"]);

    let restore = |id: &str| Call::new(&server, "POST", &format!("{TENANTS}/{id}/restore"));
    for id in [&kept, &uuid(), "_system"] {
        restore(id).send().await.is_error(400, unknown);
    }
    let body = json!({"name": "other", "scopes": ["admin"], "client_id": kept});
    let key = Call::new(&server, "POST", "/api/keys")
        .json(&body)
        .send()
        .await;
    let key = key.body["key"].as_str().expect("a key").to_owned();
    let path = format!("{TENANTS}/{}/restore", gone.client_id);
    let other = Call::bare(&server, "POST", &path).header("X-API-Key", key.as_str());
    other.send().await.is_error(400, unknown);
    let path = format!("{TENANTS}?deleted=true");
    let other = Call::bare(&server, "GET", &path).header("X-API-Key", key);
    assert_eq!(names(&other.send().await.body), [""; 0]);

    let restored = restore(&gone.client_id).send().await;
    assert_eq!(restored.status, 200, "{:?}", restored.body);
    assert_eq!(restored.body["database_name"], "gone");
    assert_eq!(restored.body.get("restorable_until"), None);
    restore(&gone.client_id).send().await.is_error(400, unknown);
    assert_eq!(read().send().await.body["total_count"], 1);
    send_event(&server, &envelope("gone", 8)).await;
    assert_eq!(names(&page(&server, "").await), ["gone", "kept"]);
    assert_eq!(names(&page(&server, "?deleted=true").await), [""; 0]);
}
