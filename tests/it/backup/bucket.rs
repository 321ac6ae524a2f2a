//! Backups in a bucket of a real S3 server.

use super::{command, digests, in_bucket, run, send, send_file, serve};
use crate::support::{SeaweedFs, Server};

#[tokio::test]
async fn a_bucket_of_seaweedfs_holds_backups() {
    let seaweedfs = SeaweedFs::start().await;
    let server = Server::start();
    let tenant = server.create_tenant("demo").await;
    send(&server, &tenant, 300).await;
    // Larger than a chunk.
    let file = send_file(&server, &tenant, 9_000_000).await;
    let (target, credentials) = in_bucket(seaweedfs.storage(), "a/b");
    let in_s3 = |words: &[&str]| {
        let mut command = command(&server, words);
        command.envs(&credentials);
        run(command)
    };
    let first = in_s3(&["backup", &target]).await.ok();
    send(&server, &tenant, 1).await;
    let second = in_s3(&["backup", &target]).await.ok();
    println!("{first}{second}");
    let said = in_s3(&["verify-backup", &target]).await.ok();
    assert_eq!(said.matches("complete: backup").count(), 2, "{said}");
    let restored = server.folder().join("restored");
    let words = ["restore", &target, "--data-dir", restored.to_str().unwrap()];
    in_s3(&words).await.ok();
    let copy = serve(&restored);
    assert_eq!(
        digests(&copy, &tenant).await,
        digests(&server, &tenant).await
    );
    let [one, other] = [&server, &copy].map(|it| super::file_digest(it, &tenant, &file));
    assert_eq!(one.await, other.await);

    let (elsewhere, _) = in_bucket(seaweedfs.storage(), "c");
    let missing = in_s3(&["verify-backup", &elsewhere]).await;
    missing.refuses(&["there is no backup"]);
}
