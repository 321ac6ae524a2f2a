//! Parses query and path parameters.

use std::convert::Infallible;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde_json::Value;
use url::form_urlencoded;

use super::Problems;
use crate::domain::Invalid;
use crate::http::responses::{ApiError, ApiResult, Problem};
use crate::service::{Access, Caller};

/// The most parameters of a query string: as many as the longest list of filters may have.
pub(super) const MAX_PARAMETERS: usize = 1024;

/// The names and values of a query string, in its order.
#[derive(Debug)]
pub(crate) struct Parameters(pub(super) Vec<(String, String)>);

impl Parameters {
    /// Counts the parameters before it parses any.
    pub(crate) fn parse(query: Option<&str>) -> ApiResult<Self> {
        let query = query.unwrap_or_default();
        if query.bytes().filter(|byte| *byte == b'&').count() >= MAX_PARAMETERS {
            let message = format!("Query should have at most {MAX_PARAMETERS} parameters");
            let invalid = Invalid::new("too_long", message);
            return Err(ApiError::Invalid(vec![Problem::new(
                vec!["query".into()],
                invalid,
            )]));
        }
        let parameters = form_urlencoded::parse(query.as_bytes());
        Ok(Self(parameters.into_owned().collect()))
    }

    /// Refuses all parameters.
    pub(crate) fn none(query: Option<&str>) -> ApiResult<()> {
        let mut problems = Problems::default();
        Self::parse(query)?.only(&[], &mut problems);
        problems.finish(Some(()))
    }

    /// Refuses all but these parameters, and each of them that is given twice.
    pub(crate) fn only(&self, names: &[&str], problems: &mut Problems) {
        for (name, _) in &self.0 {
            if !names.contains(&name.as_str()) {
                problems.add(loc(name), unknown());
            }
        }
        for name in names {
            self.check_repeats(name, 1, problems);
        }
    }

    /// Parses an optional parameter: `Some(None)` if it is absent, `None` if it is wrong.
    #[expect(clippy::option_option, reason = "absent and wrong are two things")]
    pub(crate) fn optional<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        match self.0.iter().find(|(other, _)| other == name) {
            None => Some(None),
            Some((_, value)) => parse(value)
                .map_err(|invalid| problems.add(loc(name), invalid))
                .ok()
                .map(Some),
        }
    }

    /// Parses a parameter that has to be there: `None` if it is wrong or absent.
    pub(crate) fn required<T>(
        &self,
        problems: &mut Problems,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<T> {
        let parsed = self.optional(problems, name, parse)?;
        if parsed.is_none() {
            problems.add(loc(name), Invalid::missing());
        }
        parsed
    }

    pub(super) fn check_repeats(&self, name: &str, most: usize, problems: &mut Problems) {
        if self.0.iter().filter(|(other, _)| other == name).count() > most {
            let message = format!("Parameter should be given at most {most} times");
            problems.add(loc(name), Invalid::new("too_long", message));
        }
    }
}

/// The parameters of a path; a problem if one is no text.
#[derive(Debug)]
pub(crate) struct PathParameters(Result<RawPathParams, RawPathParamsRejection>);

impl<S: Send + Sync> FromRequestParts<S> for PathParameters {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(RawPathParams::from_request_parts(parts, state).await))
    }
}

impl PathParameters {
    /// Returns the client id in the path, as it is written there.
    pub(crate) fn client_id(&self) -> ApiResult<String> {
        let mut problems = Problems::default();
        let any = |text: &str| Ok(text.to_owned());
        let id = path_parameter(self, "client_id", any, &mut problems);
        problems.finish(id)
    }

    /// Opens the tenant that the path names.
    pub(crate) async fn tenant(&self, caller: &Caller) -> ApiResult<Access> {
        Ok(caller.access(Some(&self.client_id()?)).await?)
    }
}

/// Parses a parameter of the path.
pub(crate) fn path_parameter<T>(
    path: &PathParameters,
    name: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
    problems: &mut Problems,
) -> Option<T> {
    let parsed = match &path.0 {
        Ok(path) => {
            let mut path = path.iter();
            let text = path.find_map(|(it, value)| (it == name).then_some(value));
            parse(text.unwrap_or_default())
        }
        // axum does not say which; no path has two.
        Err(_) => Err(Invalid::new(
            "string_unicode",
            "Input should be valid UTF-8",
        )),
    };
    parsed
        .map_err(|invalid| problems.add(vec![Value::from("path"), Value::from(name)], invalid))
        .ok()
}

pub(super) fn loc(name: &str) -> Vec<Value> {
    vec![Value::from("query"), Value::from(name)]
}

pub(super) fn unknown() -> Invalid {
    Invalid::new("extra_forbidden", "Unknown parameter")
}

pub(crate) fn boolean(text: &str) -> Result<bool, Invalid> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Invalid::new(
            "bool_parsing",
            "Input should be a valid boolean, true or false",
        )),
    }
}

pub(crate) fn integer<T: std::str::FromStr<Err = std::num::ParseIntError>>(
    text: &str,
) -> Result<T, Invalid> {
    use std::num::IntErrorKind::{NegOverflow, PosOverflow};
    // Rust reads a plus sign, which no other number of this API has.
    let text = if text.starts_with('+') { "" } else { text };
    text.parse()
        .map_err(|error: std::num::ParseIntError| match error.kind() {
            PosOverflow | NegOverflow => Invalid::new(
                "int_parsing_size",
                "Input should be an integer in the range of its type",
            ),
            _ => Invalid::new("int_parsing", "Input should be a valid integer"),
        })
}
