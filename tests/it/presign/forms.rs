//! Forms are those that AWS's own library makes: botocore has the same fields and policy, and signs our
//! policy alike.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event_history::domain::{ContentType, FileId, FileName, FileSha256, ObjectKey};
use event_history::objects::s3::amazon_endpoint;
use event_history::objects::signer::{Signer, Signing};
use event_history::objects::{FormConstraints, FormContentType, PresignedForm};
use jiff::Timestamp;
use rusty_s3::Credentials;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::random::Random;
use super::{BASE64, BUCKET, SEED, random_name};
use crate::support;

const CASES: usize = 100;

/// What `python/presign_form.py` reads.
#[derive(Debug, Serialize)]
struct Case {
    region: String,
    bucket: String,
    key: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    instant: i64,
    life_seconds: u64,
    min_bytes: u64,
    max_bytes: u64,
    content_type_starts_with: Option<String>,
    /// What we chose to have in the form, beside what every form has.
    fields: Map<String, Value>,
    policy: String,
}

/// What it writes for each.
#[derive(Debug, Deserialize)]
struct Made {
    url: String,
    fields: Map<String, Value>,
    /// The signature of the policy that we made.
    signature_of_ours: String,
}

#[test]
fn a_hundred_forms_equal_those_of_botocore() {
    let mut random = Random(SEED);
    let (cases, ours): (Vec<_>, Vec<_>) = (0..CASES).map(|_| random_case(&mut random)).unzip();
    let theirs = botocore(&cases);
    assert_eq!(theirs.len(), CASES);
    for ((case, ours), theirs) in cases.iter().zip(ours).zip(theirs) {
        let PresignedForm {
            url,
            fields,
            expires_at,
        } = ours;
        assert_eq!(url, theirs.url);
        let end = case.instant + case.life_seconds.cast_signed();
        assert_eq!(expires_at, Timestamp::from_second(end).unwrap());

        let count = fields.len();
        let mut ours: Map<String, Value> = fields.into_iter().map(|(k, v)| (k, v.into())).collect();
        assert_eq!(ours.len(), count, "a field twice: {case:?}");
        let mut theirs_fields = theirs.fields;
        let signature = ours.remove("x-amz-signature").unwrap();
        assert_eq!(signature, theirs.signature_of_ours, "{case:?}");
        theirs_fields.remove("x-amz-signature").unwrap();
        let policy = policy(&ours.remove("policy").unwrap());
        let their_policy = self::policy(&theirs_fields.remove("policy").unwrap());
        assert_eq!(policy, their_policy, "{case:?}");
        assert_eq!(ours, theirs_fields, "{case:?}");
    }
}

/// Returns the end of a policy and its conditions, whose order is free.
fn policy(encoded: &Value) -> (Value, Vec<String>) {
    let decoded = STANDARD.decode(encoded.as_str().unwrap()).unwrap();
    let mut policy: Map<String, Value> = serde_json::from_slice(&decoded).unwrap();
    let expiration = policy.remove("expiration").unwrap();
    let conditions = policy.remove("conditions").unwrap();
    assert!(policy.is_empty());
    let conditions = conditions.as_array().unwrap().iter();
    let mut conditions: Vec<_> = conditions.map(ToString::to_string).collect();
    conditions.sort();
    (expiration, conditions)
}

