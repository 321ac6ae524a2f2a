//! The feed: a tenant's events in the order in which they arrived, over HTTP.

mod export;
mod kills;
mod stream;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::api::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::Server;

/// Far below the 25 s that a request may wait, and far above what an answer takes on a busy machine.
const SOON: Duration = Duration::from_secs(8);

async fn feed(server: &Server, client: &str, query: &str) -> Answer {
    let path = format!("/api/history/feed{query}");
    Call::new(server, "GET", &path).client(client).send().await
}

fn ids(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    let results = answer.body["results"].as_array().expect("results");
    results
        .iter()
        .map(|event| event["event_id"].as_str().expect("an id"))
        .collect()
}

fn cursor(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answer.body["cursor"].as_str().expect("a cursor")
}

fn has_more(answer: &Answer) -> bool {
    answer.body["has_more"].as_bool().expect("a boolean")
}

#[tokio::test]
async fn a_reader_that_passes_cursors_on_sees_what_arrives() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let start = feed(&server, &client, "?limit=2").await;
    let members: Vec<_> = start.body.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["cursor", "has_more", "results"]);
    assert!(ids(&start).is_empty() && !has_more(&start));

    // The later ones happened before.
    for number in [7, 3, 5, 1] {
        send_event(&server, &envelope("demo", number)).await;
    }
    let numbered = |numbers: &[u32]| numbers.iter().copied().map(event_id).collect::<Vec<_>>();
    let first = feed(&server, &client, "?limit=3&wait=20").await;
    let from_start = feed(
        &server,
        &client,
        &format!("?limit=3&after={}", cursor(&start)),
    )
    .await;
    assert_eq!(from_start.body, first.body);
    assert_eq!(ids(&first), numbered(&[7, 3, 5]));
    assert!(has_more(&first));
    let second = feed(&server, &client, &format!("?after={}", cursor(&first))).await;
    assert_eq!(ids(&second), numbered(&[1]));
    assert!(!has_more(&second));
    let end = feed(&server, &client, &format!("?after={}", cursor(&second))).await;
    assert_eq!(ids(&end), Vec::<&str>::new());
    assert_eq!(cursor(&end), cursor(&second));

    // A second delivery does not arrive; both lists tell when an event did.
    send_event(&server, &envelope("demo", 3)).await;
    let still = feed(&server, &client, &format!("?after={}", cursor(&second))).await;
    assert_eq!(ids(&still), Vec::<&str>::new());
    let listed = Call::new(
        &server,
        "GET",
        "/api/history/events?limit=1&ordering=-event_time",
    );
    let listed = listed.client(&client).send().await;
    assert_eq!(listed.body["results"][0], first.body["results"][0]);
    let received_at = first.body["results"][0]["received_at"]
        .as_str()
        .expect("a time");
    let parsed: jiff::Timestamp = received_at.parse().expect("RFC 3339");
    assert_eq!(received_at, format!("{parsed:.6}"));
}

#[tokio::test]
async fn filters_hide_events_and_not_the_end() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for number in 0..6 {
        send_event(&server, &envelope("demo", number)).await;
    }
    let all = feed(&server, &client, "?wait=20").await;
    for (filters, expected) in [
        ("record_id=4&record_id=2", vec![2, 4]),
        (
            "event_time_from=2022-11-10T10:00:03Z&event_time_to=2022-11-10T10:00:05Z",
            vec![3, 4],
        ),
        ("event_id=00000000-0000-4000-8000-000000000005", vec![5]),
        (
            "source_id=7&source_type_id=0&event_type_id=1&limit=1000",
            vec![0, 1, 2, 3, 4, 5],
        ),
        ("event_type_id=2", vec![]),
    ] {
        let found = feed(&server, &client, &format!("?{filters}")).await;
        let expected: Vec<_> = expected.into_iter().map(event_id).collect();
        assert_eq!(ids(&found), expected, "{filters}");
        assert_eq!(cursor(&found), cursor(&all), "{filters}");
    }
    // A reader that waits for a record is not answered by the others' events.
    let query = format!("?record_id=9&wait=20&after={}", cursor(&all));
    let waiting = feed(&server, &client, &query);
    let sending = async {
        for number in [6, 7, 8, 9] {
            tokio::time::sleep(Duration::from_millis(100)).await;
            send_event(&server, &envelope("demo", number)).await;
        }
    };
    let (found, ()) = tokio::join!(waiting, sending);
    assert_eq!(ids(&found), [event_id(9)]);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let other = tenant(&server, "other").await;
    let theirs = feed(&server, &other, "").await;
    let theirs = cursor(&theirs);
    let refused = |reason: &str| format!("The cursor is refused: {reason}.");
    let foreign = feed(&server, &client, &format!("?after={theirs}")).await;
    foreign.is_error(
        400,
        &refused("it is from another tenant or another deployment"),
    );
    let cut = &theirs[..theirs.len() - 1];
    for after in ["", "x", "%00", cut, "00000000-0000-4000-8000-000000000005"] {
        let answer = feed(&server, &client, &format!("?after={after}")).await;
        answer.is_error(
            400,
            &refused("it is not a cursor that this service has returned"),
        );
    }
    for (query, problem) in [
        ("wait=26", "query.wait less_than_equal"),
        ("wait=-1", "query.wait int_parsing"),
        ("wait=x", "query.wait int_parsing"),
        ("wait=1&wait=1", "query.wait too_long"),
        ("after=x&after=x", "query.after too_long"),
        ("limit=0", "query.limit greater_than_equal"),
        ("limit=1001", "query.limit less_than_equal"),
        ("offset=0", "query.offset extra_forbidden"),
        ("ordering=event_time", "query.ordering extra_forbidden"),
        ("record_id=x", "query.record_id int_parsing"),
        ("cursor=x", "query.cursor extra_forbidden"),
    ] {
        feed(&server, &client, &format!("?{query}"))
            .await
            .is_invalid(&[problem]);
    }
}

