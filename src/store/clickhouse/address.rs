//! The address of a ClickHouse in the settings.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use crate::domain::Placement;

/// ClickHouse's own ports for HTTP and HTTPS.
/// Source: ClickHouse documentation, "Network ports".
const HTTP_PORT: u16 = 8123;
const HTTPS_PORT: u16 = 8443;

/// More hosts than one client needs.
const MAX_HOSTS: usize = 32;

/// The time for which another replica may still see a deleted tenant.
const TENANT_CACHE: Duration = Duration::from_secs(5);
const MAX_TENANT_CACHE: Duration = Duration::from_hours(1);

/// The longest time after which the events of a deleted tenant are removed from the disk.
const ERASE_AFTER: Duration = Duration::from_hours(24);
const MAX_ERASE_AFTER: Duration = Duration::from_hours(30 * 24);

const FORM: &str = "clickhouse://user:password@host:8123[,host…]\
     [?cluster=…&placement=…&tenant_cache=…&erase_after=…]";

const OPTIONS: &str = "cluster, placement, tenant_cache and erase_after";

/// The hosts of one ClickHouse, the user, and options.
#[derive(Debug, Clone)]
pub struct Address {
    /// The base URL of each host, `http://host:8123`; the first one that answers is used.
    pub(super) hosts: Vec<String>,
    pub(super) user: String,
    pub(super) password: SecretString,
    /// The cluster on which everything is created, if any.
    pub(super) cluster: Option<Cluster>,
    /// The placement of tenants that are created without one.
    pub(super) placement: Placement,
    /// The lifetime of cached tenant entries.
    pub(super) tenant_cache: Duration,
    /// The age of a deletion at which a merge of the whole table removes its rows from the disk.
    pub(super) erase_after: Duration,
}

/// The name of a cluster in ClickHouse's configuration: letters, digits, `_`, `-` and `.`. It is the only name that
/// statements hold in their text: `ON CLUSTER` takes no parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Cluster(String);

impl Cluster {
    fn parse(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(format!("'{text}' is not the name of a cluster"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compares without passwords: two addresses that differ only by password name one database.
impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Address {}

impl Address {
    /// Parses the text after `clickhouse://`, or with `tls` after `clickhouses://`.
    pub(crate) fn parse(rest: &str, tls: bool) -> Result<Self, String> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !path.is_empty() {
            return Err(format!(
                "'/{path}' is not supported: every tenant has its own database; the form is {FORM}"
            ));
        }
        let (user_info, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let hosts: Vec<String> = hosts
            .split(',')
            .map(|host| base_url(host, tls))
            .collect::<Result<_, _>>()?;
        if hosts.len() > MAX_HOSTS {
            return Err(format!("more than {MAX_HOSTS} hosts"));
        }
        let user = decoded(user)?;
        let mut address = Self {
            hosts,
            user: if user.is_empty() {
                "default".to_owned()
            } else {
                user
            },
            password: decoded(password)?.into(),
            cluster: None,
            placement: Placement::default(),
            tenant_cache: TENANT_CACHE,
            erase_after: ERASE_AFTER,
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            address.set(&name, &value)?;
        }
        Ok(address)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "cluster" => self.cluster = Some(Cluster::parse(value)?),
            "placement" => {
                self.placement = Placement::parse(value).ok_or_else(|| {
                    format!("'{value}' is no placement: known are pooled and dedicated")
                })?;
            }
            "tenant_cache" => self.tenant_cache = seconds(value, MAX_TENANT_CACHE)?,
            "erase_after" => self.erase_after = seconds(value, MAX_ERASE_AFTER)?,
            _ => return Err(format!("unknown option '{name}': known are {OPTIONS}")),
        }
        Ok(())
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once("://") {
            Some(("clickhouse", rest)) => Self::parse(rest, false),
            Some(("clickhouses", rest)) => Self::parse(rest, true),
            _ => Err(format!("'{text}' is not of the form {FORM}")),
        }
    }
}

/// Omits the password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            hosts,
            user,
            password: _,
            cluster,
            placement: _,
            tenant_cache: _,
            erase_after: _,
        } = self;
        let tls = hosts.iter().any(|host| host.starts_with("https:"));
        let scheme = if tls { "clickhouses" } else { "clickhouse" };
        let hosts: Vec<&str> = hosts
            .iter()
            .filter_map(|host| Some(host.split_once("://")?.1))
            .collect();
        write!(f, "{scheme}://{user}@{}", hosts.join(","))?;
        if let Some(cluster) = cluster {
            write!(f, "?cluster={}", cluster.as_str())?;
        }
        Ok(())
    }
}