fn random_case(random: &mut Random) -> (Case, PresignedForm) {
    const REGIONS: [&str; 3] = ["eu-west-2", "us-east-1", "cn-north-1"];
    const PREFIXES: [&str; 4] = ["", "history", "with space/\"quoted\"", "größe/файл"];
    const NAMES: [&str; 3] = ["a.pdf", "Übersicht \"1\" & <2>$.pdf", "\u{202e}\n"];

    let region = REGIONS[random.below(REGIONS.len())];
    let key = ObjectKey {
        database_name: random_name(random),
        file_id: FileId::from_uuid(random.uuid_v4()),
    };
    let access_key_id = random.text(20, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
    let secret_access_key = random.text(40, BASE64);
    let session_token = (random.below(2) == 0).then(|| random.text(356, BASE64) + "==");
    let instant = 946_684_800 + i64::try_from(random.below(3_000_000_000)).unwrap();
    let life_seconds = 1 + random.below(7 * 24 * 60 * 60) as u64;
    let min_bytes = random.below(1000) as u64;
    let content_type = match random.below(3) {
        0 => None,
        1 => Some(FormContentType::Exactly(
            ContentType::parse("text/x; a=\"b\\c\"").unwrap(),
        )),
        _ => Some(FormContentType::StartsWith("image/".to_owned())),
    };
    let name = NAMES[random.below(NAMES.len())];
    let constraints = FormConstraints {
        min_bytes,
        max_bytes: min_bytes + random.below(10_000_000_000) as u64,
        content_type,
        sha256: (random.below(2) == 0).then(|| {
            let halves = [random.uuid_v4().into_bytes(), random.uuid_v4().into_bytes()];
            FileSha256::new(halves.concat().try_into().unwrap())
        }),
        file_name: (random.below(2) == 0).then(|| FileName::parse(name).unwrap()),
    };

    let credentials = match &session_token {
        Some(token) => Credentials::new_with_token(&access_key_id, &secret_access_key, token),
        None => Credentials::new(&access_key_id, &secret_access_key),
    };
    let prefix = PREFIXES[random.below(PREFIXES.len())];
    let endpoint = amazon_endpoint(region).unwrap();
    let signer = Signer::new(endpoint, BUCKET.into(), prefix.into(), region.into()).unwrap();
    let nanosecond = i32::try_from(random.below(1_000_000_000)).unwrap();
    let now = Timestamp::new(instant, nanosecond).unwrap();
    let life = Duration::from_secs(life_seconds);
    let signing = Signing {
        credentials: &credentials,
        now,
        life,
    };
    let form = signer.post_form(&key, &constraints, signing);

    let chosen = |(name, _): &&(String, String)| {
        name == "Content-Type" || name == "success_action_status" || {
            name.starts_with("x-amz-meta-") || name.starts_with("x-amz-checksum-")
        }
    };
    let fields = form.fields.iter().filter(chosen).cloned();
    let policy = form.fields.iter().find(|(name, _)| name == "policy");
    let FormConstraints {
        min_bytes,
        max_bytes,
        content_type,
        sha256,
        file_name,
    } = constraints;
    // What the constraints ask for is among what we chose.
    let has = |name: &str| form.fields.iter().any(|(found, _)| found == name);
    assert_eq!(has("x-amz-checksum-sha256"), sha256.is_some());
    assert_eq!(has("x-amz-meta-file-name"), file_name.is_some());
    let is_exact = matches!(content_type, Some(FormContentType::Exactly(_)));
    assert_eq!(has("Content-Type"), is_exact);
    let case = Case {
        region: region.into(),
        bucket: BUCKET.into(),
        key: signer.full_key(&key),
        access_key_id,
        secret_access_key,
        session_token,
        instant,
        life_seconds,
        min_bytes,
        max_bytes,
        content_type_starts_with: match content_type {
            Some(FormContentType::StartsWith(beginning)) => Some(beginning),
            _ => None,
        },
        fields: fields.map(|(name, value)| (name, value.into())).collect(),
        policy: policy.unwrap().1.clone(),
    };
    (case, form)
}

/// Returns botocore's forms for the cases: one process for all of them.
fn botocore(cases: &[Case]) -> Vec<Made> {
    let home = tempfile::tempdir().unwrap();
    let mut python = support::clean_command(support::python(), home.path())
        .arg(support::script("presign_form.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(cases).unwrap())
        .unwrap();
    drop(stdin);
    let output = python.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "presign_form.py: {}",
        output.status
    );
    serde_json::from_slice(&output.stdout).unwrap()
}
