//! Lists over HTTP: page by page by cursor, filtered by content, and without counts.

use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::{self, Server};

async fn list(server: &Server, client: &str, query: &str) -> Answer {
    let path = format!("/api/history/events{query}");
    Call::new(server, "GET", &path).client(client).send().await
}

fn ids(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let results = answer.body["results"].as_array().expect("results");
    let ids = results.iter().map(|event| event["event_id"].as_str());
    ids.map(|id| id.expect("an id")).collect()
}

fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(event_id).collect()
}

fn next_cursor(answer: &Answer) -> &str {
    answer.body["next_cursor"].as_str().expect("a cursor")
}

#[tokio::test]
async fn cursors_lead_through_the_list_whatever_is_written() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for number in 10..20 {
        send_event(&server, &envelope("demo", number)).await;
    }
    let first = list(&server, &client, "?limit=4&event_type_id=1").await;
    assert_eq!(ids(&first), numbered((16..20).rev()));
    // One ahead of the walk and one behind it: an offset would now repeat an event.
    send_event(&server, &envelope("demo", 30)).await;
    send_event(&server, &envelope("demo", 5)).await;
    let cursor = next_cursor(&first);
    let query = format!("?limit=4&event_type_id=1&cursor={cursor}");
    let second = list(&server, &client, &query).await;
    assert_eq!(ids(&second), numbered((12..16).rev()));
    let base = format!("{}/api/history/events", server.url());
    let next = format!(
        "{base}?event_type_id=1&limit=4&cursor={}",
        next_cursor(&second)
    );
    let mut head = second.body.clone();
    head.as_object_mut().expect("a page").remove("results");
    let expected = json!({
        "limit": 4, "offset": null, "total_count": 12, "filtered_count": 12, "next": next, "previous": null,
        "next_cursor": next_cursor(&second),
    });
    assert_eq!(head, expected);
    let rest = next.strip_prefix(&base).expect("an absolute URL");
    let last = list(&server, &client, rest).await;
    assert_eq!(ids(&last), numbered([11, 10, 5]));
    assert_eq!(
        [&last.body["next"], &last.body["next_cursor"]],
        [&Value::Null; 2]
    );

    // From a page by offset, in the other order, which the cursor keeps.
    let middle = list(&server, &client, "?ordering=event_time&offset=3&limit=2").await;
    assert_eq!(ids(&middle), numbered([12, 13]));
    let cursor = next_cursor(&middle);
    for ordering in ["", "&ordering=event_time"] {
        let query = format!("?limit=3&cursor={cursor}{ordering}");
        let page = list(&server, &client, &query).await;
        assert_eq!(ids(&page), numbered([14, 15, 16]), "{query}");
    }
    // Filters say what is shown of the rest.
    let page = list(
        &server,
        &client,
        &format!("?record_id=3&record_id=18&cursor={cursor}"),
    )
    .await;
    assert_eq!(ids(&page), numbered([18]));
    // A page that is just full is the last one.
    let page = list(&server, &client, &format!("?limit=7&cursor={cursor}")).await;
    assert_eq!(
        (ids(&page).len(), &page.body["next_cursor"]),
        (7, &Value::Null)
    );
}

