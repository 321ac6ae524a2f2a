//! Events as comma-separated values, as RFC 4180 has them, which a spreadsheet opens without running anything.

use crate::domain::{Catalogue, Event};
use crate::http::responses::{ApiError, ApiResult, FileBody};

/// The names of the columns.
pub(super) const HEADER: &str = "event_id,event_time,received_at,event_type_id,event_type,record_id,source_id,\
     source_type_id,source_type,source_name,source_info,file_id,files,event_data\r\n";

/// The first characters by which spreadsheets take a text for a formula, some of them for their wide forms or after
/// white space too. A text that begins with an apostrophe gets one as well, so that the rule can be reversed.
/// Source: OWASP, "CSV Injection".
const FORMULA_STARTS: [char; 12] = [
    '=', '+', '-', '@', '\t', '\r', '\n', '\'', '＝', '＋', '－', '＠',
];

/// Returns the line of an event.
pub(super) fn line(event: &Event, catalogue: &Catalogue) -> ApiResult<String> {
    let Event {
        id,
        time,
        event_type_id,
        record_id,
        source_id,
        source_type_id,
        source_name,
        source_info,
        data,
        files,
        received_at,
        redactions: _, // spreadsheets rely on the columns
    } = event;
    let bodies: Vec<FileBody> = files.iter().filter_map(FileBody::new).collect();
    let recorded = if bodies.is_empty() {
        String::new()
    } else {
        serde_json::to_string(&bodies).map_err(|error| ApiError::damaged(*id, error))?
    };
    let mut line = Line(String::with_capacity(event.weight_bytes()));
    line.plain(id);
    line.plain(time);
    line.plain_or_empty(received_at.as_ref());
    line.plain(event_type_id);
    line.text(catalogue.event_type(*event_type_id).unwrap_or_default());
    line.plain(record_id);
    line.plain(source_id);
    line.plain(source_type_id);
    line.text(catalogue.source_type(*source_type_id).unwrap_or_default());
    line.text(source_name);
    line.text(source_info);
    line.plain_or_empty(files.first().map(|file| &file.id));
    line.quoted(&recorded);
    line.quoted(data.as_str());
    Ok(line.end())
}

/// A line in the making: each cell is followed by a comma.
struct Line(String);

impl Line {
    /// Adds a number, a time or an id.
    fn plain(&mut self, value: &impl ToString) {
        self.0 += &value.to_string();
        self.0.push(',');
    }

    fn plain_or_empty(&mut self, value: Option<&impl ToString>) {
        match value {
            Some(value) => self.plain(value),
            None => self.0.push(','),
        }
    }

    /// Adds a text that anybody may have written.
    fn text(&mut self, text: &str) {
        if text.starts_with(FORMULA_STARTS) {
            self.quoted(&format!("'{text}"));
        } else {
            self.quoted(text);
        }
    }

    /// Adds a text, in quotes if it needs them.
    fn quoted(&mut self, text: &str) {
        if text.contains([',', '"', '\r', '\n']) {
            self.0.push('"');
            for (index, part) in text.split('"').enumerate() {
                if index > 0 {
                    self.0 += "\"\"";
                }
                self.0 += part;
            }
            self.0.push('"');
        } else {
            self.0 += text;
        }
        self.0.push(',');
    }

    fn end(mut self) -> String {
        self.0.pop(); // the last comma
        self.0 += "\r\n";
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    fn text(text: &str) -> String {
        let mut line = Line(String::new());
        line.text(text);
        line.end()
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        for (cell, written) in [
            ("", ""),
            ("Ada Lovelace", "Ada Lovelace"),
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("\"", "\"\"\"\""),
            ("a\"b\"c", "\"a\"\"b\"\"c\""),
            ("a\nb", "\"a\nb\""),
            ("a\r\nb", "\"a\r\nb\""),
        ] {
            assert_eq!(text(cell), format!("{written}\r\n"));
        }
    }

    #[test]
    fn what_looks_like_a_formula_stays_text() {
        for start in super::FORMULA_STARTS {
            let cell = format!("{start}SUM(A1)");
            let written = text(&cell);
            let written = written.trim_end_matches("\r\n").trim_matches('"');
            assert_eq!(written.strip_prefix('\''), Some(cell.as_str()));
        }
        assert_eq!(text("=1,2"), "\"'=1,2\"\r\n");
        assert_eq!(text("a=b"), "a=b\r\n");
    }
}
