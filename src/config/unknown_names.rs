//! Names that no setting has, and the setting that was probably meant.

use std::ffi::OsString;

use super::command_settings::{COPY_SETTINGS, UPLOAD_SETTINGS};
use super::settings::SETTINGS;

/// Returns the problem with an environment variable that looks like a setting and is none.
pub(super) fn unknown_variable(name: &OsString, value: &OsString) -> Option<String> {
    let name = name.to_str()?;
    if !name.starts_with("EVENT_HISTORY_") || is_service_link(name, &value.to_string_lossy()) {
        return None;
    }
    let settings = SETTINGS.iter().chain(COPY_SETTINGS).chain(UPLOAD_SETTINGS);
    let known: Vec<&str> = settings.map(|it| it.variable).collect();
    if known.contains(&name) {
        return None;
    }
    let hint = suggestion(name, &known);
    Some(format!("unknown environment variable {name}{hint}"))
}

/// Tells whether Kubernetes made the variable: it puts some into every container for each service of
/// the namespace, and a service called `event-history` gets names that look like settings.
/// Source: Kubernetes documentation, "Service", section "Environment variables".
fn is_service_link(name: &str, value: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
}

/// Returns `: did you mean …?` if one of the known names is near.
pub(super) fn suggestion(name: &str, known: &[impl AsRef<str>]) -> String {
    let nearest = known
        .iter()
        .map(|known| (edit_distance(name, known.as_ref()), known.as_ref()))
        .min()
        .filter(|(distance, _)| *distance <= 1 + name.len() / 5);
    nearest.map_or_else(String::new, |(_, nearest)| {
        format!(": did you mean {nearest}?")
    })
}

/// Returns the Levenshtein distance.
fn edit_distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::{suggestion, unknown_variable};

    fn unknown(name: &str, value: &str) -> Option<String> {
        unknown_variable(&OsString::from(name), &OsString::from(value))
    }

    #[test]
    fn names_unknown_variables_and_the_nearest_known_one() {
        let message = unknown("EVENT_HISTORY_LISTE", "x").unwrap();
        assert!(message.ends_with("EVENT_HISTORY_LISTE: did you mean EVENT_HISTORY_LISTEN?"));
        assert!(unknown("EVENT_HISTORY_PORT", "8080").is_some());
        assert!(unknown("EVENT_HISTORY_CONFIG", "x").is_none());
        assert!(unknown("OTHER", "x").is_none());
    }

    #[test]
    fn leaves_the_variables_of_kubernetes_alone() {
        for (name, value) in [
            ("EVENT_HISTORY_SERVICE_HOST", "10.0.0.1"),
            ("EVENT_HISTORY_SERVICE_PORT_HTTP", "80"),
            ("EVENT_HISTORY_PORT", "tcp://10.0.0.1:80"),
            ("EVENT_HISTORY_PORT_80_TCP_ADDR", "10.0.0.1"),
            ("EVENT_HISTORY_DB_SERVICE_HOST", "10.0.0.2"),
        ] {
            assert_eq!(unknown(name, value), None, "{name}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        assert_eq!(
            suggestion("lisen", &["listen", "files"]),
            ": did you mean listen?"
        );
        assert_eq!(suggestion("colour", &["listen", "files"]), "");
    }
}
