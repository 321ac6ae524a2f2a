//! Opens databases and object storages for jobs.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use url::Url;

use super::process::listen;
use crate::domain::{Entropy, SystemClock, SystemEntropy};
use crate::http::{self, ServerOptions};
use crate::objects::transfer::StorageClient;
use crate::objects::{self, KeyPair, Objects, StorageContext};
use crate::store::{self, Store};

/// Connections to the embedded endpoint, which only this process uses, for a few transfers at once.
pub(super) const ENDPOINT_CONNECTIONS: usize = 64;
/// Longer than it takes to find the next file to copy.
const ENDPOINT_KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Opens a database. With `must_exist` it is not created: an empty one for a mistyped name would look like success.
pub(super) async fn open_store(
    location: &store::Location,
    must_exist: bool,
) -> anyhow::Result<Arc<dyn Store>> {
    if must_exist && !store::exists(location) {
        bail!("there is no database at {location}");
    }
    let opened = store::open(location).await;
    opened.with_context(|| format!("cannot open the database {location}"))
}

/// Opens a database that the service may have open too.
pub(super) async fn open_shared_store(
    location: &store::Location,
) -> anyhow::Result<Arc<dyn Store>> {
    let opened = store::open_external(location).await;
    opened.with_context(|| format!("cannot open the database {location}"))
}

pub(super) async fn close_store(store: &dyn Store) -> anyhow::Result<()> {
    store.close().await.context("cannot close the database")
}

/// Opens an object storage. The embedded one is served by this process, for itself only: on the loopback address and
/// with a random key pair.
pub(super) async fn open_storage(
    location: &objects::Location,
    must_exist: bool,
) -> anyhow::Result<StorageClient> {
    if let objects::Location::Embedded { folder, .. } = location
        && must_exist
        && !folder.exists()
    {
        bail!("there are no files at {location}");
    }
    let (listener, bound) = listen((Ipv4Addr::LOCALHOST, 0).into())?;
    let context = StorageContext {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        public_url: Url::parse(&format!("http://{bound}")).context("not a valid address")?,
        embedded_key_pair: Some(random_key_pair()),
        embedded_origins: Vec::new(),
        transfer_limits: None,
        tenants: None,
    };
    let opened = objects::open(location, &context).await;
    let opened = opened.with_context(|| format!("cannot open the object storage {location}"))?;
    let is_local = opened.endpoint.is_some();
    if let Some(endpoint) = opened.endpoint {
        let options = ServerOptions {
            gauge: http::CONNECTIONS,
            max_connections: ENDPOINT_CONNECTIONS,
            keep_alive_timeout: ENDPOINT_KEEP_ALIVE,
            shutdown_timeout: Duration::ZERO,
            trusted_proxies: Vec::new(),
            tls: None,
        };
        // Ends with the process.
        let forever = std::future::pending();
        tokio::spawn(http::serve(listener, endpoint.router(), options, forever));
    }
    StorageClient::new(opened.objects, is_local).context("cannot create an HTTP client")
}

/// Fails if the files in the storage belong to another database. With `claim`, files that belong to none are claimed.
pub(super) async fn require_owner(
    objects: &dyn Objects,
    location: &objects::Location,
    store: &dyn Store,
    claim: bool,
) -> anyhow::Result<()> {
    let id = store.id().await;
    let id = id.context("cannot read the id of the database")?;
    let owned = objects::require_owner(objects, id, claim).await;
    owned.with_context(|| format!("cannot use the object storage {location}"))
}

fn random_key_pair() -> KeyPair {
    KeyPair {
        access_key_id: random_hex(),
        secret_access_key: random_hex().into(),
    }
}

/// Returns a random key of 24 bytes, in hexadecimal.
pub(super) fn random_hex() -> String {
    let mut bytes = [0; 24];
    SystemEntropy.fill(&mut bytes);
    hex::encode(bytes)
}
