//! Reading a tenant's history.

use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::Server;

async fn list(server: &Server, client: &str, query: &str) -> Answer {
    let path = format!("/api/history/events{query}");
    Call::new(server, "GET", &path).client(client).send().await
}

fn ids(answer: &Answer) -> Vec<String> {
    let results = answer.body["results"].as_array().expect("results");
    results
        .iter()
        .map(|event| event["event_id"].as_str().expect("an id").to_owned())
        .collect()
}

fn numbered(numbers: impl IntoIterator<Item = u32>) -> Vec<String> {
    numbers.into_iter().map(event_id).collect()
}

#[tokio::test]
async fn an_event_is_shown_with_all_its_members() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let empty = list(&server, &client, "").await;
    empty.is(
        200,
        &json!({
            "limit": 50, "offset": 0, "total_count": 0, "filtered_count": 0, "next": null,
            "previous": null, "next_cursor": null, "results": [],
        }),
    );
    let mut event = envelope("demo", 1);
    event["detail"]["event_type_id"] = json!(9);
    event["detail"]["source_type_id"] = json!(3);
    event["detail"]["source_info"] = json!("a model");
    send_event(&server, &event).await;
    let mut shown = list(&server, &client, "").await;
    // When it was received is the store's to say (tests/it/feed.rs).
    let shown_event = shown.body["results"][0].as_object_mut();
    shown_event.expect("an event").remove("received_at");
    shown.is(
        200,
        &json!({
            "limit": 50, "offset": 0, "total_count": 1, "filtered_count": 1, "next": null,
            "previous": null, "next_cursor": null,
            "results": [{
                "event_id": "00000000-0000-4000-8000-000000000001",
                "event_time": "2022-11-10T10:00:01.111Z",
                "event_type_id": 9, "event_type": "document_generated", "record_id": 1,
                "source_id": 7, "source_type_id": 3, "source_type": "mcp", "source_name": "",
                "source_info": "a model",
                "event_data": [{ "field": "status", "old": "draft", "new": "approved" }],
                "file_id": null,
            }],
        }),
    );
}

#[tokio::test]
async fn catalogue_types_have_names() {
    let catalogue =
        "[event_types]\n10 = \"renamed\"\n11 = \"added\"\n[source_types]\n4 = \"import\"\n";
    let settings = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(settings.path(), catalogue).expect("settings");
    let server = Server::builder()
        .arg("--config")
        .arg(settings.path().display().to_string())
        .start();
    let client = tenant(&server, "demo").await;
    for number in 0..13 {
        let mut event = envelope("demo", number);
        event["detail"]["event_type_id"] = json!(number);
        event["detail"]["source_type_id"] = json!(number % 6);
        send_event(&server, &event).await;
    }
    let answer = list(&server, &client, "?ordering=event_time").await;
    let names = |member: &str| {
        let results = answer.body["results"].as_array().expect("results");
        results
            .iter()
            .map(|event| event[member].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        json!(names("event_type")),
        json!([
            null,
            "record_created",
            "owner_initialized",
            "owners_added",
            "owners_removed",
            "assignees_added",
            "assignees_removed",
            "field_values_changed",
            "record_deleted",
            "document_generated",
            "renamed",
            "added",
            null,
        ])
    );
    assert_eq!(
        json!(&names("source_type")[..6]),
        json!(["user", "sequence", "system", "mcp", "import", null]),
    );
    let catalogue = Call::new(&server, "GET", "/api/catalogue").send().await;
    assert_eq!(catalogue.status, 200);
    let event_types = catalogue.body["event_types"].as_array().expect("a list");
    assert_eq!(
        event_types[8..],
        [
            json!({"id": 9, "name": "document_generated"}),
            json!({"id": 10, "name": "renamed"}),
            json!({"id": 11, "name": "added"}),
        ]
    );
    assert_eq!(
        catalogue.body["source_types"],
        json!([
            {"id": 0, "name": "user"},
            {"id": 1, "name": "sequence"},
            {"id": 2, "name": "system"},
            {"id": 3, "name": "mcp"},
            {"id": 4, "name": "import"},
        ])
    );
    let unknown = Call::new(&server, "GET", "/api/catalogue?id=1");
    let unknown = unknown.send().await;
    unknown.is_invalid(&["query.id extra_forbidden"]);
}

#[tokio::test]
async fn pages_together_are_the_whole_list() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for number in 0..23 {
        let mut event = envelope("demo", number);
        // Some events share an instant: the id then decides.
        event["detail"]["event_time"] = json!(format!("2022-11-10T10:00:{:02}Z", number / 4));
        event["detail"]["record_id"] = json!(number % 2);
        send_event(&server, &event).await;
    }
    let whole = list(&server, &client, "?limit=1000").await;
    assert_eq!(ids(&whole), numbered((0..23).rev()));
    let reversed = list(&server, &client, "?limit=1000&ordering=event_time").await;
    assert_eq!(ids(&reversed), numbered(0..23));

    let mut walked = Vec::new();
    let mut path =
        "?limit=5&record_id=0&event_time_from=2022-11-10T11%3A00%3A00%2B01:00".to_owned();
    loop {
        let page = list(&server, &client, &path).await;
        assert_eq!(
            (&page.body["total_count"], &page.body["filtered_count"]),
            (&json!(23), &json!(12))
        );
        walked.extend(ids(&page));
        let Some(next) = page.body["next"].as_str() else {
            break;
        };
        let base = format!("{}/api/history/events", server.url());
        path = next
            .strip_prefix(&base)
            .expect("an absolute URL of this service")
            .to_owned();
    }
    assert_eq!(
        walked,
        numbered((0..23).rev().filter(|number| number % 2 == 0))
    );
}

