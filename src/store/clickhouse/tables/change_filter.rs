//! The SQL of [`WantedChanges`], which says the same as [`WantedChanges::are_in`].
//!
//! ClickHouse's JSON functions cannot: of members with one name they take the first, and they refuse large integers. So
//! event data, which is valid JSON without white space, is cut into tokens: strings, each with the value behind it where it
//! is a name and the value is no array or object, and brackets, which tell how deep a token is. Most rows are passed over
//! before that, by the characters that they would have to contain.
//!
//! An array of one value and a lambda give that value a name. An alias would be computed again wherever it stands.

use super::parameters::{Value, texts};
use crate::domain::{Scalar, WantedChanges, WantedValue};

/// A row that has such a change contains one of these texts.
const CANDIDATE: &str = "multiSearchAny(event_data, \
     arrayMap(it -> base64URLDecode(it), {change_needles:Array(String)}))";

const TOKENS: &str = r#"extractAll(event_data, '"(?:[^"\\\\]|\\\\.)*"(?::(?:"(?:[^"\\\\]|\\\\.)*"|[^][{},:"]+)?)?|[][{}]')"#;

/// How deep each token is: 1 in the array, 2 in its items.
const DEPTHS: &str =
    "arrayCumSum(arrayMap(it -> multiIf(it IN ('[', '{'), 1, it IN (']', '}'), -1, 0), tokens))";

/// The members of items, last first, as tuples of the item's number, the member's name, and its value, which is empty where
/// it is an array or an object.
const MEMBERS: &str = r#"arrayReverse(arrayFilter(it -> it.2 IN ('field', 'old', 'new', 'status'),
    arrayMap(it -> (it.1, JSONExtractString(it.2), substring(it.3, length(it.2) + 2)),
    arrayMap(it -> (it.3, extract(it.1, '^("(?:[^"\\\\]|\\\\.)*"):'), it.1),
    arrayFilter(it -> it.2 = 2, arrayZip(tokens, depths,
    arrayCumSum(arrayMap((it, depth) -> it = '{' AND depth = 2, tokens, depths))))))))"#;

/// Of members with one name the last one.
const LAST: &str =
    "arrayFilter((it, number) -> number = 1, members, arrayEnumerateUniq(members.1, members.2))";

const ANY_FIELD: &str = "startsWith(it.3, '\"')";
const ONE_OF_FIELDS: &str = "startsWith(it.3, '\"') AND has(\
     arrayMap(it -> base64URLDecode(it), {change_fields:Array(String)}), JSONExtractString(it.3))";

/// Numbers are compared as the bits of doubles, of which zero has two; two integers digit for digit.
const ONE_OF_VALUES: &str = "if(startsWith(it.3, '\"'), \
     has(arrayMap(it -> base64URLDecode(it), {change_texts:Array(String)}), JSONExtractString(it.3)), \
     has({change_scalars:Array(String)}, it.3) OR (match(it.3, '^-?[0-9]') AND has(\
     if(match(it.3, '[.eE]'), {change_numbers:Array(UInt64)}, {change_decimals:Array(UInt64)}), \
     reinterpretAsUInt64(toFloat64OrZero(it.3) + 0.))))";

/// Returns the condition that a row has such a change. Numbers have to be parsed by [`PRECISE`].
pub(super) fn condition(wanted: &WantedChanges) -> String {
    let WantedChanges { fields, values } = wanted;
    let field = if fields.is_empty() {
        ANY_FIELD
    } else {
        ONE_OF_FIELDS
    };
    let mut found = if values.is_empty() {
        format!("arrayExists(it -> it.2 = 'field' AND {field}, last)")
    } else {
        format!(
            "notEmpty(arrayIntersect(\
             arrayMap(it -> it.1, arrayFilter(it -> it.2 = 'field' AND {field}, last)), \
             arrayMap(it -> it.1, arrayFilter(it -> it.2 IN ('old', 'new') AND {ONE_OF_VALUES}, last))))"
        )
    };
    if fields.is_empty() || fields.iter().any(|it| it == "status") {
        found += " OR arrayExists(it -> it.2 = 'status'";
        if !values.is_empty() {
            found += " AND ";
            found += ONE_OF_VALUES;
        }
        found += ", last)";
    }
    let names = [
        ("last", LAST),
        ("members", MEMBERS),
        ("depths", DEPTHS),
        ("tokens", TOKENS),
    ];
    let found = names.iter().fold(found, |found, (name, value)| {
        format!("arrayExists({name} -> {found}, [{value}])")
    });
    format!("{CANDIDATE} AND {found}")
}

/// The setting by which ClickHouse parses a number to the nearest double.
pub(super) const PRECISE: [&str; 2] = ["precise_float_parsing", "1"];

/// Returns the parameters of [`condition`].
pub(super) fn parameters(wanted: &WantedChanges) -> Vec<(&'static str, Value<'_>)> {
    let WantedChanges { fields, values } = wanted;
    let needles: Vec<String> = if fields.is_empty() {
        vec!["\"field\"".to_owned(), "\"status\"".to_owned()]
    } else {
        let quoted = fields.iter().map(serde_json::to_string);
        quoted.flatten().collect() // strings never fail
    };
    // A string that is spelled in another way has a backslash.
    let needles = needles.iter().map(String::as_str).chain(["\\"]);
    let mut parameters = vec![("change_needles", texts(needles))];
    if !fields.is_empty() {
        let fields = fields.iter().map(String::as_str);
        parameters.push(("change_fields", texts(fields)));
    }
    if !values.is_empty() {
        let scalars = values.iter().filter(|it| it.scalar().is_some());
        let scalars = scalars.flat_map(|it| match it.as_str() {
            "0" | "-0" => vec!["0".to_owned(), "-0".to_owned()],
            text => vec![text.to_owned()],
        });
        let is_decimal = |it: &&WantedValue| it.scalar() == Some(Scalar::Decimal);
        let is_number = |it: &&WantedValue| it.scalar() == Some(Scalar::Integer) || is_decimal(it);
        let numbers = values.iter().filter(is_number).filter_map(bits);
        let decimals = values.iter().filter(is_decimal).filter_map(bits);
        parameters.extend([
            (
                "change_texts",
                texts(values.iter().map(WantedValue::as_str)),
            ),
            ("change_scalars", Value::Texts(scalars.collect())),
            ("change_numbers", Value::Bits(numbers.collect())),
            ("change_decimals", Value::Bits(decimals.collect())),
        ]);
    }
    parameters
}

/// Returns the bits of the double that is nearest to a number; of zero always the same.
fn bits(value: &WantedValue) -> Option<u64> {
    let number: f64 = value.as_str().parse().ok()?;
    Some((number + 0.0).to_bits())
}
