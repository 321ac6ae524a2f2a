//! Retention rules.

use axum::Json;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::domain::{
    AgeFrom, Invalid, MAX_RETENTION_DAYS, MAX_RETENTION_RULES, RetentionRule, RetentionRules,
};
use crate::http::extractors::{Object, PathParameters, Place, Problems, SmallBody, json_fields};
use crate::http::responses::openapi::{RequestErrors, TenantErrors, UnavailableErrors};
use crate::http::responses::{ApiResult, Problem};
use crate::service::Caller;

/// How long the events of one type stay.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionRuleBody {
    /// The event type; null or absent: all types without a rule of their own.
    #[schema(example = 7)]
    event_type_id: Option<i32>,
    /// Days of 24 hours after which events are deleted; null: they stay for ever.
    #[schema(example = 365, minimum = 1, maximum = 36525)]
    days: Option<u32>,
    /// From when the age of an event counts: `latest`, the later of its time and its arrival, or `event`, its time.
    #[schema(example = "latest")]
    age_from: &'static str,
}

/// How long a tenant's events stay: without a rule, for ever.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionBody {
    /// One for each event type at most.
    rules: Vec<RetentionRuleBody>,
}

/// The rules to follow from now on, in place of those that there are.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `parse` reads")]
pub(crate) struct NewRetentionBody {
    /// One for each event type at most.
    #[schema(max_items = 256)]
    rules: Vec<NewRetentionRuleBody>,
}

/// How long the events of one type are to stay.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "documents the body that `rule` reads")]
pub(crate) struct NewRetentionRuleBody {
    /// The event type; null or absent: all types without a rule of their own.
    #[schema(example = 7)]
    event_type_id: Option<i32>,
    /// Days of 24 hours after which events are deleted; null: they stay for ever.
    #[schema(required = true, example = 365, minimum = 1, maximum = 36525)]
    days: Option<u32>,
    /// From when the age of an event counts: `latest`, the later of its time and its arrival, or `event`, its time.
    #[schema(example = "latest", default = "latest")]
    age_from: Option<String>,
}

impl RetentionBody {
    fn new(rules: &RetentionRules) -> Self {
        let body = |rule: &RetentionRule| {
            let RetentionRule {
                event_type_id,
                days,
                age_from,
            } = *rule;
            RetentionRuleBody {
                event_type_id,
                days,
                age_from: match age_from {
                    AgeFrom::Latest => "latest",
                    AgeFrom::Event => "event",
                },
            }
        };
        Self {
            rules: rules.as_slice().iter().map(body).collect(),
        }
    }
}

/// Returns how long a tenant's events stay.
#[utoipa::path(
    get, path = "/api/tenants/{client_id}/retention", operation_id = "get_retention", tag = "tenants",
    security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    responses(
        (status = 200, description = "The rules", body = RetentionBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn get(caller: Caller, path: PathParameters) -> ApiResult<Json<RetentionBody>> {
    let access = path.tenant(&caller).await?;
    Ok(Json(RetentionBody::new(&access.retention().await?)))
}

/// Replaces the rules that say how long a tenant's events stay.
#[utoipa::path(
    put, path = "/api/tenants/{client_id}/retention", operation_id = "set_retention", tag = "tenants",
    security(("api_key" = [])),
    params(("client_id" = String, Path, description = "The tenant's client id")),
    request_body = NewRetentionBody,
    responses(
        (status = 200, description = "The rules are followed from now on", body = RetentionBody),
        RequestErrors, TenantErrors, UnavailableErrors,
    )
)]
pub(crate) async fn set(
    caller: Caller,
    path: PathParameters,
    body: SmallBody,
) -> ApiResult<Json<RetentionBody>> {
    let access = path.tenant(&caller).await?;
    let rules = parse(&body.0)?;
    access.set_retention(&rules).await?;
    Ok(Json(RetentionBody::new(&rules)))
}

fn parse(body: &[u8]) -> ApiResult<RetentionRules> {
    let object = Object::from_body(body)?;
    let mut problems = Problems::default();
    let elements = object.required(
        &mut problems,
        "rules",
        json_fields::elements::<MAX_RETENTION_RULES>,
    );
    let mut rules = Vec::new();
    for (index, json) in elements.unwrap_or_default().into_iter().enumerate() {
        let mut of_rule = Problems::default();
        let parsed = rule(json, index, &mut of_rule);
        match of_rule.check(parsed) {
            Ok(rule) => rules.push(rule),
            Err(found) => {
                for Problem { mut loc, msg, kind } in found {
                    loc.insert(1, "rules".into()); // between the body and the index
                    problems.add(loc, Invalid::new(kind, msg));
                }
            }
        }
    }
    let rules = RetentionRules::new(rules);
    if rules.is_none() {
        let invalid = Invalid::new("value_error", "Several rules are about one event type");
        problems.add(object.loc("rules"), invalid);
    }
    problems.finish(rules)
}

fn rule(json: &RawValue, index: usize, problems: &mut Problems) -> Option<RetentionRule> {
    let place = Place {
        index: Some(index),
        member: None,
    };
    let object = match Object::parse(json.get().as_bytes(), place) {
        Ok(object) => object,
        Err(invalid) => {
            problems.add(place.loc(), invalid);
            return None;
        }
    };
    let event_type_id = object.optional(problems, "event_type_id", json_fields::small_integer);
    let days = object.required(problems, "days", days);
    let age_from = object.optional(problems, "age_from", age_from);
    let ((event_type_id, days), age_from) = event_type_id.zip(days).zip(age_from)?;
    Some(RetentionRule {
        event_type_id,
        days,
        age_from: age_from.unwrap_or_default(),
    })
}

/// `null` is a value: for ever.
fn days(json: &RawValue) -> Result<Option<u32>, Invalid> {
    if json.get() == "null" {
        return Ok(None);
    }
    let days: u32 = json_fields::unsigned(json)?;
    if days == 0 {
        let message = "Input should be greater than or equal to 1";
        return Err(Invalid::new("greater_than_equal", message));
    }
    if days > MAX_RETENTION_DAYS {
        return Err(Invalid::at_most(MAX_RETENTION_DAYS));
    }
    Ok(Some(days))
}

fn age_from(json: &RawValue) -> Result<AgeFrom, Invalid> {
    match json_fields::string(json)?.as_str() {
        "latest" => Ok(AgeFrom::Latest),
        "event" => Ok(AgeFrom::Event),
        _ => Err(Invalid::new("enum", "Input should be 'latest' or 'event'")),
    }
}
