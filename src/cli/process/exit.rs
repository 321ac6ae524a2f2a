//! Exit statuses.

use std::process::ExitCode;

use super::signals::Stopped;
use crate::config::Problems;

/// The command line or the settings are wrong. Also the status that clap uses.
pub(in crate::cli) const USAGE: u8 = 2;

pub(in crate::cli) fn success_if(is_success: bool) -> ExitCode {
    if is_success {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

pub(in crate::cli) fn status_of(error: &anyhow::Error) -> ExitCode {
    if let Some(Stopped(status)) = error.downcast_ref() {
        ExitCode::from(*status)
    } else if error.is::<Problems>() {
        ExitCode::from(USAGE)
    } else {
        ExitCode::FAILURE
    }
}
