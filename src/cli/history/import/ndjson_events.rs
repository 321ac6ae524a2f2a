//! Makes events to send of events as the API returns them.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::mapping::import_id;

/// The members that senders give. The others are the service's.
const SENT: [&str; 10] = [
    "event_time",
    "event_type_id",
    "record_id",
    "source_id",
    "source_type_id",
    "source_name",
    "source_info",
    "event_data",
    "file_id",
    "file_ids",
];

/// Returns the event that was sent to have this one returned. One without an id is given one that its text determines. A
/// text that is no JSON object is returned as it is: the service says what is wrong with it.
pub(super) fn event(json: &str) -> String {
    #[derive(Deserialize)]
    struct File<'a> {
        #[serde(borrow)]
        file_id: &'a RawValue,
    }
    let is_object = json.starts_with('{');
    let members: Result<BTreeMap<String, &RawValue>, _> = serde_json::from_str(json);
    let Some(members) = members.ok().filter(|_| is_object) else {
        return json.to_owned();
    };
    let id = match members.get("event_id") {
        Some(id) => id.get().to_owned(),
        None => format!("\"{}\"", import_id(json)),
    };
    let mut text = format!("{{\"event_id\":{id}");
    for name in SENT {
        if let Some(value) = members.get(name) {
            _ = write!(text, ",\"{name}\":{value}");
        }
    }
    if !members.contains_key("file_ids")
        && let Some(files) = members.get("files")
        && let Ok(files) = serde_json::from_str::<Vec<File<'_>>>(files.get())
    {
        let ids: Vec<&str> = files.iter().map(|file| file.file_id.get()).collect();
        _ = write!(text, ",\"file_ids\":[{}]", ids.join(","));
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn what_the_service_added_is_left_out() {
        let returned = r#"{"event_id":"x","event_time":"t","event_type_id":1,"event_type":"record_created","record_id":42,"source_id":7,"source_type_id":0,"source_type":"user","source_name":"","source_info":"","event_data":[{"n":1.10}],"file_id":"a","file":{"file_id":"a"},"files":[{"file_id":"a","size_bytes":1},{"file_id":"b"}],"received_at":"r"}"#;
        let sent = r#"{"event_id":"x","event_time":"t","event_type_id":1,"record_id":42,"source_id":7,"source_type_id":0,"source_name":"","source_info":"","event_data":[{"n":1.10}],"file_id":"a","file_ids":["a","b"]}"#;
        assert_eq!(event(returned), sent);
        for other in ["7", "{", "[]"] {
            assert_eq!(event(other), other);
        }
        let (one, same, other) = (event("{\"a\":1}"), event("{\"a\":1}"), event("{\"a\":2}"));
        assert!(one == same && one != other && one.starts_with("{\"event_id\":\""));
    }
}
