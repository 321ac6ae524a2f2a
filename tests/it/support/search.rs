//! Searches the bytes of files.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the files below a folder in which one of these words is.
pub(crate) fn files_with(folder: &Path, words: &[&str]) -> Vec<PathBuf> {
    let mut grep = Command::new("grep");
    grep.args(["-r", "-l", "-a", "-F"]);
    for word in words {
        grep.args(["-e", word]);
    }
    // Its status says whether it found something, or that a file went away meanwhile.
    let output = grep.arg(folder).output().expect("grep runs");
    let found = String::from_utf8(output.stdout).expect("paths");
    let mut found: Vec<PathBuf> = found.lines().map(PathBuf::from).collect();
    found.sort_unstable();
    found
}
