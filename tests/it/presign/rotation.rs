//! Keys change while the service runs.

use super::*;

/// The day's key is kept; a secret that was rotated under the same access key id is another one.
#[test]
fn a_rotated_secret_signs_at_once() {
    let endpoint: Url = "https://s3.example/".parse().unwrap();
    let region = "eu-west-2".to_owned();
    let signer = Signer::new(endpoint, BUCKET.to_owned(), String::new(), region).unwrap();
    let key = ObjectKey {
        database_name: DatabaseName::parse("alx_demo").unwrap(),
        file_id: FileId::random(&SystemEntropy),
    };
    let now: Timestamp = "2022-11-10T10:26:12Z".parse().unwrap();
    let life = Duration::from_mins(15);
    for secret in ["before", "after", "before", "befor"] {
        let credentials = Credentials::new("AKIAIOSFODNN7EXAMPLE", secret);
        let signing = Signing {
            credentials: &credentials,
            now,
            life,
        };
        let ours = signer.put(&key, &UploadConstraints::default(), signing);
        let text = key.to_string();
        let theirs = signer.bucket().put_object(Some(&credentials), &text);
        let theirs = theirs.sign_with_time(life, &now);
        assert_eq!(parts(&ours.url), parts(theirs.as_str()), "{secret}");
    }
}
