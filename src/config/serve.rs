//! The settings of `serve`, and of the commands that work as it would.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::arguments::Arguments;
use super::generated_key::{self, KeyFile};
use super::party_limits;
use super::settings;
use super::sources::{Problems, Sources};
use super::tls_files::{self, TlsFiles};
use super::values::{self, LogFormat, MAX_FILE_AGE, MIN_KEY_LENGTH};
use crate::domain::file::limits::MAX_FILE_BYTES;
use crate::domain::{
    Catalogue, Entropy, EventSchemas, ObjectLock, TenantMember, UploadRules, UsageLimits,
};
use crate::objects::{self, KeyPair};
use crate::store;

/// All settings, parsed and checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// The address of metrics and the reference; `None`: they are at `listen`.
    pub admin_listen: Option<SocketAddr>,
    /// Empty only for commands that do not serve.
    pub api_keys: Vec<SecretString>,
    /// The file of the only API key, if no setting gives any.
    pub key_file: Option<KeyFile>,
    pub database: store::Location,
    pub files: objects::Location,
    /// The base of the service's own URLs; `None`: the address that the listener got.
    pub public_url: Option<Url>,
    pub upload_url_ttl: Duration,
    pub download_url_ttl: Duration,
    /// Limits on uploads.
    pub uploads: UploadRules,
    pub object_lock: Option<ObjectLock>,
    /// The age at which the service removes an orphan; `None`: it never does.
    pub sweep_orphans_after: Option<Duration>,
    /// `None`: events are deleted by `event-history retention run` alone.
    pub retention_interval: Option<Duration>,
    /// For so long a deleted tenant can be restored; `None`: it is deleted for good at once.
    pub deletion_delay: Option<Duration>,
    /// Every read of a history is recorded in the audit.
    pub audit_reads: bool,
    pub tenant_from: TenantMember,
    pub catalogue: Catalogue,
    /// What events of some tenants have to look like.
    pub event_schemas: EventSchemas,
    /// Each `*` or an origin as browsers send it; empty: no CORS.
    pub cors_origins: Vec<String>,
    pub request_timeout: Duration,
    pub shutdown_timeout: Duration,
    pub max_connections: usize,
    /// Concurrent uploads and downloads of embedded files per client; `None`: a quarter of `max_connections`.
    pub max_transfers_per_client: Option<usize>,
    /// Of each tenant.
    pub tenant_limits: UsageLimits,
    /// Of each stored key.
    pub key_limits: UsageLimits,
    pub keep_alive_timeout: Duration,
    /// Proxies that are trusted to name the sender of a request.
    pub trusted_proxies: Vec<IpNet>,
    /// `None`: connections are in the clear.
    pub tls: Option<TlsFiles>,
    /// Threads that answer requests; `None`: one less than the number of cores.
    pub worker_threads: Option<usize>,
    /// The key pair that the environment gives the embedded object store.
    pub embedded_key_pair: Option<KeyPair>,
    pub log_format: LogFormat,
    /// A filter of `tracing_subscriber::EnvFilter`, which has parsed it once.
    pub log_level: String,
}

/// The least time for which a presigned URL makes sense: SigV4 counts whole seconds.
const MIN_URL_TTL: Duration = Duration::from_secs(1);

/// Only tests want so little.
const MIN_DELETION_DELAY: Duration = Duration::from_secs(1);

/// Less than this would refuse requests that a busy disk answers.
const MIN_REQUEST_TIMEOUT: Duration = Duration::from_millis(100);
/// More than this is longer than any client waits.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_mins(10);
/// Longer than any supervisor waits.
const MAX_SHUTDOWN_TIMEOUT: Duration = Duration::from_hours(1);
/// Each connection takes a file descriptor and some 20 KB.
/// Events may stay a week longer than they have to at most.
const MAX_RETENTION_INTERVAL: Duration = Duration::from_hours(7 * 24);

const MAX_CONNECTIONS: usize = 100_000;

/// Less than this closes connections that clients are about to use again.
const MIN_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(1);
/// More than this is longer than any network remembers a silent connection.
const MAX_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_hours(1);

/// More than machines have cores.
const MAX_WORKER_THREADS: usize = 1024;

