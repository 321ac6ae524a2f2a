//! No log, at any level, contains the secret or a URL that is still valid.

use std::io;
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

// On one thread, so that the log of this test is that of the server.
#[tokio::test(flavor = "current_thread")]
async fn no_log_contains_a_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("off,s3s=trace,event_history=trace"))
        .with_writer(log.clone())
        .finish();
    let _here = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::start(folder.path()).await;
    let key = key("alx_demo");
    endpoint.put(&key, "hello").await;
    let url = endpoint.get_url(&key).await;
    let forged = url.replace("alx_demo", "other");
    for _ in 0..2 {
        assert_eq!(send(Method::GET, &url, &[]).await.status(), 200);
        assert_eq!(send(Method::GET, &forged, &[]).await.status(), 403);
        assert_eq!(send(Method::PATCH, &url, &[]).await.status(), 405);
        // Whether a place logs is remembered from its first use, which may have been that of a test
        // on another thread, which has no log.
        tracing::callsite::rebuild_interest_cache();
    }

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        log.contains("MethodNotAllowed"),
        "nothing was logged: {log}"
    );
    for secret in [SECRET, "X-Amz-Signature", "signature"] {
        assert!(!log.contains(secret), "{log}");
    }
}
