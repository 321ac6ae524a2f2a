//! Exports: the whole history as a file, which can be resumed, and never looks complete where it is not.

use futures_util::StreamExt;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use reqwest::Response;
use serde_json::{Value, json};

use crate::support::{Server, Tenant, event, expect, expect_json};

const COLUMNS: &str = "event_id,event_time,received_at,event_type_id,event_type,record_id,source_id,source_type_id,\
     source_type,source_name,source_info,file_id,files,event_data";

async fn export(server: &Server, tenant: &Tenant, query: &str) -> Response {
    let target = format!("/api/history/export?{query}");
    expect(
        server.request_as(tenant, Method::GET, &target),
        StatusCode::OK,
    )
    .await
}

async fn text(server: &Server, tenant: &Tenant, query: &str) -> String {
    let response = export(server, tenant, query).await;
    response.text().await.expect("a whole body")
}

fn header(response: &Response, name: &str) -> String {
    let value = &response.headers()[name];
    value.to_str().expect("a printable header").to_owned()
}

/// Delivers events in an order other than that of their times, with names that formats have to quote.
async fn fill(server: &Server, tenant: &Tenant, count: usize) {
    let names = [
        "Ada",
        "",
        "=1+1",
        "@SUM(A1)",
        "-2",
        "+3",
        "\tx",
        "\r\nx",
        "'quoted'",
        "a, \"b\"\nc",
        "＝1",
        "Ω=",
    ];
    for number in 0..count {
        let mut detail = event();
        detail["event_time"] = format!("2022-11-{:02}T10:26:12Z", 1 + number * 11 % 28).into();
        detail["record_id"] = (number % 5).into();
        detail["event_type_id"] = (number % 12).into();
        detail["source_name"] = names[number % names.len()].into();
        detail["source_info"] = names[number * 7 % names.len()].into();
        detail["event_data"] = json!([{ "text": "line\nbreak, \"quote\"", "number": number }]);
        server.deliver(tenant, &detail).await;
    }
}

/// Returns the events in the order of their arrival, as the feed shows them.
async fn followed(server: &Server, tenant: &Tenant, count: usize) -> Vec<Value> {
    let answer = server
        .get_json(tenant, "/api/history/feed?limit=1000&wait=20")
        .await;
    let results = answer["results"].as_array().expect("results").clone();
    assert_eq!(results.len(), count);
    results
}

