//! The values of a statement's parameters.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use uuid::Uuid;

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Value<'a> {
    Int64(i64),
    Int64s(&'a [i64]),
    Int32s(&'a [i32]),
    Uuids(Vec<Uuid>),
    Strings(&'a [String]),
    Texts(Vec<String>),
    Bits(Vec<u64>),
}

/// Returns texts as a parameter that has nothing to escape, to be read by `base64URLDecode`.
pub(super) fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Value<'static> {
    Value::Texts(texts.map(|it| URL_SAFE_NO_PAD.encode(it)).collect())
}
