//! The flags that say what is in the columns of a CSV.

use clap::Args;

use crate::config::Problems;

/// How the columns of a CSV become events.
#[expect(clippy::doc_markdown, reason = "clap prints these comments verbatim")]
#[derive(Debug, Clone, Args)]
#[command(
    next_help_heading = "Columns of a CSV (those with the name of a member are taken by themselves)"
)]
pub(super) struct MappingOptions {
    /// The column that a member of events is taken from: event_id, event_time, event_type, record_id,
    /// source_id, source_type, source_name, source_info, file_id, event_data; or field, label, old and
    /// new of a changed field
    #[arg(long, value_name = "MEMBER=COLUMN")]
    pub(super) map: Vec<String>,
    /// The value that a member has in all events
    #[arg(long, value_name = "MEMBER=VALUE")]
    pub(super) set: Vec<String>,
    /// A column whose values are the new values of a field, which is named like the column unless NAME is given
    #[arg(long, value_name = "COLUMN[=NAME]")]
    pub(super) field: Vec<String>,
    /// Columns that identify a row, from which its event_id is made [default: all]
    #[arg(long, value_name = "COLUMN")]
    pub(super) key: Vec<String>,
    /// Store the values of fields that are numbers, true or false as such, and not as text
    #[arg(long)]
    pub(super) typed: bool,
    /// The character between cells; `tab` is the tabulator [default: `,`]
    #[arg(long, value_name = "CHARACTER")]
    pub(super) delimiter: Option<String>,
}

impl MappingOptions {
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            map,
            set,
            field,
            key,
            typed,
            delimiter,
        } = self;
        let lists = [map, set, field, key];
        lists.iter().all(|list| list.is_empty()) && !typed && delimiter.is_none()
    }

    pub(super) fn delimiter(&self) -> Result<u8, Problems> {
        match self.delimiter.as_deref().map(str::as_bytes) {
            None => Ok(b','),
            Some(b"tab" | b"\\t") => Ok(b'\t'),
            Some([byte]) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
            Some(_) => Err(Problems(vec![
                "--delimiter: give one ASCII character, or 'tab'".to_owned(),
            ])),
        }
    }
}