impl Config {
    /// Reads the command line that clap parsed, the process's environment, and the settings file if one is named.
    pub fn load(arguments: &Arguments) -> Result<Self, Problems> {
        let mut sources = Sources::read(arguments);
        let config = Self::parse(&mut sources, key_pair_of_environment(), false);
        sources.finish(config)
    }

    /// Does the same for a service, which needs an API key: without one it generates it where that is safe.
    pub fn load_for_service(
        arguments: &Arguments,
        entropy: &dyn Entropy,
    ) -> Result<Self, Problems> {
        let mut sources = Sources::read(arguments);
        let config = Self::parse(&mut sources, key_pair_of_environment(), true);
        let mut config = sources.finish(config)?;
        if config.api_keys.is_empty() {
            let key = generated_key::find_or_generate(config.listen, &config.database, entropy);
            let (file, key) = key.map_err(|why| Problems(vec![no_api_key(&why)]))?;
            config.api_keys = vec![key];
            config.key_file = Some(file);
        }
        Ok(config)
    }

    /// Returns the file of the key that `serve` uses or generates without one in the settings, or why it refuses to start.
    pub fn find_key_file(&self) -> Result<KeyFile, String> {
        let (file, _) = generated_key::find(self.listen, &self.database)?;
        Ok(file)
    }

    /// With `needs_key` it is a problem if there is no API key, and none can be generated. Writes nothing.
    fn parse(
        sources: &mut Sources,
        embedded_key_pair: Option<KeyPair>,
        needs_key: bool,
    ) -> Option<Self> {
        let url_ttl = |text: &str| values::duration(text, MIN_URL_TTL, objects::MAX_URL_LIFE);
        // Every setting is parsed before the first `?`, so that all problems are reported at once.
        let listen = sources.parse(&settings::LISTEN, values::listen_address);
        let admin_listen = sources.parse(&settings::ADMIN_LISTEN, values::listen_address);
        let api_keys = sources.parse(&settings::API_KEY, values::api_keys);
        let database = sources.parse(&settings::DATABASE, values::location);
        if needs_key
            && !sources.is_given(&settings::API_KEY)
            && let (Some(listen), Some(database)) = (listen, &database)
            && let Err(why) = generated_key::find(listen, database)
        {
            sources.problem(no_api_key(&why));
        }
        let files = sources.parse(&settings::FILES, values::location);
        let public_url = sources.parse(&settings::PUBLIC_URL, |text| {
            let url = values::public_url(text)?;
            check_public_path(&url, files.as_ref())?;
            Ok(url)
        });
        let upload_url_ttl = sources.parse(&settings::UPLOAD_URL_TTL, url_ttl);
        let download_url_ttl = sources.parse(&settings::DOWNLOAD_URL_TTL, url_ttl);
        let uploads = Self::uploads(sources);
        let object_lock = sources.parse(&settings::OBJECT_LOCK, |text| {
            check_has_object_lock(files.as_ref())?;
            values::object_lock(text)
        });
        let sweep_orphans_after = sources.parse(&settings::SWEEP_ORPHANS_AFTER, |text| {
            values::duration(text, MIN_URL_TTL, MAX_FILE_AGE)
        });
        let retention_interval = Self::retention_interval(sources);
        let deletion_delay = Self::deletion_delay(sources);
        let tenant_from = sources.parse(&settings::TENANT_FROM, values::tenant_member);
        let audit_reads = sources.parse(&settings::AUDIT_READS, values::boolean);
        let cors_origins = sources.parse(&settings::CORS_ORIGINS, values::origins);
        let request_timeout = sources.parse(&settings::REQUEST_TIMEOUT, |text| {
            values::duration(text, MIN_REQUEST_TIMEOUT, MAX_REQUEST_TIMEOUT)
        });
        let shutdown_timeout = sources.parse(&settings::SHUTDOWN_TIMEOUT, |text| {
            values::duration(text, Duration::ZERO, MAX_SHUTDOWN_TIMEOUT)
        });
        let connections = |text: &str| values::count(text, 1, MAX_CONNECTIONS);
        let max_connections = sources.parse(&settings::MAX_CONNECTIONS, connections);
        let max_transfers_per_client =
            sources.parse(&settings::MAX_TRANSFERS_PER_CLIENT, connections);
        let keep_alive_timeout = sources.parse(&settings::KEEP_ALIVE_TIMEOUT, |text| {
            values::duration(text, MIN_KEEP_ALIVE_TIMEOUT, MAX_KEEP_ALIVE_TIMEOUT)
        });
        let trusted_proxies = sources.parse(&settings::TRUSTED_PROXIES, values::networks);
        let (tenant_limits, key_limits) = party_limits::parse(sources);
        let tls = tls_files::parse(sources);
        let worker_threads = sources.parse(&settings::WORKER_THREADS, |text| {
            values::count(text, 1, MAX_WORKER_THREADS)
        });
        let log_format = sources.parse(&settings::LOG_FORMAT, values::log_format);
        let log_level = sources.parse(&settings::LOG_LEVEL, values::log_filter);
        let catalogue = sources.catalogue();
        let event_schemas = Self::event_schemas(sources, &catalogue);
        Some(Self {
            listen: listen?,
            admin_listen,
            api_keys: api_keys.unwrap_or_default(),
            key_file: None,
            database: database?,
            files: files?,
            public_url,
            upload_url_ttl: upload_url_ttl?,
            download_url_ttl: download_url_ttl?,
            uploads: uploads?,
            object_lock,
            sweep_orphans_after,
            retention_interval: retention_interval?,
            deletion_delay,
            audit_reads: audit_reads?,
            tenant_from: tenant_from?,
            catalogue,
            event_schemas,
            cors_origins: cors_origins.unwrap_or_default(),
            request_timeout: request_timeout?,
            shutdown_timeout: shutdown_timeout?,
            max_connections: max_connections?,
            max_transfers_per_client,
            tenant_limits,
            key_limits,
            keep_alive_timeout: keep_alive_timeout?,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            tls,
            worker_threads,
            embedded_key_pair,
            log_format: log_format.unwrap_or_else(LogFormat::for_stderr),
            log_level: log_level?,
        })
    }

