//! How rows become events.

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::mapping::{EXPORTED, Mapping};
use super::options::MappingOptions;
use crate::domain::Catalogue;

fn options() -> MappingOptions {
    MappingOptions {
        map: Vec::new(),
        set: Vec::new(),
        field: Vec::new(),
        key: Vec::new(),
        typed: false,
        delimiter: None,
    }
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn mapping(options: &MappingOptions, titles: &[&str]) -> Result<Mapping, String> {
    Mapping::new(options, &owned(titles), Catalogue::default(), TimeZone::UTC)
        .map_err(|problems| problems.to_string())
}

fn event(mapping: &Mapping, row: &[&str]) -> Value {
    serde_json::from_str(&mapping.event(&owned(row)).unwrap()).unwrap()
}

#[test]
fn a_log_of_changes_becomes_events() {
    let options = MappingOptions {
        map: owned(&[
            "event_time=When",
            "record_id=Id",
            "field=What",
            "old=Before",
            "new=After",
            "source_name=Who",
        ]),
        set: owned(&["event_type=field_values_changed", "source_type=user"]),
        typed: true,
        ..options()
    };
    let titles = ["When", "Who", "Id", "What", "Before", "After"];
    let mapping = mapping(&options, &titles).unwrap();
    let row = [
        "2026-11-10 10:26",
        "Ada \"A\"",
        "42",
        "amount",
        "007",
        "120.50",
    ];
    let mut made = event(&mapping, &row);
    let id = made.as_object_mut().unwrap().remove("event_id").unwrap();
    assert_eq!(
        made,
        json!({"event_time": "2026-11-10T10:26:00Z", "event_type_id": 7, "record_id": 42, "source_id": 0,
            "source_type_id": 0, "source_name": "Ada \"A\"",
            "event_data": [{"field": "amount", "old": "007", "new": 120.50}]})
    );
    // The same row has the same id, and another one another.
    assert_eq!(event(&mapping, &row)["event_id"], id);
    let other = [
        "2026-11-10 10:26",
        "Ada \"A\"",
        "42",
        "amount",
        "007",
        "120.5",
    ];
    assert_ne!(event(&mapping, &other)["event_id"], id);
    for (row, problem) in [
        (["", "", "42", "a", "", ""], "event_time is empty"),
        (
            ["soon", "", "42", "a", "", ""],
            "event_time: 'soon' is not a time",
        ),
        (
            ["2026-11-10", "", "x", "a", "", ""],
            "record_id: 'x' is not a whole number",
        ),
        (["2026-11-10", "", "1", "", "", ""], "field is empty"),
    ] {
        let refused = mapping.event(&owned(&row)).unwrap_err();
        assert!(refused.starts_with(problem), "{refused}");
    }
}

#[test]
fn columns_become_fields_and_a_key_an_id() {
    let options = MappingOptions {
        set: owned(&[
            "event_type=record_created",
            "event_time=2026-11-10T10:26:12Z",
        ]),
        field: owned(&["Name", "Born=birth_year"]),
        key: owned(&["record_id"]),
        ..options()
    };
    let mapping = mapping(&options, &["record_id", "Name", "Born"]).unwrap();
    let made = event(&mapping, &["7", "Ada", ""]);
    assert_eq!(
        made["event_data"],
        json!([{"field": "Name", "new": "Ada"}, {"field": "birth_year", "new": null}])
    );
    assert_eq!(
        event(&mapping, &["7", "Grace", "1906"])["event_id"],
        made["event_id"]
    );
    assert_ne!(
        event(&mapping, &["8", "Ada", ""])["event_id"],
        made["event_id"]
    );
}

#[test]
fn an_export_is_undone() {
    let mapping = mapping(&options(), &EXPORTED).unwrap();
    let id = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
    let files = format!(r#"[{{"file_id":"{id}","size_bytes":1}},{{"file_id":"{id}"}}]"#);
    let made = event(
        &mapping,
        &[
            id,
            "2026-11-10T10:26:12.100Z",
            "2026-11-27T10:26:12.000001Z",
            "77",
            "",
            "-5",
            "-7",
            "3",
            "mcp",
            "'=1+1",
            "''quoted",
            id,
            &files,
            r#"[{"n":12345678901234567890}]"#,
        ],
    );
    assert_eq!(
        made,
        json!({"event_id": id, "event_time": "2026-11-10T10:26:12.100Z", "event_type_id": 77, "record_id": -5,
            "source_id": -7, "source_type_id": 3, "source_name": "=1+1", "source_info": "'quoted", "file_id": id,
            "file_ids": [id, id], "event_data": [{"n": 12_345_678_901_234_567_890_u64}]})
    );
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    let refused = mapping(&options(), &["a"]).unwrap_err();
    assert_eq!(refused.lines().count(), 3, "{refused}");
    assert!(refused.contains("--map record_id=COLUMN"), "{refused}");
    let options = MappingOptions {
        map: owned(&["event_time", "colour=a", "record_id=b", "field=a"]),
        field: owned(&["c"]),
        key: owned(&["d"]),
        ..options()
    };
    let refused = mapping(&options, &["a", "event_data", "a"]).unwrap_err();
    for problem in [
        "--map: 'event_time' has no '='",
        "--map: 'colour' is none of event_id, ",
        "--map: no column is named 'b', they are 'a', 'event_data', 'a'",
        "--map: several columns are named 'a'",
        "--field: no column is named 'c'",
        "--key: no column is named 'd'",
    ] {
        assert!(refused.contains(problem), "{problem}: {refused}");
    }
}