#[tokio::test]
async fn nothing_is_counted_without_counts() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let counts = |page: &Answer| {
        [
            page.body["total_count"].clone(),
            page.body["filtered_count"].clone(),
        ]
    };
    for number in 0..7 {
        send_event(&server, &envelope("demo", number)).await;
    }
    // On ClickHouse the metrics tell which statements were sent.
    let has_counted = async || {
        let metrics = Call::bare(&server, "GET", "/metrics").send_text().await;
        metrics.contains("operation=\"count\"")
    };
    for query in [
        "?count=none",
        "?count=none&source_id=7&limit=2&offset=1",
        "?count=none&offset=9",
    ] {
        list(&server, &client, query).await;
    }
    assert!(!has_counted().await);
    list(&server, &client, "?source_id=7").await;
    let metrics = Call::bare(&server, "GET", "/metrics").send_text().await;
    let is_clickhouse = metrics.contains("event_history_clickhouse_request_duration_seconds");
    assert_eq!(has_counted().await, is_clickhouse);

    for limit in [1, 2, 3, 6, 7, 8, 1000] {
        for filter in ["", "&event_type_id=1", "&source_id=7&field=status"] {
            let mut offset = 0;
            loop {
                let query = format!("?limit={limit}&offset={offset}{filter}");
                let exact = list(&server, &client, &format!("{query}&count=exact")).await;
                let none = list(&server, &client, &format!("{query}&count=none")).await;
                assert_eq!(none.body["results"], exact.body["results"], "{query}");
                assert_eq!(counts(&exact), [json!(7), json!(7)]);
                assert_eq!(counts(&none), [Value::Null, Value::Null]);
                let next = exact.body["next"]
                    .as_str()
                    .map(|it| it.replace("count=exact", "count=none"));
                assert_eq!(none.body["next"].as_str(), next.as_deref(), "{query}");
                assert_eq!(
                    none.body["next_cursor"], exact.body["next_cursor"],
                    "{query}"
                );
                assert_eq!(
                    none.body["next"].is_null(),
                    none.body["next_cursor"].is_null()
                );
                if next.is_none() {
                    break;
                }
                offset += limit;
            }
        }
    }
}

#[tokio::test]
async fn lists_and_the_feed_filter_by_content() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let event_data = [
        json!([{ "field": "amount", "old": 100, "new": 120.50 }]),
        json!([{ "field": "status", "old": "draft", "new": "final" }, { "field": "amount", "old": 120.5, "new": 7 }]),
        json!([{ "status": "draft" }]),
        json!(["amount", { "changes": { "field": "amount" } }]),
        json!([{ "field": "Amount", "new": "100" }]),
    ];
    let files = [1, 3].map(|_| support::uuid());
    for (number, data) in (0..).zip(event_data) {
        let mut event = envelope("demo", number);
        event["detail"]["event_data"] = data;
        event["detail"]["source_name"] = json!(["Ada", "Grace"][number as usize % 2]);
        event["detail"]["source_info"] = json!(if number == 2 { "a model & more" } else { "" });
        send_event(&server, &event).await;
    }
    let all = list(&server, &client, "?ordering=event_time").await;
    let received = |number: usize| {
        all.body["results"][number]["received_at"]
            .as_str()
            .expect("a time")
    };
    let cases: [(String, &[u32]); 21] = [
        ("field=amount".to_owned(), &[0, 1]),
        ("field=amount&value=120.5".to_owned(), &[0, 1]),
        ("field=amount&value=1.205e2".to_owned(), &[0, 1]),
        ("field=amount&value=final".to_owned(), &[]),
        ("field=amount&value=100&value=7".to_owned(), &[0, 1]),
        ("field=status".to_owned(), &[1, 2]),
        ("field=status&value=draft".to_owned(), &[1, 2]),
        ("field=status&field=Amount".to_owned(), &[1, 2, 4]),
        ("value=100".to_owned(), &[0, 4]),
        ("value=draft&record_id=2".to_owned(), &[2]),
        ("field=".to_owned(), &[]),
        ("source_name=Ada".to_owned(), &[0, 2, 4]),
        (
            "source_name=Ada&source_name=Grace&field=amount".to_owned(),
            &[0, 1],
        ),
        ("source_name=ada".to_owned(), &[]),
        ("source_info=a%20model%20%26%20more".to_owned(), &[2]),
        ("source_info=".to_owned(), &[0, 1, 3, 4]),
        ("has_file=true".to_owned(), &[]),
        ("has_file=false&source_name=Grace".to_owned(), &[1, 3]),
        (format!("file_id={}&file_id={}", files[0], files[1]), &[]),
        (format!("received_from={}", received(3)), &[3, 4]),
        (
            format!("received_from={}&received_to={}", received(1), received(3)),
            &[1, 2],
        ),
    ];
    let feed = async |query: &str| {
        let path = format!("/api/history/feed?wait=20&{query}");
        Call::new(&server, "GET", &path)
            .client(&client)
            .send()
            .await
    };
    assert_eq!(
        ids(&feed("event_id=00000000-0000-4000-8000-000000000004").await).len(),
        1
    ); // all are shown by now
    for (query, expected) in cases {
        let expected = numbered(expected.iter().copied());
        let page = list(&server, &client, &format!("?ordering=event_time&{query}")).await;
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page.body["filtered_count"], expected.len(), "{query}");
        let path = format!("/api/history/feed?{query}");
        let shown = Call::new(&server, "GET", &path)
            .client(&client)
            .send()
            .await;
        assert_eq!(ids(&shown), expected, "{query}");
    }
}

