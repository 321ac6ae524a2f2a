//! The composition root: builds the backends from the configuration, the service on top of them, and its HTTP server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use url::Url;

use crate::config::{Config, TlsFiles};
use crate::domain::{Clock, DatabaseName, Entropy, SystemClock, SystemEntropy};
use crate::http::{
    self, ApiOptions, AppState, PartyLimits, Routers, ServerOptions, SignInCode, Tls, TlsError,
    Waiters,
};
use crate::jobs::retention::{self, RetentionRunner};
use crate::jobs::sweep::{self, OrphanSweeper};
use crate::objects::embedded::TenantLookup;
use crate::objects::{self, StorageContext, TransferLimits};
use crate::service::{
    self, ApiKeys, BatchLookups, Credentials, Limits, Service, Settings, TenantChanges,
};
use crate::store::{self, LastBackup, Store};
use crate::telemetry;

/// The interval at which the recorder merges the samples of its histograms, and suppressed log lines are reported.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The interval at which uses of keys are recorded that are due.
const KEY_USES_INTERVAL: Duration = Duration::from_secs(1);

/// The connections of which one may wait for new events.
const WAITING_DIVISOR: usize = 2;

/// The connections to the administrative address.
const ADMIN_CONNECTIONS: usize = 64;

/// A look for deleted tenants whose delay has passed costs a statement.
const MAX_ERASURE_PAUSE: Duration = Duration::from_secs(30);

/// The time that a scrape under way has at the end of a shutdown.
const ADMIN_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The whole service, ready to be served.
#[derive(Debug)]
pub struct App {
    store: Arc<dyn Store>,
    service: Arc<Service>,
    routers: Routers,
    server_options: ServerOptions,
    waiters: Arc<Waiters>,
    orphan_sweeper: Option<OrphanSweeper>,
    /// Where backups note that they were made, on SQLite.
    data: Option<PathBuf>,
    retention_runner: Option<RetentionRunner>,
    sign_in_code: Arc<SignInCode>,
}

impl App {
    /// Opens both backends and builds the service. `public_url` is the base of URLs in responses.
    pub async fn open(config: &Config, public_url: &Url) -> anyhow::Result<Self> {
        let tls = config.tls.as_ref().map(load_tls).transpose()?;
        let metrics = telemetry::metrics();
        telemetry::describe_metrics();
        http::describe_metrics();
        service::describe_metrics();
        sweep::describe_metrics();
        retention::describe_metrics();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);

        let store = store::open(&config.database)
            .await
            .with_context(|| format!("cannot open the database {}", config.database))?;
        let mut context =
            storage_context(config, Arc::clone(&clock), Arc::clone(&entropy), public_url);
        context.tenants = Some(Arc::new(StoreTenants(Arc::clone(&store))));
        let storage = objects::open(&config.files, &context)
            .await
            .with_context(|| format!("cannot open the object storage {}", config.files))?;

        if storage.endpoint.is_some() {
            // Only this process writes to the folder. For other storages the owner is verified by a sweep.
            let id = store
                .id()
                .await
                .context("cannot learn the id of the database")?;
            objects::require_owner(&*storage.objects, id, true)
                .await
                .with_context(|| format!("cannot use the object storage {}", config.files))?;
        }

        let orphan_sweeper = config.sweep_orphans_after.map(|after| OrphanSweeper {
            store: Arc::clone(&store),
            objects: Arc::clone(&storage.objects),
            entropy: Arc::clone(&entropy),
            after,
        });
        let retention_runner = config.retention_interval.map(|interval| RetentionRunner {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            interval,
        });
        let service = Service {
            store: Arc::clone(&store),
            objects: storage.objects,
            clock,
            entropy,
            credentials: Credentials::default(),
            changes: TenantChanges::default(),
            batch_lookups: BatchLookups::default(),
            limits: Arc::new(Limits::new(config.tenant_limits, config.key_limits)),
            settings: settings(config),
        };
        let waiters = Waiters::new(
            config.max_connections / WAITING_DIVISOR,
            PartyLimits {
                tenant: config.tenant_limits.streams,
                key: config.key_limits.streams,
            },
            "event_history_feed_waiters",
        );
        let service = Arc::new(service);
        let state = AppState::new(
            Arc::clone(&service),
            public_url.as_str(),
            metrics.clone(),
            Arc::clone(&waiters),
        );
        let sign_in_code = state.sign_in_code();
        let options = api_options(config, storage.origin);
        let endpoint = storage.endpoint.map(objects::embedded::Endpoint::router);
        let server_options = ServerOptions {
            gauge: http::CONNECTIONS,
            max_connections: config.max_connections,
            keep_alive_timeout: config.keep_alive_timeout,
            shutdown_timeout: config.shutdown_timeout,
            trusted_proxies: config.trusted_proxies.clone(),
            tls: tls.map(Arc::new),
        };
        Ok(Self {
            store,
            service,
            routers: http::routers(state, &options, endpoint),
            server_options,
            waiters,
            orphan_sweeper,
            data: match &config.database {
                store::Location::Sqlite { folder } => Some(folder.clone()),
                store::Location::ClickHouse(_) => None,
            },
            retention_runner,
            sign_in_code,
        })
    }

    /// Returns where a code to open the viewer with can be set, also while the service runs.
    pub fn sign_in_code(&self) -> Arc<SignInCode> {
        Arc::clone(&self.sign_in_code)
    }

    /// Serves until `shutdown` is ready, then drains the connections and closes the database. `admin` listens on the
    /// administrative address, if there is one; there, the shutdown can be watched to its end.
    pub async fn serve(
        self,
        listener: TcpListener,
        admin: Option<TcpListener>,
        shutdown: impl Future<Output = ()>,
    ) -> anyhow::Result<()> {
        let data = self.data;
        let upkeep = tokio::spawn(async move {
            loop {
                if let Some(data) = data.clone() {
                    let reported = tokio::task::spawn_blocking(move || LastBackup::report(&data));
                    let _ = reported.await; // the next one comes soon
                }
                tokio::time::sleep(UPKEEP_INTERVAL).await;
                telemetry::metrics().run_upkeep();
                telemetry::report_suppressed();
            }
        });
        let service = Arc::clone(&self.service);
        let erasure = tokio::spawn(async move {
            let pause = erasure_pause(service.settings.deletion_delay);
            loop {
                tokio::time::sleep(service.entropy.jittered(pause)).await;
                service.erase_deleted_tenants().await;
            }
        });
        let service = self.service;
        let key_uses = tokio::spawn(async move {
            loop {
                tokio::time::sleep(KEY_USES_INTERVAL).await;
                service.record_key_uses().await;
            }
        });
        let orphan_sweeper = self.orphan_sweeper.map(|it| tokio::spawn(it.run()));
        let retention_runner = self.retention_runner.map(|it| tokio::spawn(it.run()));
        let shutdown = async {
            shutdown.await;
            self.waiters.shut_down();
        };
        let (stop_admin, admin_stopped) = oneshot::channel::<()>();
        let admin = admin.zip(self.routers.admin).map(|(listener, router)| {
            let options = admin_server_options(self.server_options.keep_alive_timeout);
            tokio::spawn(http::serve(listener, router, options, async {
                let _ = admin_stopped.await; // an error means the same: the sender was dropped
            }))
        });
        http::serve(listener, self.routers.api, self.server_options, shutdown).await;
        drop(stop_admin);
        if let Some(admin) = admin {
            let _ = admin.await; // a panic was reported already
        }
        upkeep.abort();
        key_uses.abort();
        let jobs = [Some(erasure), orphan_sweeper, retention_runner];
        for job in jobs.into_iter().flatten() {
            job.abort();
            let _ = job.await; // it was aborted
        }
        self.store
            .close()
            .await
            .context("cannot close the database")
    }
}

