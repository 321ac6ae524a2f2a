//! `event-history send`.

use std::io::Write;
use std::process::{Output, Stdio};

use serde_json::{Value, json};

use super::{Fixture, refused};
use crate::support::{self, Mode, Proxy, Running, event};

fn lines(values: &[Value]) -> String {
    let lines: Vec<String> = values.iter().map(Value::to_string).collect();
    lines.join("\n") + "\n"
}

/// Runs `send` with a text on standard input.
fn send(fixture: &Fixture, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let mut command = fixture.command(&[&["send"], arguments].concat());
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap(); // it may have ended before it read everything
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

#[tokio::test]
async fn events_are_sent_once_and_bad_lines_are_named() {
    let fixture = Fixture::new().await;
    let mut events: Vec<Value> = (0..12_000).map(|_| event()).collect();
    let text = lines(&events);
    let (status, printed, said) = send(&fixture, &[], &text);
    assert_eq!((status, &*printed), (Some(0), ""), "{said}");
    assert_eq!(said, "12000 stored, 0 stored before, 0 rejected\n");
    let (status, _, said) = send(&fixture, &["-"], &text);
    assert_eq!(status, Some(0));
    assert_eq!(said, "0 stored, 12000 stored before, 0 rejected\n");

    events.truncate(3);
    events[1]["record_id"] = json!("a\u{1b}[2J");
    events[2] = event();
    let file = fixture.write(
        "events.ndjson",
        format!("\n{}{{\n", lines(&events)).as_bytes(),
    );
    let file = file.to_str().unwrap();
    let output = fixture.command(&["send", file]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let said: Vec<&str> = said.lines().collect();
    assert!(
        said[0].starts_with(&format!("{file}:3: rejected: record_id: ")),
        "{said:?}"
    );
    assert!(
        said[1].starts_with(&format!("{file}:5: rejected: JSON decode error")),
        "{said:?}"
    );
    assert_eq!(said[2], "1 stored, 1 stored before, 2 rejected");
    assert_eq!(fixture.event_count().await, 12_001);
}

#[tokio::test]
async fn events_without_ids_are_given_some() {
    let fixture = Fixture::new().await;
    let mut one = event();
    one.as_object_mut().unwrap().remove("event_id");
    one.as_object_mut().unwrap().remove("event_time");
    let array = format!("[\n{one},\n{}\n]", event());
    let (status, printed, said) = send(&fixture, &[], &array);
    assert_eq!(status, Some(0), "{said}");
    let id = printed.strip_suffix('\n').unwrap();
    let stored = fixture.event(id).await;
    assert_eq!(stored["record_id"], 42);
    assert!(stored["event_time"].as_str().unwrap() > "2026");

    let pretty = serde_json::to_string_pretty(&one).unwrap();
    let mut bad = one.clone();
    bad["event_type_id"] = json!("x");
    let (status, printed, said) = send(&fixture, &["--json"], &format!("{pretty}\n{bad}\n"));
    assert_eq!((status, &*said), (Some(1), ""));
    let printed: Vec<Value> = printed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(printed.len(), 4, "{printed:?}");
    let (first, second) = (&printed[0]["new_event_id"], &printed[1]["new_event_id"]);
    assert!(first.is_string() && second.is_string() && first != second);
    assert_eq!(printed[2]["line"], pretty.lines().count() + 1);
    assert_eq!(printed[2]["outcome"], "rejected");
    assert_eq!(printed[2]["event_id"], *second);
    assert_eq!(printed[2]["problems"][0]["loc"], json!(["event_type_id"]));
    assert_eq!(
        printed[3],
        json!({"stored": 1, "duplicates": 0, "rejected": 1})
    );
}

#[tokio::test]
async fn one_event_is_sent_from_flags() {
    let fixture = Fixture::new().await;
    let mut command = fixture.command(&["send", "--record-id", "7"]);
    command.args(["--type", "field_values_changed", "--source-id", "9"]);
    command.args(["--source-type", "user", "--source-name", "Ada"]);
    command.args(["--time", "2026-11-10 11:26"]);
    command.env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3");
    command.args([
        "--data",
        r#"{"field": "n", "old": 1, "new": 12345678901234567890123}"#,
    ]);
    let id = support::run(&mut command);
    let stored = fixture.event(id.trim_end()).await;
    assert_eq!(stored["event_time"], "2026-11-10T10:26:00Z");
    assert_eq!(stored["event_type"], "field_values_changed");
    assert_eq!(stored["source_type"], "user");
    assert_eq!(
        (&stored["source_id"], &stored["source_name"]),
        (&json!(9), &json!("Ada"))
    );
    let text = support::run(&mut fixture.command(&["query", "--json"]));
    assert!(text.contains("\"new\":12345678901234567890123"), "{text}");

    // With an id, the same again is stored once, and another event with it is rejected.
    let id = support::uuid();
    let send = |record: &str| {
        let event = ["--event-id", &id, "--type", "1", "--record-id", record];
        let mut command = fixture.command(&[&["send"], &event[..]].concat());
        command.args(["--time", "2026-11-10T10:26:12Z"]);
        command.output().unwrap()
    };
    for (record, status, words) in [
        ("1", 0, "1 stored, 0 stored before, 0 rejected"),
        ("1", 0, "0 stored, 1 stored before, 0 rejected"),
        ("2", 1, "0 stored, 0 stored before, 1 rejected"),
    ] {
        let output = send(record);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.ends_with(&format!("{words}\n")), "{said}");
        assert!(output.stdout.is_empty());
    }
    for (arguments, words) in [
        (&["--record-id", "1"][..], "--event-type"),
        (
            &["--record-id", "1", "--type", "made"],
            "no event type 'made'",
        ),
        (
            &["--record-id", "1", "--type", "1", "--data", "{"],
            "--data: not JSON",
        ),
        (
            &["--record-id", "1", "--type", "1", "--time", "soon"],
            "--time: 'soon' is not a time",
        ),
    ] {
        let mut command = fixture.command(&[&["send"], arguments].concat());
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
}

/// Events that arrive slowly are not held back until a batch is full.
#[tokio::test]
async fn events_that_arrive_slowly_are_sent_at_once() {
    let fixture = Fixture::new().await;
    let mut command = fixture.command(&["send"]);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for count in 1..=2 {
        writeln!(stdin, "{}", event()).unwrap();
        let bound = std::time::Duration::from_secs(30);
        support::wait_for("the event", bound, async || {
            (fixture.event_count().await == count).then_some(())
        })
        .await;
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_batch_is_sent_again_after_an_outage_and_stored_once() {
    let fixture = Fixture::new().await;
    let address = fixture.server.url().trim_start_matches("http://");
    let proxy = Proxy::start(address.parse().unwrap());
    proxy.set(Mode::Refuse);
    let mut one = event();
    one.as_object_mut().unwrap().remove("event_id");
    let file = fixture.write("events", lines(&[one.clone(), one]).as_bytes());
    let mut command = fixture.command(&["send", file.to_str().unwrap()]);
    command.env("EVENT_HISTORY_URL", format!("http://{}", proxy.address()));
    let running = Running::spawn(&mut command);
    support::wait_for("a retry", std::time::Duration::from_secs(30), async || {
        running.stderr().contains("retrying in").then_some(())
    })
    .await;
    let bound = std::time::Duration::from_secs(5);
    let ids = [running.line(bound), running.line(bound)]; // before they are sent
    proxy.set(Mode::Pass);
    assert!(running.end().success(), "{}", running.stderr());
    for id in ids {
        fixture.event(&id).await;
    }
    assert_eq!(fixture.event_count().await, 2);
}

#[tokio::test]
async fn files_that_cannot_be_read_are_named() {
    let fixture = Fixture::new().await;
    let good = fixture.write("good", lines(&[event()]).as_bytes());
    let cut = fixture.write("cut", format!("[{},\n", event()).as_bytes());
    let (good, cut) = (good.to_str().unwrap(), cut.to_str().unwrap());
    let said = refused(fixture.command(&["send", good, cut, "never"]));
    assert!(
        said.contains("line 2: the text ends within the array"),
        "{said}"
    );
    assert!(said.contains(&format!("stopped behind {cut}:1")), "{said}");
    assert_eq!(fixture.event_count().await, 2);
    let said = refused(fixture.command(&["send", "missing"]));
    assert!(said.contains("cannot open 'missing'"), "{said}");
}
