//! `event-history import`.

use std::fmt::Write;
use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use super::Fixture;
use crate::support::{self, Mode, Proxy, Running};

const MINUTE: Duration = Duration::from_mins(1);

fn import(fixture: &Fixture, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = fixture.command(&[&["import"], arguments].concat());
    let output = command
        .env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
        .output()
        .unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output;
    assert!(stdout.is_empty(), "{stdout:?}");
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// Returns all events, oldest first.
fn events(fixture: &Fixture) -> Vec<Value> {
    let list = ["query", "--json", "--all", "--oldest-first"];
    let listed = support::run(&mut fixture.command(&list));
    let events = listed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    events.collect()
}

/// The walk of a new user: imports a CSV, finds who changed a field last, follows the record live, and lists everything.
#[tokio::test]
async fn a_log_of_changes_is_imported_and_asked() {
    let fixture = Fixture::new().await;
    let csv = "\u{feff}When;Who;Ticket;What;Before;After\r\n\
               2026-11-10 11:26;Ada;42;Priority;low;high\r\n\
               2026-11-10 11:27;\"Hopper; Grace\";42;Priority;high;\"ur\"\"gent\"\r\n\
               soon;Ada;42;Priority;;\r\n\
               2026-11-10 11:28;Ada;42;Summary;;=1+1\r\n\
               2026-11-10 11:28;Ada;42\r\n";
    let file = fixture.write("changes.csv", csv.as_bytes());
    let file = file.to_str().unwrap();
    let arguments = [
        file,
        "--delimiter",
        ";",
        "--map",
        "event_time=When",
        "--map",
        "record_id=Ticket",
        "--map",
        "source_name=Who",
        "--map",
        "field=What",
        "--map",
        "old=Before",
        "--map",
        "new=After",
        "--set",
        "event_type=field_values_changed",
        "--set",
        "source_type=user",
    ];
    let (status, said) = import(&fixture, &arguments);
    assert_eq!(status, Some(1), "{said}");
    let said: Vec<&str> = said.lines().collect();
    assert!(
        said[0].starts_with(&format!(
            "{file}:4: rejected: event_time: 'soon' is not a time"
        )),
        "{said:?}"
    );
    let cells = "it has 3 cells, and the first line 6";
    assert_eq!(said[1], format!("{file}:6: rejected: {cells}"));
    assert_eq!(said[2], "3 stored, 0 stored before, 2 rejected");
    let (_, said) = import(&fixture, &arguments);
    assert!(
        said.ends_with("0 stored, 3 stored before, 2 rejected\n"),
        "{said}"
    );
    assert_eq!(events(&fixture)[0]["event_time"], "2026-11-10T10:26:00Z");

    let mut record = fixture.command(&["record", "42"]);
    let record = support::run(record.env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3"));
    assert!(
        record.contains("Priority  ur\"gent  2026-11-10 11:27:00 +01:00  Hopper; Grace (user 0)"),
        "{record}"
    );
    let arguments = ["tail", "--record-id", "42", "--from", "beginning", "--json"];
    let live = Running::spawn(&mut fixture.command(&arguments));
    for _ in 0..3 {
        live.line(MINUTE);
    }
    let send = ["send", "--record-id", "42", "--type", "record_deleted"];
    let id = support::run(&mut fixture.command(&send));
    assert!(live.line(MINUTE).contains(id.trim_end()));
    live.signal("INT");
    assert_eq!(live.end().code(), Some(130));
    assert_eq!(events(&fixture).len(), 4);
}

#[tokio::test]
async fn what_is_wrong_with_many_rows_is_not_said_of_each() {
    let fixture = Fixture::new().await;
    let mut rows = String::from("When;Ticket;What\n");
    for row in 0..25 {
        writeln!(rows, "2026-11-10 10:26:{row:02};42;update").unwrap();
    }
    let file = fixture.write("alike.csv", rows.as_bytes());
    let file = file.to_str().unwrap();
    let mut arguments = vec![
        file,
        "--map",
        "event_time=When",
        "--map",
        "record_id=Ticket",
    ];
    arguments.extend(["--map", "event_type=What"]);
    let (status, said) = import(&fixture, &arguments);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("is it --delimiter ';'?"), "{said}");

    arguments.extend(["--delimiter", ";"]);
    let (status, said) = import(&fixture, &arguments);
    assert_eq!(status, Some(1), "{said}");
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(said.len(), 12, "{said:?}");
    let (place, problem) = said[9].split_once(": rejected: ").unwrap();
    assert_eq!(place, format!("{file}:11"));
    assert_eq!(said[10], format!("15 more rejected: {problem}"));
    assert_eq!(said[11], "0 stored, 0 stored before, 25 rejected");
}

#[tokio::test]
async fn ndjson_as_the_api_returns_it_is_imported_into_another_tenant() {
    let fixture = Fixture::new().await;
    let upload = fixture.server.upload_url(&fixture.tenant).await;
    let put = support::http_client().put(&upload.url).body("x");
    support::expect(put, http::StatusCode::OK).await;
    let mut lines = String::new();
    for index in 0..300 {
        let mut event = support::event();
        event["event_data"] = json!([{"field": "n", "old": null, "new": index}]);
        event["event_time"] = json!(format!("2026-11-10T10:26:{:02}.1Z", index % 60));
        writeln!(lines, "{event}").unwrap();
    }
    let mut event = support::event_with_file(&upload.file_id);
    event["source_name"] = json!("Ada");
    writeln!(lines, "{event}").unwrap();
    let file = fixture.write("events", lines.as_bytes());
    support::run(&mut fixture.command(&["send", file.to_str().unwrap()]));
    let list = ["query", "--json", "--all", "--oldest-first"];
    let listed = support::run(&mut fixture.command(&list));
    let listed = fixture.write("listed", listed.as_bytes());
    let listed = listed.to_str().unwrap();

    let (status, said) = import(&fixture, &[listed]);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(said, "0 stored, 301 stored before, 0 rejected\n");
    let other = fixture.server.create_tenant("other").await;
    let (status, said) = import(&fixture, &[listed, "--client-id", &other.client_id]);
    assert_eq!(status, Some(1));
    // Its file is the other tenant's.
    assert!(said.contains("rejected: file_id: "), "{said}");
    assert!(
        said.ends_with("300 stored, 0 stored before, 1 rejected\n"),
        "{said}"
    );
    let (status, said) = import(&fixture, &[listed, "--typed"]);
    assert_eq!(status, Some(2), "{said}");
}

#[tokio::test]
async fn an_import_that_was_interrupted_continues_where_it_was() {
    const ROWS: usize = 25_000;
    let fixture = Fixture::new().await;
    let mut csv = String::from("record_id,event_time,Name\n");
    for row in 0..ROWS {
        writeln!(csv, "{row},2026-11-10T10:26:12Z,\"name\n{row}\"").unwrap();
    }
    let file = fixture.write("rows.csv", csv.as_bytes());
    let address = fixture.server.url().trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().unwrap());
    let arguments = [
        "import",
        file.to_str().unwrap(),
        "--set",
        "event_type=record_created",
        "--field",
        "Name",
    ];
    let url = format!("http://{}", proxy.address());
    let state = fixture.path(".local/state/event-history/imports");
    let mut command = fixture.command(&arguments);
    command.env("EVENT_HISTORY_URL", &url);
    let first = Running::spawn(&mut command);
    let remembered = || {
        let files = std::fs::read_dir(&state).ok()?;
        let mut paths = files.filter_map(|file| Some(file.ok()?.path()));
        paths.find(|path| path.extension().is_some_and(|it| it == "json"))
    };
    support::wait_for("the first batch", MINUTE, async || remembered()).await;
    proxy.set(Mode::Refuse);
    first.kill();
    proxy.set(Mode::Pass);
    let stored = fixture.event_count().await.as_u64().unwrap();
    assert!(stored >= 10_000, "{stored}");

    let mut command = fixture.command(&arguments);
    let output = command.env("EVENT_HISTORY_URL", &url).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let (_, line) = said.split_once("continuing at line ").expect(&said);
    let (line, _) = line.split_once(',').unwrap();
    let line: usize = line.parse().unwrap();
    assert!(line > 20_000 && line.is_multiple_of(2), "{line}");
    let totals = said.lines().last().unwrap();
    let numbers: Vec<usize> = totals
        .split(|it: char| !it.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    assert_eq!(numbers[0] + numbers[1], ROWS, "{said}");
    assert_eq!(fixture.event_count().await, ROWS);
    assert_eq!(remembered(), None);
}

#[tokio::test]
async fn a_quote_that_is_missing_is_named_before_it_takes_all_memory() {
    let fixture = Fixture::new().await;
    let mut csv = String::from("record_id,event_time\n1,\"2026-11-10\n");
    csv.push_str(&"2,2026-11-10T10:26:12Z\n".repeat(400_000));
    let file = fixture.write("rows.csv", csv.as_bytes());
    let arguments = [file.to_str().unwrap(), "--set", "event_type=1"];
    let (status, said) = import(&fixture, &arguments);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("line 2") && said.contains("is a quote missing?"),
        "{said}"
    );
}