/// Returns the pause between looks for deleted tenants whose delay has passed. Without a delay there may be some of before.
fn erasure_pause(delay: Option<Duration>) -> Duration {
    let pause = delay.map_or(MAX_ERASURE_PAUSE, |delay| delay / 2);
    pause.min(MAX_ERASURE_PAUSE)
}

/// Returns the settings of the service.
fn settings(config: &Config) -> Settings {
    Settings {
        api_keys: ApiKeys::new(&config.api_keys),
        tenant_from: config.tenant_from,
        upload_url_life: config.upload_url_ttl,
        download_url_life: config.download_url_ttl,
        catalogue: Arc::new(config.catalogue.clone()),
        event_schemas: config.event_schemas.clone(),
        uploads: config.uploads.clone(),
        audit_reads: config.audit_reads,
        deletion_delay: config.deletion_delay,
        object_lock: config.object_lock,
    }
}

fn api_options(config: &Config, storage_origin: String) -> ApiOptions {
    ApiOptions {
        separate_admin: config.admin_listen.is_some(),
        cors_origins: config.cors_origins.clone(),
        request_timeout: config.request_timeout,
        storage_origin,
    }
}

/// Returns the limits of the administrative address: for a few probes, scrapers and people.
fn admin_server_options(keep_alive_timeout: Duration) -> ServerOptions {
    ServerOptions {
        gauge: http::ADMIN_CONNECTIONS,
        max_connections: ADMIN_CONNECTIONS,
        keep_alive_timeout,
        shutdown_timeout: ADMIN_SHUTDOWN_TIMEOUT,
        trusted_proxies: Vec::new(),
        tls: None,
    }
}

/// Loads the certificate of the service.
pub fn load_tls(files: &TlsFiles) -> Result<Tls, TlsError> {
    let TlsFiles {
        certificate,
        key,
        client_ca,
    } = files;
    Tls::load(certificate, key, client_ca.as_deref())
}

/// Returns the context for opening object storage.
pub fn storage_context(
    config: &Config,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    public_url: &Url,
) -> StorageContext {
    // A presigned URL is its own permission, so by default any page may use it.
    let embedded_origins = match config.cors_origins.as_slice() {
        [] => vec!["*".to_owned()],
        origins => origins.to_vec(),
    };
    StorageContext {
        clock,
        entropy,
        public_url: public_url.clone(),
        embedded_key_pair: config.embedded_key_pair.clone(),
        embedded_origins,
        transfer_limits: Some(transfer_limits(config)),
        tenants: None,
    }
}

/// Leaves a quarter of the connections to the API and to probes.
fn transfer_limits(config: &Config) -> TransferLimits {
    let quarter = config.max_connections.div_ceil(4);
    TransferLimits {
        total: (config.max_connections - quarter).max(1),
        per_client: config.max_transfers_per_client.unwrap_or(quarter),
    }
}

/// Looks up for the embedded storage when tenants were created.
#[derive(Debug)]
struct StoreTenants(Arc<dyn Store>);

#[async_trait]
impl TenantLookup for StoreTenants {
    async fn created_at(
        &self,
        name: &DatabaseName,
    ) -> Result<Option<Timestamp>, Box<dyn std::error::Error + Send + Sync>> {
        let tenant = self.0.tenant_by_name(name).await?;
        Ok(tenant.map(|tenant| tenant.created_at))
    }
}
