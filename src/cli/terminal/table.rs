//! Tables for people, aligned by the width that a terminal gives each character.

use std::io;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::config::stdout_takes_colors;

const GAP: &str = "  ";

/// How a text is emphasised on a terminal with colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Style {
    Plain,
    Strong,
    Dim,
    Colored,
    Alarming,
}

impl Style {
    /// Returns the text with the escapes of the style, if standard output takes them.
    ///
    /// Source: ECMA-48, 5th edition, 8.3.117 (SGR).
    pub(in crate::cli) fn paint(self, text: &str, takes_colors: bool) -> String {
        let code = match self {
            Self::Strong => 1,
            Self::Dim => 2,
            Self::Colored => 36,
            Self::Alarming => 31,
            Self::Plain => return text.to_owned(),
        };
        if takes_colors && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// A table whose rows may come a few at a time: columns grow, and never shrink.
#[derive(Debug)]
pub(in crate::cli) struct Table {
    columns: Vec<Column>,
    takes_colors: bool,
    /// The last column is cut here; `None`: nowhere.
    max_width: Option<usize>,
    has_header: bool,
}

#[derive(Debug)]
struct Column {
    title: &'static str,
    style: Style,
    width: usize,
}

impl Table {
    /// Makes a table for standard output.
    pub(in crate::cli) fn new(columns: &[(&'static str, Style)]) -> Self {
        let width = tcgetwinsize(io::stdout()).ok();
        let width = width.map(|size| usize::from(size.ws_col));
        Self {
            columns: columns
                .iter()
                .map(|&(title, style)| Column {
                    title,
                    style,
                    width: title.width(),
                })
                .collect(),
            takes_colors: stdout_takes_colors(),
            max_width: width.filter(|width| *width > 0),
            has_header: false,
        }
    }

    /// Returns the lines of some rows, and before the first ones the header. The texts have to be visible ones.
    pub(in crate::cli) fn lines(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            for (column, text) in self.columns.iter_mut().zip(row) {
                column.width = column.width.max(text.width());
            }
        }
        let mut lines = String::new();
        if !self.has_header {
            self.has_header = true;
            let titles = self
                .columns
                .iter()
                .map(|column| (column.title, Style::Strong));
            self.write_line(&mut lines, titles);
        }
        for row in rows {
            let texts = row.iter().map(String::as_str);
            let styles = self.columns.iter().map(|column| column.style);
            self.write_line(&mut lines, texts.zip(styles));
        }
        lines
    }

    fn write_line<'a>(&self, lines: &mut String, texts: impl Iterator<Item = (&'a str, Style)>) {
        let last = self.columns.len() - 1;
        let mut used = 0;
        for (index, ((text, style), column)) in texts.zip(&self.columns).enumerate() {
            if index < last {
                let padding = column.width.saturating_sub(text.width());
                lines.push_str(&style.paint(text, self.takes_colors));
                lines.extend(std::iter::repeat_n(' ', padding));
                lines.push_str(GAP);
                used += column.width + GAP.len();
            } else {
                let room = self.max_width.map(|width| width.saturating_sub(used));
                let text = cut(text, room.map(|room| room.max(column.title.width())));
                lines.push_str(&style.paint(&text, self.takes_colors));
            }
        }
        while lines.ends_with(' ') {
            lines.pop();
        }
        lines.push('\n');
    }
}

/// Returns the beginning of a text that is too wide, with an ellipsis.
fn cut(text: &str, max_width: Option<usize>) -> String {
    let Some(max_width) = max_width.filter(|max| text.width() > *max) else {
        return text.to_owned();
    };
    let (mut kept, mut width) = (String::new(), 1);
    for character in text.chars() {
        width += character.width().unwrap_or_default();
        if width > max_width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::{Column, Style, Table, cut};

    #[test]
    fn columns_are_as_wide_as_what_they_show() {
        let column = |title: &'static str| Column {
            title,
            style: Style::Plain,
            width: title.len(),
        };
        let mut table = Table {
            columns: vec![column("A"), column("B")],
            takes_colors: false,
            max_width: Some(8),
            has_header: false,
        };
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let lines = table.lines(&[row("é", "xxxx"), row("漢字", "toolong")]);
        assert_eq!(lines, "A     B\né     x…\n漢字  t…\n");
        assert_eq!(table.lines(&[row("1", "")]), "1\n");
    }

    #[test]
    fn wide_characters_are_not_cut_in_half() {
        assert_eq!(cut("漢字漢", Some(6)), "漢字漢");
        assert_eq!(cut("漢字漢", Some(5)), "漢字…");
        assert_eq!(cut("漢字漢", Some(4)), "漢…");
        assert_eq!(Style::Dim.paint("x", true), "\u{1b}[2mx\u{1b}[0m");
        assert_eq!(Style::Dim.paint("x", false), "x");
    }
}
