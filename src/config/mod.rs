//! What an operator decides: flags, environment variables and a settings file become a [`Config`].
//!
//! A flag counts more than a variable, that more than the file, that more than the default. A name
//! that is none of a setting is an error in each of the three, and so is a value that makes no sense;
//! all of them are told at once, each with where it was given. Nothing else in the program reads the
//! environment, save the AWS credential chain.

mod client;
mod command_settings;
mod copy;
mod file;
mod files;
mod settings;
mod sources;
mod tenants;
mod value;

use std::fmt;
use std::io::{self, IsTerminal};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::file::limits::MAX_FILE_BYTES;
use crate::domain::{Catalogue, TenantMember};
use crate::objects::{self, KeyPair};
use crate::service::{ObjectLock, UploadRules};
use crate::store;
use settings::Setting;
use sources::{Given, Sources};

pub use client::{ClientArguments, ClientConfig, DownloadArguments, UploadArguments};
pub use copy::{CopyArguments, CopyConfig};
pub use files::{
    FilesConfig, FsckArguments, SweepArguments, SweepConfig, VerifyArguments, VerifyConfig,
};
pub use sources::Arguments;
pub use tenants::{AdoptArguments, RemoveArguments, TenantsConfig};

/// The settings, all of them checked.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: SocketAddr,
    /// May be empty: a command that serves refuses that, others need none.
    pub api_keys: Vec<SecretString>,
    pub database: store::Location,
    pub files: objects::Location,
    /// The base of our own URLs; `None`: the address that the listener got.
    pub public_url: Option<Url>,
    pub upload_url_ttl: Duration,
    pub download_url_ttl: Duration,
    /// What callers may upload.
    pub uploads: UploadRules,
    pub object_lock: Option<ObjectLock>,
    /// How old an orphan is when the service removes it; `None`: it never does.
    pub sweep_orphans_after: Option<Duration>,
    pub tenant_from: TenantMember,
    pub catalogue: Catalogue,
    /// Each `*` or an origin as browsers send it; empty: no CORS.
    pub cors_origins: Vec<String>,
    pub request_timeout: Duration,
    pub shutdown_timeout: Duration,
    pub max_connections: usize,
    /// Up- and downloads of embedded files by one client at once; `None`: a quarter of `max_connections`.
    pub max_transfers_per_client: Option<usize>,
    pub keep_alive_timeout: Duration,
    /// The proxies whose word on where a request came from counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The threads that answer requests; `None`: a core less than there are.
    pub worker_threads: Option<usize>,
    /// The key pair that the environment gives the embedded object store.
    pub embedded_key_pair: Option<KeyPair>,
    pub log_format: LogFormat,
    /// A filter of `tracing_subscriber::EnvFilter`, which has parsed it once.
    pub log_level: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// An object a line, for programs.
    Json,
    /// For people.
    Text,
}

/// The least time for which a presigned URL makes sense: SigV4 counts whole seconds.
const MIN_URL_TTL: Duration = Duration::from_secs(1);

/// The longest that orphans are kept or files locked for: ten years, as laws on records go.
const MAX_FILE_AGE: Duration = Duration::from_hours(3650 * 24);

/// Less than this would refuse requests that a busy disk answers.
const MIN_REQUEST_TIMEOUT: Duration = Duration::from_millis(100);
/// More than this is longer than any client waits.
const MAX_REQUEST_TIMEOUT: Duration = Duration::from_mins(10);
/// The longest that a supervisor could sensibly be told to wait.
const MAX_SHUTDOWN_TIMEOUT: Duration = Duration::from_hours(1);
/// Each connection takes a file descriptor and some 20 KB.
const MAX_CONNECTIONS: usize = 100_000;

/// Less than this closes connections that clients are about to use again.
const MIN_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(1);
/// More than this is longer than any network remembers a silent connection.
const MAX_KEEP_ALIVE_TIMEOUT: Duration = Duration::from_hours(1);

/// More than machines have cores.
const MAX_WORKER_THREADS: usize = 1024;

/// An API key with fewer characters can be guessed.
const MIN_KEY_LENGTH: usize = 16;

