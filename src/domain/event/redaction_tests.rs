use jiff::Timestamp;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{MAX_REDACTED_MEMBERS, Redaction, Redactions};
use crate::domain::{Event, EventData, EventId, EventTime, MemberPointer, Reason};

fn event(data: &str) -> Event {
    let json = RawValue::from_string(data.to_owned()).unwrap();
    Event {
        id: EventId::from_uuid(Uuid::from_u128(1)),
        time: EventTime::from_parts(0, 0).unwrap(),
        event_type_id: 7,
        record_id: 42,
        source_id: 7,
        source_type_id: 0,
        source_name: "Ada".to_owned(),
        source_info: "gpt".to_owned(),
        data: EventData::parse(&json).unwrap(),
        files: Vec::new(),
        received_at: None,
        redactions: Redactions::default(),
    }
}

fn redaction(members: &[&str]) -> Redaction {
    let members = members.iter().map(|it| MemberPointer::parse(it).unwrap());
    Redaction {
        members: members.collect(),
        reason: Reason::parse("Article 17").unwrap(),
        redacted_by: "a configured key".to_owned(),
        redacted_at: Timestamp::UNIX_EPOCH,
    }
}

fn problems(event: &Event, members: &[&str]) -> Vec<(Option<usize>, &'static str)> {
    let problems = event.redacted(&redaction(members)).unwrap_err();
    let problem = |it: &super::MemberProblem| (it.index, it.invalid.kind);
    problems.iter().map(problem).collect()
}

#[test]
fn members_are_removed_and_named() {
    let event = event(r#"[{"field":"a","old":"x","new":"y"},7]"#);
    let members = ["/event_data/0/new", "/source_name", "/event_data/0/new"];
    let redacted = event.redacted(&redaction(&members)).unwrap().unwrap();
    assert_eq!(
        redacted.data.as_str(),
        r#"[{"field":"a","old":"x","new":null},7]"#
    );
    assert_eq!(redacted.source_name, "");
    assert_eq!(redacted.source_info, "gpt");
    assert_eq!(redacted.redactions.as_slice(), [redaction(&members[..2])]);
    let all = redacted.redacted(&redaction(&["/source_info", "/event_data"]));
    let all = all.unwrap().unwrap();
    assert_eq!((all.data.as_str(), all.source_info.as_str()), ("[]", ""));
    assert_eq!(all.redactions.count(), 2);
    let text = all.redactions.encode();
    assert_eq!(Redactions::decode(text.as_deref()), Ok(all.redactions));
}

#[test]
fn a_second_time_changes_nothing() {
    let event = event(r#"[{"a":{"b":1}}]"#);
    let first = redaction(&["/event_data/0/a"]);
    let once = event.redacted(&first).unwrap().unwrap();
    assert_eq!(once.redacted(&first), Ok(None));
    // What was in it is gone with it.
    assert_eq!(once.redacted(&redaction(&["/event_data/0/a/b"])), Ok(None));
    let more = redaction(&["/event_data/0/a", "/source_info"]);
    let twice = once.redacted(&more).unwrap().unwrap();
    let last = twice.redactions.as_slice().last().unwrap();
    assert_eq!(last.members, redaction(&["/source_info"]).members);
}

#[test]
fn what_cannot_be_removed_is_named() {
    let event = event(r#"[{"a":1},{"file_id":"0e7f3f9c-2f0f-4e0a-9f0e-3c1f6a1f5b11","name":"x"}]"#);
    let members = [
        "/event_id",
        "/event_data/2",
        "/event_data/0/a",
        "/event_data/1",
        "/event_data/1/file_id",
        "/event_data",
        "/source_name/0",
        "/event_data/0/a/b",
        "/redactions",
    ];
    let (refused, missing) = ("redaction_not_allowed", "member_not_found");
    let expected = [
        (Some(0), refused),
        (Some(1), missing),
        (Some(3), refused),
        (Some(4), refused),
        (Some(5), refused),
        (Some(6), refused),
        (Some(7), missing),
        (Some(8), refused),
    ];
    assert_eq!(problems(&event, &members), expected);
    let named = event.redacted(&redaction(&["/event_data/1/name"]));
    assert!(named.unwrap().unwrap().data.file_id().unwrap().is_some());
}

#[test]
fn redactions_take_a_bounded_space() {
    let names: Vec<String> = (0..500).map(|it| format!("{it:0>400}")).collect();
    let members: Vec<String> = names.iter().map(|it| format!("\"{it}\":1")).collect();
    let mut event = event(&format!("[{{{}}}]", members.join(",")));
    let pointers: Vec<String> = names
        .iter()
        .map(|it| format!("/event_data/0/{it}"))
        .collect();
    let mut rounds = 0;
    let refused = loop {
        let chunk = &pointers[rounds * MAX_REDACTED_MEMBERS..][..MAX_REDACTED_MEMBERS];
        let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
        match event.redacted(&redaction(&chunk)) {
            Ok(redacted) => event = redacted.unwrap(),
            Err(refused) => break refused,
        }
        rounds += 1;
    };
    assert_eq!(rounds, 3);
    assert_eq!(refused[0].invalid.kind, "too_many_redactions");
    event
        .redacted(&redaction(&["/event_data/0"]))
        .unwrap()
        .unwrap();
}

#[test]
fn a_redacted_event_is_delivered_again_whatever_is_sent() {
    let sent = event("[1]");
    let redacted = sent.redacted(&redaction(&["/event_data/0"]));
    let redacted = redacted.unwrap().unwrap();
    let other = Event {
        record_id: 1,
        ..event("[2]")
    };
    assert!(redacted.is_delivered_again_by(&sent));
    assert!(redacted.is_delivered_again_by(&other));
    assert!(sent.is_delivered_again_by(&event("[1]")));
    assert!(!sent.is_delivered_again_by(&other));
    assert!(!event("[null]").is_delivered_again_by(&redacted));
}
