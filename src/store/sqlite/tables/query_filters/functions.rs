//! Functions that the SQL of queries calls, for what SQL cannot say.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, Error};

use crate::domain::{WantedChanges, WantedValue};

/// Adds the functions to a connection that reads:
///
/// - `has_changes(event_data, wanted)` tells whether event data has the changes that [`wanted`] wrote.
pub(crate) fn add_to(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("has_changes", 2, flags, has_changes)
}

/// Returns the changes that a query asks for as an argument of `has_changes`.
pub(super) fn wanted(changes: &WantedChanges) -> Value {
    let WantedChanges { fields, values } = changes;
    let values: Vec<&str> = values.iter().map(WantedValue::as_str).collect();
    let json = serde_json::to_string(&(fields, values));
    Value::Text(json.unwrap_or_default()) // strings never fail
}

fn has_changes(context: &Context<'_>) -> rusqlite::Result<bool> {
    let wanted = context.get_or_create_aux(1, |wanted| {
        let (fields, values): (Vec<String>, Vec<String>) =
            serde_json::from_str(wanted.as_str()?)
                .map_err(|error| Error::UserFunctionError(error.into()))?;
        Ok::<_, Error>(WantedChanges {
            fields,
            values: values.into_iter().map(WantedValue::new).collect(),
        })
    })?;
    // A row that is damaged is reported where it is read.
    Ok(context
        .get_raw(0)
        .as_str()
        .is_ok_and(|it| wanted.are_in(it)))
}
