//! `GET /api/history/stats`.

use serde_json::json;

use super::{Answer, Call, envelope, send_event, tenant};
use crate::support::Server;

async fn stats(server: &Server, client: &str, query: &str) -> Answer {
    let path = format!("/api/history/stats{query}");
    Call::new(server, "GET", &path).client(client).send().await
}

#[tokio::test]
async fn events_are_counted_by_time_and_kind() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    stats(&server, &client, "").await.is(
        200,
        &json!({ "bucket": null, "by": null, "filtered_count": 0, "results": [] }),
    );
    for (number, time, event_type, source_type) in [
        (1, "2026-11-26T23:59:59.999Z", 9, 0),
        (2, "2026-11-27T00:00:00Z", 9, 3),
        (3, "2026-11-27T10:00:00Z", 77, 0),
        (4, "2026-12-01T00:00:00Z", 9, 0),
    ] {
        let mut envelope = envelope("demo", number);
        envelope["detail"]["event_time"] = time.into();
        envelope["detail"]["event_type_id"] = event_type.into();
        envelope["detail"]["source_type_id"] = source_type.into();
        send_event(&server, &envelope).await;
    }
    stats(&server, &client, "").await.is(
        200,
        &json!({ "bucket": null, "by": null, "filtered_count": 4, "results": [{ "count": 4 }] }),
    );
    let by_type = stats(&server, &client, "?bucket=month&by=event_type").await;
    by_type.is(
        200,
        &json!({ "bucket": "month", "by": "event_type", "filtered_count": 4, "results": [
            { "bucket_start": "2026-11-01T00:00:00Z", "event_type_id": 9, "event_type": "document_generated", "count": 2 },
            { "bucket_start": "2026-11-01T00:00:00Z", "event_type_id": 77, "event_type": null, "count": 1 },
            { "bucket_start": "2026-12-01T00:00:00Z", "event_type_id": 9, "event_type": "document_generated", "count": 1 },
        ] }),
    );
    let of_one_type =
        "?bucket=day&by=source_type&event_type_id=9&event_time_to=2026-12-01T00:00:00Z";
    stats(&server, &client, of_one_type).await.is(
        200,
        &json!({ "bucket": "day", "by": "source_type", "filtered_count": 2, "results": [
            { "bucket_start": "2026-11-26T00:00:00Z", "source_type_id": 0, "source_type": "user", "count": 1 },
            { "bucket_start": "2026-11-27T00:00:00Z", "source_type_id": 3, "source_type": "mcp", "count": 1 },
        ] }),
    );
    stats(&server, &client, "?by=source").await.is(
        200,
        &json!({ "bucket": null, "by": "source", "filtered_count": 4, "results": [
            { "source_type_id": 0, "source_type": "user", "source_id": 7, "count": 3 },
            { "source_type_id": 3, "source_type": "mcp", "source_id": 7, "count": 1 },
        ] }),
    );
    // Whoever has the answer is told so.
    let path = "/api/history/stats?bucket=month&by=event_type";
    let again = Call::new(&server, "GET", path)
        .client(&client)
        .header("If-None-Match", by_type.header("etag"));
    assert_eq!(again.send().await.status.as_u16(), 304);
}

#[tokio::test]
async fn what_is_wrong_with_stats_is_said() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for (query, problem) in [
        ("bucket=year", "query.bucket enum"),
        ("by=record", "query.by enum"),
        ("by=source&by=source", "query.by too_long"),
        ("limit=1", "query.limit extra_forbidden"),
        ("offset=1", "query.offset extra_forbidden"),
        ("ordering=event_time", "query.ordering extra_forbidden"),
        ("record_id=x", "query.record_id int_parsing"),
    ] {
        stats(&server, &client, &format!("?{query}"))
            .await
            .is_invalid(&[problem]);
    }
    // A batch with more sources than an answer may count.
    for half in 0..2 {
        let events: Vec<_> = (0..5_001)
            .map(|number| {
                let mut detail = envelope("demo", half * 5_001 + number)["detail"].clone();
                detail["source_id"] = (half * 5_001 + number).into();
                detail["event_time"] = "2026-11-27T10:00:00Z".into();
                detail
            })
            .collect();
        let sent = Call::new(&server, "POST", "/api/events")
            .client(&client)
            .header("Content-Type", "application/json")
            .json(&events.into())
            .send()
            .await;
        assert_eq!(sent.body["stored"], 5_001, "{sent:?}");
    }
    let too_many = stats(&server, &client, "?by=source").await;
    too_many.is_invalid(&["query.by too_long"]);
    let too_many = stats(&server, &client, "?by=source&bucket=month").await;
    too_many.is_invalid(&["query.bucket too_long"]);
    let message = too_many.body["detail"][0]["msg"].as_str().expect("a text");
    assert!(
        message.contains("more than 10000 counts: choose longer buckets"),
        "{message}"
    );
    let counted = stats(&server, &client, "?by=source&record_id=5&record_id=9000").await;
    assert_eq!(counted.body["filtered_count"], 2);
}