/// Everything that is wrong with the settings, each in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl Config {
    /// Reads the settings from the command line that clap parsed, the process's environment, and the
    /// settings file if one is named.
    pub fn load(arguments: &Arguments) -> Result<Self, Problems> {
        let mut problems = Vec::new();
        let sources = Sources::read(arguments, std::env::vars_os(), &mut problems);
        let key_pair = key_pair_of_environment();
        let config = Self::from_sources(&sources, key_pair, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }

    fn from_sources(
        sources: &Sources,
        embedded_key_pair: Option<KeyPair>,
        problems: &mut Vec<String>,
    ) -> Option<Self> {
        let mut parse = Parser { sources, problems };
        let url_ttl = |text: &str| value::duration(text, MIN_URL_TTL, objects::MAX_URL_LIFE);
        // Every setting is parsed before the first `?`, so that all problems are told at once.
        let listen = parse.optional(&settings::LISTEN, |text| {
            text.parse().map_err(|_| {
                format!("'{text}' is not an IP address and port, as in '127.0.0.1:8080'")
            })
        });
        let api_keys = parse.optional(&settings::API_KEY, value::api_keys);
        let database = parse.optional(&settings::DATABASE, value::location);
        let files = parse.optional(&settings::FILES, value::location);
        let public_url = parse.optional(&settings::PUBLIC_URL, |text| {
            let url = value::public_url(text)?;
            check_public_path(&url, files.as_ref())?;
            Ok(url)
        });
        let upload_url_ttl = parse.optional(&settings::UPLOAD_URL_TTL, url_ttl);
        let download_url_ttl = parse.optional(&settings::DOWNLOAD_URL_TTL, url_ttl);
        let max_file_bytes = parse.optional(&settings::MAX_FILE_SIZE, |text| {
            value::size(text, 1, MAX_FILE_BYTES)
        });
        let content_types = parse.optional(&settings::ALLOWED_CONTENT_TYPES, value::content_types);
        let requires_length = parse.optional(&settings::REQUIRE_CONTENT_LENGTH, value::boolean);
        let requires_sha256 = parse.optional(&settings::REQUIRE_CHECKSUM, value::boolean);
        let once = parse.optional(&settings::UPLOAD_ONCE, value::boolean);
        let object_lock = parse.optional(&settings::OBJECT_LOCK, |text| {
            if matches!(files, Some(objects::Location::Embedded { .. })) {
                return Err("the embedded storage has no Object Lock".to_owned());
            }
            value::object_lock(text)
        });
        let sweep_orphans_after = parse.optional(&settings::SWEEP_ORPHANS_AFTER, |text| {
            value::duration(text, MIN_URL_TTL, MAX_FILE_AGE)
        });
        let tenant_from = parse.optional(&settings::TENANT_FROM, value::tenant_member);
        let cors_origins = parse.optional(&settings::CORS_ORIGINS, value::origins);
        let request_timeout = parse.optional(&settings::REQUEST_TIMEOUT, |text| {
            value::duration(text, MIN_REQUEST_TIMEOUT, MAX_REQUEST_TIMEOUT)
        });
        let shutdown_timeout = parse.optional(&settings::SHUTDOWN_TIMEOUT, |text| {
            value::duration(text, Duration::ZERO, MAX_SHUTDOWN_TIMEOUT)
        });
        let max_connections = parse.optional(&settings::MAX_CONNECTIONS, |text| {
            value::count(text, 1, MAX_CONNECTIONS)
        });
        let max_transfers_per_client = parse
            .optional(&settings::MAX_TRANSFERS_PER_CLIENT, |text| {
                value::count(text, 1, MAX_CONNECTIONS)
            });
        let keep_alive_timeout = parse.optional(&settings::KEEP_ALIVE_TIMEOUT, |text| {
            value::duration(text, MIN_KEEP_ALIVE_TIMEOUT, MAX_KEEP_ALIVE_TIMEOUT)
        });
        let trusted_proxies = parse.optional(&settings::TRUSTED_PROXIES, value::networks);
        let worker_threads = parse.optional(&settings::WORKER_THREADS, |text| {
            value::count(text, 1, MAX_WORKER_THREADS)
        });
        let log_format = parse.optional(&settings::LOG_FORMAT, value::log_format);
        let log_level = parse.optional(&settings::LOG_LEVEL, value::log_filter);
        let mut catalogue = Catalogue::default();
        catalogue.event_types.extend(sources.event_types().clone());
        catalogue
            .source_types
            .extend(sources.source_types().clone());
        Some(Self {
            listen: listen?,
            api_keys: api_keys.unwrap_or_default(),
            database: database?,
            files: files?,
            public_url,
            upload_url_ttl: upload_url_ttl?,
            download_url_ttl: download_url_ttl?,
            uploads: UploadRules {
                max_bytes: max_file_bytes?,
                content_types: content_types.unwrap_or_default(),
                requires_length: requires_length?,
                requires_sha256: requires_sha256?,
                once: once?,
            },
            object_lock,
            sweep_orphans_after,
            tenant_from: tenant_from?,
            catalogue,
            cors_origins: cors_origins.unwrap_or_default(),
            request_timeout: request_timeout?,
            shutdown_timeout: shutdown_timeout?,
            max_connections: max_connections?,
            max_transfers_per_client,
            keep_alive_timeout: keep_alive_timeout?,
            trusted_proxies: trusted_proxies.unwrap_or_default(),
            worker_threads,
            embedded_key_pair,
            log_format: log_format.unwrap_or_else(LogFormat::for_stderr),
            log_level: log_level?,
        })
    }

    /// Returns the defaults on a folder of the caller's, whatever the environment says.
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
        let mut problems = Vec::new();
        let config = Self::from_sources(&Sources::of(given), None, &mut problems);
        config.ok_or(Problems(problems))
    }

    /// Returns what works, but not as well as it might.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let short = |key: &SecretString| key.expose_secret().len() < MIN_KEY_LENGTH;
        if self.api_keys.iter().any(short) {
            warnings.push(format!(
                "an API key has fewer than {MIN_KEY_LENGTH} characters"
            ));
        }
        if self.public_url.is_none() && self.listen.ip().is_unspecified() {
            warnings.push(
                "URLs in answers name the loopback address: set --public-url to what callers use"
                    .to_owned(),
            );
        }
        warnings
    }

    /// Returns the base of our own URLs, where the listener got the address `bound`.
    pub fn public_url(&self, bound: SocketAddr) -> Url {
        if let Some(url) = &self.public_url {
            return url.clone();
        }
        // The unspecified address can be listened on, not called.
        let ip = match bound.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let address = SocketAddr::new(ip, bound.port());
        Url::parse(&format!("http://{address}/")).expect("an IP address and port make a URL")
    }
}

impl LogFormat {
    fn for_stderr() -> Self {
        if io::stderr().is_terminal() {
            Self::Text
        } else {
            Self::Json
        }
    }
}

/// A presigned URL's signature covers its path, and whoever serves a path of a public URL strips it
/// before the request gets here.
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

/// Parses settings, and collects what is wrong with them.
struct Parser<'a> {
    sources: &'a Sources,
    problems: &'a mut Vec<String>,
}

impl Parser<'_> {
    /// Returns the value of a setting; `None` where there is none, or a problem with it.
    fn optional<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let Given { text, origin } = self.sources.get(setting)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(format!("{origin}: {problem}"));
                None
            }
        }
    }
}