#[tokio::test]
async fn files_are_found_by_their_ids() {
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    let mut files = Vec::new();
    for number in 0..3 {
        let upload = server.upload_url(&tenant).await;
        let put = server
            .client()
            .put(&upload.url)
            .body(format!("file {number}"));
        assert_eq!(put.send().await.expect("an answer").status(), 200);
        files.push(upload.file_id);
    }
    for (number, files) in [&files[..1], &files[1..], &[]].into_iter().enumerate() {
        let mut event = envelope("demo", u32::try_from(number).expect("few"));
        event["detail"]["file_ids"] = json!(files);
        send_event(&server, &event).await;
    }
    let client = &tenant.client_id;
    for (query, expected) in [
        (format!("file_id={}", files[0]), vec![0]),
        (format!("file_id={}", files[1]), vec![1]),
        (format!("file_id={}", files[2]), vec![1]),
        (
            format!("file_id={}&file_id={}", files[2], files[0]),
            vec![0, 1],
        ),
        (format!("file_id={}&has_file=false", files[2]), vec![]),
        (format!("file_id={}", support::uuid()), vec![]),
        ("has_file=true".to_owned(), vec![0, 1]),
        ("has_file=0".to_owned(), vec![2]),
    ] {
        let page = list(&server, client, &format!("?ordering=event_time&{query}")).await;
        assert_eq!(ids(&page), numbered(expected), "{query}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let other = tenant(&server, "other").await;
    for name in ["demo", "other"] {
        for number in 0..3 {
            send_event(&server, &envelope(name, number)).await;
        }
    }
    let page = list(&server, &other, "?limit=1").await;
    let theirs = next_cursor(&page);
    let page = list(&server, &client, "?limit=1").await;
    let ours = next_cursor(&page);
    let restored = support::page_cursor(&client);
    let of_feed = support::cursor(&client);
    let malformed = "it is not a cursor that this service has returned";
    for (query, reason) in [
        (
            format!("cursor={theirs}"),
            "it is from another tenant or another deployment",
        ),
        (
            format!("cursor={restored}"),
            "it is from before the tenant's database was restored or copied",
        ),
        (
            format!("cursor={ours}&ordering=event_time"),
            "it is from a list in the other ordering",
        ),
        (
            format!("cursor={of_feed}"),
            "it is a cursor of another endpoint",
        ),
        (format!("cursor={}", &ours[1..]), malformed),
        ("cursor=".to_owned(), malformed),
        ("cursor=%00".to_owned(), malformed),
    ] {
        let answer = list(&server, &client, &format!("?{query}")).await;
        answer.is_error(400, &format!("The cursor is refused: {reason}."));
    }
    let long = "x".repeat(1025);
    let [long_name, long_field] = ["source_name", "field"].map(|it| format!("{it}={long}"));
    for (query, problem) in [
        (
            format!("cursor={ours}&offset=0").as_str(),
            "query.offset value_error",
        ),
        (
            &format!("cursor={ours}&cursor={ours}"),
            "query.cursor too_long",
        ),
        ("count=some", "query.count enum"),
        ("count=none&count=none", "query.count too_long"),
        ("has_file=maybe", "query.has_file bool_parsing"),
        ("has_file=true&has_file=true", "query.has_file too_long"),
        ("file_id=1", "query.file_id uuid_parsing"),
        (
            "received_from=today",
            "query.received_from datetime_parsing",
        ),
        (&long_name, "query.source_name string_too_long"),
        (&long_field, "query.field string_too_long"),
        (&vec!["value=1"; 101].join("&"), "query.value too_long"),
    ] {
        list(&server, &client, &format!("?{query}"))
            .await
            .is_invalid(&[problem]);
    }
    let feed = Call::new(&server, "GET", "/api/history/feed?count=none").client(&client);
    feed.send()
        .await
        .is_invalid(&["query.count extra_forbidden"]);
}
