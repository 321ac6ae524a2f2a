//! Collects the problems of a request, so that one response reports all of them.

use serde_json::Value;

use crate::domain::Invalid;
use crate::http::responses::{ApiError, ApiResult, Problem};

/// The most problems that are reported of one request: more than an honest caller can make, and few enough that searching them
/// for each further one costs nothing. A response is never much longer than its request.
const MAX_PROBLEMS: usize = 100;

#[derive(Debug, Default)]
pub(crate) struct Problems {
    found: Vec<Problem>,
    is_full: bool,
}

impl Problems {
    /// Adds a problem, unless there is one in the same place.
    pub(crate) fn add(&mut self, loc: Vec<Value>, invalid: Invalid) {
        if self.is_full || self.found.iter().any(|problem| problem.loc == loc) {
            return;
        }
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(Problem::new(loc, invalid));
            return;
        }
        let message = format!("Only the first {MAX_PROBLEMS} problems are listed");
        let loc = loc.into_iter().take(1).collect();
        let more = Invalid::new("too_many_problems", message);
        self.found.push(Problem::new(loc, more));
        self.is_full = true;
    }

    /// Returns `value` if there were no problems. A parser gives `None` only after adding one.
    pub(crate) fn finish<T>(self, value: Option<T>) -> ApiResult<T> {
        self.check(value).map_err(ApiError::Invalid)
    }

    /// Returns `value` if there were no problems, and the problems otherwise.
    pub(crate) fn check<T>(self, value: Option<T>) -> Result<T, Vec<Problem>> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.found),
        }
    }
}
