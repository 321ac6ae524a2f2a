//! Retention rules, and the runs that follow them.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use super::{Call, envelope, event_id, send_event, tenant};
use crate::support::{self, Database, Server};

/// Longer than a run comes late by.
const BOUND: Duration = Duration::from_mins(1);

#[tokio::test]
async fn rules_are_kept_and_checked() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let path = format!("/api/tenants/{client}/retention");
    let get = || Call::new(&server, "GET", &path).send();
    let put = |body: Value| Call::new(&server, "PUT", &path).json(&body).send();
    get().await.is(200, &json!({"rules": []}));
    let rules = json!({"rules": [
        {"event_type_id": 7, "days": 1, "age_from": "event"},
        {"days": 36525},
        {"event_type_id": 9, "days": null, "age_from": "latest"},
    ]});
    let kept = json!({"rules": [
        {"event_type_id": null, "days": 36525, "age_from": "latest"},
        {"event_type_id": 7, "days": 1, "age_from": "event"},
        {"event_type_id": 9, "days": null, "age_from": "latest"},
    ]});
    put(rules).await.is(200, &kept);
    get().await.is(200, &kept);

    let many = json!({"rules": vec![json!({"days": 1}); 257]});
    for (body, problems) in [
        (json!({}), vec!["body.rules missing"]),
        (json!({"rules": {}}), vec!["body.rules list_type"]),
        (many, vec!["body.rules too_long"]),
        (json!({"rules": [7]}), vec!["body.rules.0 dict_type"]),
        (json!({"rules": [{}]}), vec!["body.rules.0.days missing"]),
        (
            json!({"rules": [{"days": 0}, {"event_type_id": "7", "days": 36526}, {"days": 1, "age_from": "arrival"}]}),
            vec![
                "body.rules.0.days greater_than_equal",
                "body.rules.1.event_type_id int_type",
                "body.rules.1.days less_than_equal",
                "body.rules.2.age_from enum",
            ],
        ),
        (
            json!({"rules": [{"event_type_id": 7, "days": 1}, {"event_type_id": 7, "days": 2}]}),
            vec!["body.rules value_error"],
        ),
    ] {
        put(body).await.is_invalid(&problems);
    }
    get().await.is(200, &kept);
    put(json!({"rules": []}))
        .await
        .is(200, &json!({"rules": []}));
    let answer = Call::new(&server, "POST", &path).send().await;
    answer.is_error(405, "Method Not Allowed");
    assert_eq!(answer.header("allow"), "GET, PUT");
    let unknown = format!("/api/tenants/{}/retention", support::uuid());
    let answer = Call::new(&server, "GET", &unknown).send().await;
    answer.is_error(400, "Failed to connect to tenant db.");
}

#[tokio::test]
async fn the_service_deletes_what_is_due_by_itself() {
    let server = Server::builder()
        .env("EVENT_HISTORY_RETENTION_INTERVAL", "1s")
        .start();
    let client = tenant(&server, "demo").await;
    for number in 0..3 {
        send_event(&server, &envelope("demo", number)).await;
    }
    set(&server, &client, &json!([{"days": 1, "age_from": "event"}])).await;
    support::wait_for("the events to be deleted", BOUND, async || {
        (count(&server, &client).await == 0).then_some(())
    })
    .await;
    // An event that is sent again is stored again, and goes with the next run.
    send_event(&server, &envelope("demo", 0)).await;
    support::wait_for("the event to be deleted again", BOUND, async || {
        (count(&server, &client).await == 0).then_some(())
    })
    .await;
    // A run is counted once it is complete.
    let counted = [
        "event_history_retention_deleted_events_total 4",
        "event_history_retention_backlog_events 0",
    ];
    support::wait_for("the runs to be counted", BOUND, async || {
        let metrics = Call::bare(&server, "GET", "/metrics").send_text().await;
        let has = |line: &&str| metrics.lines().any(|it| it == *line);
        counted.iter().all(has).then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_command_deletes_beside_the_service() {
    let server = Server::start();
    let Database::Sqlite { folder } = server.database() else {
        return; // the service and the command share everything there
    };
    let database = format!("sqlite:{}", folder.display());
    let (client, other) = (
        tenant(&server, "demo").await,
        tenant(&server, "other").await,
    );
    for name in ["demo", "other"] {
        send_event(&server, &envelope(name, 0)).await;
        send_event(&server, &envelope(name, 1)).await;
    }
    set(&server, &client, &json!([{"days": 1, "age_from": "event"}])).await;
    set(&server, &other, &json!([{"days": 1}])).await; // they have just arrived
    let run = async |flags: &[&str]| {
        let mut command = support::clean_command(support::binary(), server.folder());
        command
            .args(["retention", "run", "--database", &database])
            .args(flags);
        let run = tokio::task::spawn_blocking(move || command.output());
        let Output {
            status,
            stdout,
            stderr,
        } = run.await.expect("a task").expect("the binary runs");
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    };
    let counted = run(&["--dry-run"]).await;
    assert_eq!(
        counted.lines().collect::<Vec<_>>(),
        [
            "tenant 'demo': 2 events due, 0 under a hold, 0 unreadable",
            "tenant 'other': 0 events due, 0 under a hold, 0 unreadable",
            "2 tenants with rules: 2 events due, 0 under a hold, 0 unreadable; tenants that failed: 0",
        ]
    );
    assert_eq!(count(&server, &client).await, 2);
    let deleted = run(&["--json", "--tenant", "demo"]).await;
    let last: Value = serde_json::from_str(deleted.lines().last().expect("a line")).expect("JSON");
    let sum = json!({"sum": {"tenants": 1, "deleted": 2, "held": 0, "unreadable": 0, "failed_tenants": 0}});
    assert_eq!(last, sum);
    assert_eq!(
        (count(&server, &client).await, count(&server, &other).await),
        (0, 2)
    );
    let path = format!("/api/history/events/{}", event_id(0));
    let answer = Call::new(&server, "GET", &path)
        .client(&client)
        .send()
        .await;
    answer.is_error(404, &format!("'{}' event not found.", event_id(0)));
    send_event(&server, &envelope("demo", 0)).await;
    assert_eq!(count(&server, &client).await, 1);
}

async fn set(server: &Server, client: &str, rules: &Value) {
    let path = format!("/api/tenants/{client}/retention");
    let body = json!({ "rules": rules });
    let answer = Call::new(server, "PUT", &path).json(&body).send().await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn count(server: &Server, client: &str) -> u64 {
    let list = Call::new(server, "GET", "/api/history/events?limit=1");
    let answer = list.client(client).send().await;
    answer.body["total_count"].as_u64().expect("a count")
}