#[tokio::test]
async fn next_and_previous_keep_every_filter() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for number in 0..9 {
        send_event(&server, &envelope("demo", number)).await;
    }
    let base = format!("{}/api/history/events", server.url());
    let links = |answer: Answer| (answer.body["next"].clone(), answer.body["previous"].clone());
    let query = "?event_type_id=1&event_type_id=2&limit=3&ordering=event_time";
    let kept = "event_type_id=1&event_type_id=2&ordering=event_time";
    let page = |offset| json!(format!("{base}?{kept}&limit=3&offset={offset}"));
    let at =
        async |offset| links(list(&server, &client, &format!("{query}&offset={offset}")).await);
    assert_eq!(
        links(list(&server, &client, query).await),
        (page(3), Value::Null)
    );
    assert_eq!(at(3).await, (page(6), page(0)));
    assert_eq!(at(2).await, (page(5), page(0)));
    assert_eq!(at(6).await, (Value::Null, page(3)));
    let beyond = list(&server, &client, "?offset=4294967295").await;
    assert_eq!(
        (ids(&beyond).len(), &beyond.body["next"]),
        (0, &Value::Null)
    );
    assert_eq!(beyond.body["filtered_count"], 9);

    let server = Server::builder()
        .arg("--files")
        .arg("s3://some-bucket?region=eu-west-2")
        .arg("--public-url")
        .arg("https://history.example/base")
        .start();
    let client = tenant(&server, "demo").await;
    for number in 0..2 {
        send_event(&server, &envelope("demo", number)).await;
    }
    let next = list(&server, &client, "?limit=1").await.body["next"].clone();
    assert_eq!(
        next,
        "https://history.example/base/api/history/events?limit=1&offset=1"
    );
}