    fn uploads(sources: &mut Sources) -> Option<UploadRules> {
        let max_file_bytes = sources.parse(&settings::MAX_FILE_SIZE, |text| {
            values::size(text, 1, MAX_FILE_BYTES)
        });
        let content_types = sources.parse(&settings::ALLOWED_CONTENT_TYPES, values::content_types);
        let requires_length = sources.parse(&settings::REQUIRE_CONTENT_LENGTH, values::boolean);
        let requires_sha256 = sources.parse(&settings::REQUIRE_CHECKSUM, values::boolean);
        let once = sources.parse(&settings::UPLOAD_ONCE, values::boolean);
        Some(UploadRules {
            max_bytes: max_file_bytes?,
            content_types: content_types.unwrap_or_default(),
            requires_length: requires_length?,
            requires_sha256: requires_sha256?,
            once: once?,
        })
    }

    fn deletion_delay(sources: &mut Sources) -> Option<Duration> {
        sources.parse(&settings::DELETION_DELAY, |text| {
            values::duration(text, MIN_DELETION_DELAY, MAX_FILE_AGE)
        })
    }

    /// The inner `None`: never.
    #[expect(clippy::option_option, reason = "wrong and never are two things")]
    fn retention_interval(sources: &mut Sources) -> Option<Option<Duration>> {
        sources.parse(&settings::RETENTION_INTERVAL, |text| {
            if text == "never" {
                return Ok(None);
            }
            values::duration(text, MIN_URL_TTL, MAX_RETENTION_INTERVAL).map(Some)
        })
    }

    fn event_schemas(sources: &mut Sources, catalogue: &Catalogue) -> EventSchemas {
        let folder = sources.parse(&settings::EVENT_SCHEMAS, |text| Ok(PathBuf::from(text)));
        let schemas = folder.map(|folder| values::event_schemas(&folder, catalogue));
        match schemas {
            None => EventSchemas::default(),
            Some(Ok(schemas)) => schemas,
            Some(Err(problems)) => {
                for problem in problems {
                    sources.problem(problem);
                }
                EventSchemas::default()
            }
        }
    }