/// Returns the base URL of a host with or without a port.
fn base_url(host: &str, tls: bool) -> Result<String, String> {
    let (scheme, port) = if tls {
        ("https", HTTPS_PORT)
    } else {
        ("http", HTTP_PORT)
    };
    let malformed = || format!("'{host}' is not a host and port; the form is {FORM}");
    let url = Url::parse(&format!("{scheme}://{host}")).map_err(|_| malformed())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let name = url.host_str().filter(|_| bare && !host.is_empty());
    let name = name.ok_or_else(malformed)?;
    // `Url` drops the scheme's default port, 80 or 443, which is not ClickHouse's.
    let written = host
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok());
    Ok(format!("{scheme}://{name}:{}", written.unwrap_or(port)))
}

fn decoded(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| {
        "the user name or password is not percent-encoded UTF-8".to_owned() // not quoted: a secret
    })
}

/// Parses whole seconds, `5s`.
fn seconds(text: &str, max: Duration) -> Result<Duration, String> {
    let number = text.strip_suffix('s').and_then(|it| it.parse::<u64>().ok());
    let max = max.as_secs();
    match number {
        Some(seconds) if (1..=max).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(format!("'{text}' is not between 1s and {max}s")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret;

    use super::Address;
    use crate::domain::Placement;

    #[test]
    fn parses_hosts_user_and_options() {
        let text = "clickhouse://me:p%40ss:w@one,two:9000,[::1]:80/?cluster=main&tenant_cache=30s\
                    &placement=dedicated&erase_after=60s";
        let address: Address = text.parse().unwrap();
        let hosts = ["http://one:8123", "http://two:9000", "http://[::1]:80"];
        assert_eq!(address.hosts, hosts);
        assert_eq!(address.user, "me");
        assert_eq!(address.password.expose_secret(), "p@ss:w");
        assert_eq!(address.cluster.as_ref().unwrap().as_str(), "main");
        assert_eq!(address.tenant_cache, Duration::from_secs(30));
        assert_eq!(address.placement, Placement::Dedicated);
        assert_eq!(address.erase_after, Duration::from_mins(1));
        let shown = "clickhouse://me@one:8123,two:9000,[::1]:80?cluster=main";
        assert_eq!(address.to_string(), shown);

        let plain: Address = "clickhouses://db".parse().unwrap();
        assert_eq!(plain.hosts, ["https://db:8443"]);
        assert_eq!(plain.user, "default");
        assert_eq!(plain.tenant_cache, Duration::from_secs(5));
        assert_eq!(plain.placement, Placement::Pooled);
    }

    #[test]
    fn rejects_invalid_addresses() {
        for text in [
            "clickhouse:x",
            "clickhouse://",
            "clickhouse://a,,b",
            "clickhouse://a/database",
            "clickhouse://a?clustre=x",
            "clickhouse://a?cluster=x'%20y",
            "clickhouse://a?cluster=",
            "clickhouse://a?tenant_cache=0s",
            "clickhouse://a?tenant_cache=5",
            "clickhouse://a?tenant_cache=3601s",
            "clickhouse://a?placement=elsewhere",
            "clickhouse://a?erase_after=0s",
            "clickhouse://a:b:c",
            "http://a",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