#[tokio::test]
async fn filters_narrow_and_repeat() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    for number in 0..12 {
        let mut event = envelope("demo", number);
        event["detail"]["event_type_id"] = json!(number % 3);
        event["detail"]["source_id"] = json!(number % 4);
        event["detail"]["source_type_id"] = json!(number % 2);
        send_event(&server, &event).await;
    }
    let cases: [(&str, &[u32]); 10] = [
        ("record_id=3", &[3]),
        ("record_id=3&record_id=5&record_id=99", &[5, 3]),
        ("event_type_id=2", &[11, 8, 5, 2]),
        ("source_id=1&source_type_id=1", &[9, 5, 1]),
        ("source_id=1&source_type_id=0", &[]),
        ("event_id=00000000-0000-4000-8000-000000000007", &[7]),
        ("event_time_from=2022-11-10T10:00:10.111Z", &[11, 10]),
        ("event_time_to=2022-11-10T10:00:01.111Z", &[0]),
        (
            "event_time_from=2022-11-10T10:00:03Z&event_time_to=2022-11-10T10:00:05Z",
            &[4, 3],
        ),
        (
            "event_time_from=2022-11-10T10:00:05Z&event_time_to=2022-11-10T10:00:03Z",
            &[],
        ),
    ];
    for (query, expected) in cases {
        let answer = list(&server, &client, &format!("?{query}")).await;
        assert_eq!(ids(&answer), numbered(expected.iter().copied()), "{query}");
        assert_eq!(answer.body["filtered_count"], expected.len(), "{query}");
        assert_eq!(answer.body["total_count"], 12, "{query}");
    }
}

#[tokio::test]
async fn invalid_parameters_are_all_reported() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let cases: [(&str, &[&str]); 15] = [
        ("limit=0", &["query.limit greater_than_equal"]),
        ("limit=1001", &["query.limit less_than_equal"]),
        ("limit=-1", &["query.limit int_parsing"]),
        ("limit=", &["query.limit int_parsing"]),
        ("limit=1&limit=2", &["query.limit too_long"]),
        ("offset=-1", &["query.offset int_parsing"]),
        ("offset=4294967296", &["query.offset int_parsing_size"]),
        ("record_id=1%20OR%201=1", &["query.record_id int_parsing"]),
        (
            "event_type_id=9999999999",
            &["query.event_type_id int_parsing_size"],
        ),
        ("event_id=x", &["query.event_id uuid_parsing"]),
        (
            "event_time_from=2022-11-10",
            &["query.event_time_from datetime_parsing"],
        ),
        (
            "event_time_to=2016-12-31T23:59:60Z",
            &["query.event_time_to datetime_parsing"],
        ),
        ("ordering=record_id", &["query.ordering enum"]),
        ("page=2", &["query.page extra_forbidden"]),
        (
            "limit=x&recordid=7&ordering=up",
            &[
                "query.limit int_parsing",
                "query.recordid extra_forbidden",
                "query.ordering enum",
            ],
        ),
    ];
    for (query, expected) in cases {
        list(&server, &client, &format!("?{query}"))
            .await
            .is_invalid(expected);
    }
    let many = vec!["record_id=1"; 101].join("&");
    list(&server, &client, &format!("?{many}"))
        .await
        .is_invalid(&["query.record_id too_long"]);
    let many = vec!["record_id=1"; 100].join("&");
    assert_eq!(
        list(&server, &client, &format!("?{many}")).await.status,
        200
    );
}

#[tokio::test]
async fn problems_are_limited_and_parameters_counted_first() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let unknown = |count: usize| {
        let names = (0..count).map(|number| format!("p{number}=1"));
        format!("?{}", names.collect::<Vec<_>>().join("&"))
    };
    for count in [100, 101, 1024] {
        let answer = list(&server, &client, &unknown(count)).await;
        let listed = (0..count.min(100)).map(|number| format!("query.p{number} extra_forbidden"));
        let mut expected: Vec<String> = listed.collect();
        if count > 100 {
            expected.push("query too_many_problems".to_owned());
        }
        let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
        answer.is_invalid(&expected);
    }
    for count in [1025, 8000] {
        let answer = list(&server, &client, &unknown(count)).await;
        answer.is_invalid(&["query too_long"]);
    }
}