    /// Returns the defaults, with all data in `folder`, whatever the environment says.
    pub fn isolated(
        folder: &Path,
        listen: SocketAddr,
        api_key: &SecretString,
    ) -> Result<Self, Problems> {
        let given = [
            (&settings::LISTEN, listen.to_string()),
            (&settings::API_KEY, api_key.expose_secret().to_owned()),
            (&settings::DATABASE, format!("sqlite:{}", folder.display())),
            (
                &settings::FILES,
                format!("file:{}", folder.join("files").display()),
            ),
            (&settings::LOG_LEVEL, "warn".to_owned()),
        ];
        let mut sources = Sources::of(given);
        let config = Self::parse(&mut sources, None, false);
        sources.finish(config)
    }

    /// Returns a warning for each setting that works but is probably not meant.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let short = |key: &SecretString| key.expose_secret().len() < MIN_KEY_LENGTH;
        if self.api_keys.iter().any(short) {
            warnings.push(format!(
                "an API key has fewer than {MIN_KEY_LENGTH} characters"
            ));
        }
        if let Some(KeyFile {
            path,
            is_private: false,
            ..
        }) = &self.key_file
        {
            let path = path.display();
            warnings.push(format!(
                "other users can read the API key in '{path}': run `chmod 600 '{path}'`"
            ));
        }
        if self.public_url.is_none() && self.listen.ip().is_unspecified() {
            warnings.push(
                "URLs in answers name the loopback address: set --public-url to what callers use"
                    .to_owned(),
            );
        }
        warnings.extend(self.clear_text_warning());
        warnings
    }

    /// An `https` public URL says that a proxy in front ends TLS.
    fn clear_text_warning(&self) -> Option<String> {
        let behind_tls = self.public_url.as_ref().map(Url::scheme) == Some("https");
        let is_open = self.tls.is_none() && !behind_tls && !self.listen.ip().is_loopback();
        is_open.then(|| {
            let address = self.listen.ip();
            format!(
                "connections to {address} are not encrypted, so others on the network can read API keys and events: \
                 set --tls-certificate and --tls-key, or --public-url to the https:// URL of a proxy in front"
            )
        })
    }

    /// Returns the base of the service's URLs on this machine, where the listener got the address `bound`.
    pub fn local_url(&self, bound: SocketAddr) -> Url {
        local_url(self.scheme(), bound)
    }

    /// Returns the scheme that the listener speaks.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// Returns the base of the service's own URLs, where the listener got the address `bound`.
    pub fn public_url(&self, bound: SocketAddr) -> Url {
        match &self.public_url {
            Some(url) => url.clone(),
            None => self.local_url(bound),
        }
    }
}

/// Returns the base of URLs on this machine, where a listener got the address `bound`.
pub fn local_url(scheme: &str, bound: SocketAddr) -> Url {
    // The unspecified address can be listened on, not called.
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let address = SocketAddr::new(ip, bound.port());
    Url::parse(&format!("{scheme}://{address}/")).expect("an IP address and port make a URL")
}

fn no_api_key(why: &str) -> String {
    format!(
        "no API key: set EVENT_HISTORY_API_KEY, api_key in the settings file, or --api-key ({why})"
    )
}

fn check_has_object_lock(files: Option<&objects::Location>) -> Result<(), String> {
    match files {
        Some(objects::Location::Embedded { .. }) => {
            Err("the embedded storage has no Object Lock".to_owned())
        }
        _ => Ok(()),
    }
}

/// Rejects a path in the public URL of embedded files: the signature of a presigned URL covers its path, and a proxy that
/// serves the service under a path strips it from requests.
fn check_public_path(url: &Url, files: Option<&objects::Location>) -> Result<(), String> {
    let embedded = matches!(files, Some(objects::Location::Embedded { .. }));
    if embedded && url.path() != "/" {
        return Err(format!(
            "'{url}' has a path: with embedded files the public URL is a host of its own"
        ));
    }
    Ok(())
}

/// Returns the pair of the two variables that every AWS tool knows, where both are set.
fn key_pair_of_environment() -> Option<KeyPair> {
    let variable = |name| {
        std::env::var_os(name)?
            .into_string()
            .ok()
            .filter(|text| !text.is_empty())
    };
    Some(KeyPair {
        access_key_id: variable("AWS_ACCESS_KEY_ID")?,
        secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?.into(),
    })
}