/// Parses comma-separated values as RFC 4180 defines them.
fn parse_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut is_quoted, mut characters) = (false, text.chars().peekable());
    while let Some(character) = characters.next() {
        match (is_quoted, character) {
            (true, '"') if characters.next_if_eq(&'"').is_some() => cell.push('"'),
            (_, '"') => is_quoted = !is_quoted,
            (true, other) => cell.push(other),
            (false, ',') => row.push(std::mem::take(&mut cell)),
            (false, '\r') => {
                assert_eq!(characters.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            (false, other) => {
                assert_ne!(other, '\n');
                cell.push(other);
            }
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !is_quoted);
    rows
}

#[tokio::test]
async fn an_export_has_what_the_feed_has() {
    let server = Server::start();
    let tenant = server.create_tenant("exported").await;
    let empty = export(&server, &tenant, "format=csv").await;
    assert_eq!(header(&empty, "content-type"), "text/csv; charset=utf-8");
    let disposition = header(&empty, "content-disposition");
    assert_eq!(disposition, "attachment; filename=\"exported-events.csv\"");
    assert_eq!(
        empty.text().await.expect("a body"),
        format!("{COLUMNS}\r\n")
    );

    fill(&server, &tenant, 40).await;
    let whole = export(&server, &tenant, "format=ndjson").await;
    assert_eq!(header(&whole, "content-type"), "application/x-ndjson");
    let whole = whole.text().await.expect("a body");
    let lines = whole.strip_suffix('\n').expect("a last line").split('\n');
    let lines: Vec<Value> = lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines, followed(&server, &tenant, 40).await);
    assert_eq!(text(&server, &tenant, "").await, whole, "the default");

    let csv = text(&server, &tenant, "format=csv").await;
    let mut rows = parse_csv(&csv);
    assert_eq!(rows.remove(0).join(","), COLUMNS);
    assert_eq!(rows.len(), lines.len());
    for (row, event) in rows.iter().zip(&lines) {
        assert_eq!(row.len(), 14);
        for (name, cell) in COLUMNS.split(',').zip(row) {
            assert_cell(name, cell, &event[name]);
        }
    }

    let filtered = text(
        &server,
        &tenant,
        "record_id=3&event_time_from=2022-11-10T00:00:00Z",
    )
    .await;
    let expected: Vec<&Value> = lines
        .iter()
        .filter(|it| it["record_id"] == 3 && it["event_time"].as_str() >= Some("2022-11-10"))
        .collect();
    assert!(!expected.is_empty() && expected.len() < 8);
    let found: Vec<Value> = filtered
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
}

/// Asserts that a cell means the member of an event, and that no spreadsheet would run it.
fn assert_cell(name: &str, cell: &str, member: &Value) {
    match name {
        "event_data" => {
            let data: Value = serde_json::from_str(cell).expect("JSON");
            assert_eq!(data, *member);
        }
        "source_name" | "source_info" | "event_type" | "source_type" => {
            let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝']);
            assert!(!is_formula, "{cell}");
            let meant = cell.strip_prefix('\'').unwrap_or(cell);
            assert_eq!(meant, member.as_str().unwrap_or_default(), "{name}");
        }
        _ if member.is_null() => assert_eq!(cell, "", "{name}"),
        _ => assert_eq!(cell, member.to_string().trim_matches('"'), "{name}"),
    }
}

#[tokio::test]
async fn an_export_that_is_resumed_has_the_same_bytes() {
    let server = Server::start();
    let tenant = server.create_tenant("resumed").await;
    fill(&server, &tenant, 30).await;
    for format in ["ndjson", "csv"] {
        let before = text(&server, &tenant, "").await.lines().count();
        let filters = format!("format={format}&record_id=1&record_id=2&record_id=4");
        let whole = export(&server, &tenant, &filters).await;
        let until = header(&whole, "event-history-cursor");
        let whole = whole.text().await.expect("a body");
        // What arrives later is in no part of it.
        fill(&server, &tenant, 5).await;
        assert_eq!(text(&server, &tenant, "").await.lines().count(), before + 5);
        let again = text(&server, &tenant, &format!("{filters}&until={until}")).await;
        assert_eq!(again, whole);
        let ends: Vec<usize> = match format {
            "csv" => whole
                .match_indices("]\"\r\n")
                .map(|(at, _)| at + 4)
                .collect(),
            _ => whole.match_indices('\n').map(|(at, _)| at + 1).collect(),
        };
        assert!(ends.len() >= 18, "{whole}");
        for end in ends {
            let line_start = whole[..end].rfind("\"event_id\":\"").map(|at| at + 12);
            let last_id = if format == "csv" {
                parse_csv(&whole[..end]).pop().expect("a row").remove(0)
            } else {
                let start = line_start.expect("an id");
                whole[start..start + 36].to_owned()
            };
            let resume = format!("{filters}&until={until}&after_event={last_id}");
            let rest = export(&server, &tenant, &resume).await;
            assert_eq!(header(&rest, "event-history-cursor"), until);
            assert_eq!(rest.text().await.expect("a body"), whole[end..]);
        }
        // The next export begins where this one has ended.
        let next = text(&server, &tenant, &format!("format={format}&after={until}")).await;
        let header_lines = usize::from(format == "csv");
        let rows = if format == "csv" {
            parse_csv(&next).len()
        } else {
            next.lines().count()
        };
        assert_eq!(rows, 5 + header_lines);
        let none = text(&server, &tenant, "after=latest").await;
        assert_eq!(none, "");
    }
}

async fn deliver_large(server: &Server, tenant: &Tenant, count: usize) {
    for _ in 0..count {
        let mut detail = event();
        detail["event_data"] = json!(["x".repeat(1024 * 1024 - 400)]);
        server.deliver(tenant, &detail).await;
    }
}

#[tokio::test]
async fn an_export_is_as_of_its_start_and_visibly_truncated() {
    let server = Server::start();
    let tenant = server.create_tenant("large").await;
    deliver_large(&server, &tenant, 24).await;
    let slow = export(&server, &tenant, "").await;
    fill(&server, &tenant, 3).await;
    let body = slow.text().await.expect("a whole body");
    assert_eq!(body.lines().count(), 24);

    let cut = export(&server, &tenant, "").await;
    let delete = server.request_as(&tenant, Method::DELETE, "/api/delete-tenant");
    expect(delete, StatusCode::OK).await;
    let mut body = cut.bytes_stream();
    let mut outcome = Ok(());
    while let Some(bytes) = body.next().await {
        outcome = bytes.map(drop);
        if outcome.is_err() {
            break;
        }
    }
    outcome.expect_err("the export has no end");
    assert!(
        server
            .process()
            .stderr()
            .contains("a response was truncated")
    );
}

#[tokio::test]
async fn exports_are_bounded_and_leave_others_room() {
    const OF_ONE_TENANT: usize = 8;
    let server = Server::start();
    let tenant = server.create_tenant("crowd").await;
    let neighbour = server.create_tenant("neighbour").await;
    deliver_large(&server, &tenant, 12).await;
    fill(&server, &neighbour, 2).await;
    // Each is too large for the sockets, and nobody reads.
    let unread = join_all((0..OF_ONE_TENANT).map(|_| export(&server, &tenant, ""))).await;
    let request = server.request_as(&tenant, Method::GET, "/api/history/export");
    let refused = expect(request, StatusCode::SERVICE_UNAVAILABLE).await;
    assert_eq!(header(&refused, "retry-after"), "1");
    let refused: Value = refused.json().await.expect("JSON");
    assert_eq!(
        refused,
        json!({ "detail": "Too many exports are being sent." })
    );
    assert_eq!(text(&server, &neighbour, "").await.lines().count(), 2);
    let metrics = server.request(Method::GET, "/metrics").send().await;
    let metrics = metrics.expect("an answer").text().await.expect("a text");
    assert!(metrics.contains("event_history_exports 8"), "{metrics}");
    for response in unread {
        let body = response.text().await.expect("a whole body");
        assert_eq!(body.lines().count(), 12);
    }
    assert_eq!(text(&server, &tenant, "").await.lines().count(), 12);
}

#[tokio::test]
async fn what_is_wrong_with_an_export_is_said() {
    let server = Server::start();
    let tenant = server.create_tenant("refused").await;
    let other = server.create_tenant("other").await;
    fill(&server, &other, 1).await;
    let theirs = header(&export(&server, &other, "").await, "event-history-cursor");
    for (query, status, problem) in [
        ("format=xml", 422, "enum"),
        ("limit=5", 422, "extra_forbidden"),
        ("ordering=event_time", 422, "extra_forbidden"),
        ("wait=1", 422, "extra_forbidden"),
        ("after_event=x", 422, "uuid_parsing"),
        ("format=csv&format=csv", 422, "too_long"),
        (
            "after=latest&after_event=00000000-0000-4000-8000-000000000001",
            422,
            "value_error",
        ),
        (
            "after_event=00000000-0000-4000-8000-000000000001",
            404,
            "event not found",
        ),
        (
            "until=x",
            400,
            "it is not a cursor that this service has returned",
        ),
        (
            "after=x",
            400,
            "it is not a cursor that this service has returned",
        ),
        (&format!("until={theirs}"), 400, "it is from another tenant"),
        (&format!("after={theirs}"), 400, "it is from another tenant"),
    ] {
        let target = format!("/api/history/export?{query}");
        let status = StatusCode::from_u16(status).expect("a status");
        let answer = expect_json(server.request_as(&tenant, Method::GET, &target), status).await;
        assert!(answer.to_string().contains(problem), "{query}: {answer}");
    }
}
