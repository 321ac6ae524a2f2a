//! `event-history openapi`.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use crate::http;

pub(super) fn run() -> anyhow::Result<ExitCode> {
    let json = serde_json::to_string_pretty(&http::openapi())
        .context("cannot write the OpenAPI document as JSON")?;
    writeln!(io::stdout(), "{json}").context("cannot write to standard output")?;
    Ok(ExitCode::SUCCESS)
}