#[tokio::test]
async fn a_request_waits_for_news_and_no_longer() {
    // Waiting does not count as taking long.
    let server = Server::builder()
        .env("EVENT_HISTORY_REQUEST_TIMEOUT", "1s")
        .start();
    let client = tenant(&server, "demo").await;
    let started = Instant::now();
    let nothing = feed(&server, &client, "?wait=2").await;
    assert!(ids(&nothing).is_empty() && started.elapsed() >= Duration::from_secs(2));

    let query = format!("?wait=25&after={}", cursor(&nothing));
    let waiting = async {
        let answer = feed(&server, &client, &query).await;
        (answer, Instant::now())
    };
    let sending = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        send_event(&server, &envelope("demo", 1)).await;
        Instant::now()
    };
    let ((news, came), sent) = tokio::join!(waiting, sending);
    assert_eq!(ids(&news), [event_id(1)]);
    assert!(came.saturating_duration_since(sent) < SOON);
    // Deleting the tenant ends the waiting too.
    let query = format!("?wait=25&after={}", cursor(&news));
    let deleting = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let delete = Call::new(&server, "DELETE", "/api/delete-tenant");
        delete.client(&client).send().await
    };
    let started = Instant::now();
    let (gone, deleted) = tokio::join!(feed(&server, &client, &query), deleting);
    assert_eq!(deleted.status, StatusCode::OK);
    gone.is_error(400, "'demo' tenant not found in database.");
    assert!(started.elapsed() < SOON);
}

#[tokio::test]
async fn a_shutdown_ends_all_waiting_at_once() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let waiting = join_all((0..5).map(|_| feed(&server, &client, "?wait=25")));
    let stopping = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        server.process().ask_to_end();
        Instant::now()
    };
    let (answers, stopped) = tokio::join!(waiting, stopping);
    assert!(stopped.elapsed() < SOON);
    assert!(server.process().end().success());
    for answer in answers {
        assert!(ids(&answer).is_empty());
        cursor(&answer);
    }
}

#[tokio::test]
async fn the_requests_that_wait_are_bounded() {
    let server = Server::builder().arg("--max-connections").arg("12").start();
    let client = tenant(&server, "demo").await;
    let other = tenant(&server, "other").await;
    let limit = 3; // half of the half of the connections
    let waiting = join_all((0..limit).map(|_| feed(&server, &client, "?wait=6")));
    let trying = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let refused = feed(&server, &client, "?wait=6").await;
        refused.is_error(503, "Too many requests are waiting for events.");
        assert_eq!(refused.header("retry-after"), "1");
        // Who does not wait is answered, and so are others.
        assert!(ids(&feed(&server, &client, "").await).is_empty());
        assert!(ids(&feed(&server, &other, "?wait=1").await).is_empty());
    };
    let (answers, ()) = tokio::join!(waiting, trying);
    assert!(answers.iter().all(|it| ids(it).is_empty()));
    assert!(ids(&feed(&server, &client, "?wait=1").await).is_empty());
    let metrics = Call::bare(&server, "GET", "/metrics").send_text().await;
    assert!(
        metrics.contains("event_history_feed_waiters 0"),
        "{metrics}"
    );
    assert_eq!(json!([]), feed(&server, &client, "").await.body["results"]);
}
