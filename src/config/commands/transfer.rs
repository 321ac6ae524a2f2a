//! The configuration of the commands that call a running service: where the service is, which tenant asks, and how files are uploaded.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use url::Url;

use crate::config::arguments::SettingArguments;
use crate::config::command_settings::{
    CLIENT_API_KEY, CLIENT_ID, CLIENT_URL, MULTIPART_ABOVE, PART_SIZE, RETRY_FOR, STATE_DIR,
};
use crate::config::sources::{Problems, Sources};
use crate::config::values;
use crate::domain::file::limits::{MAX_FILE_BYTES, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};
use crate::domain::{ClientId, DatabaseName};

/// Longer than any outage that a person waits for at the keyboard.
const MAX_RETRY_FOR: Duration = Duration::from_hours(24);

#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub url: Url,
    pub api_key: SecretString,
    /// A UUID, or the name of the system tenant.
    pub client_id: String,
    pub retry_for: Duration,
    pub multipart_above_bytes: u64,
    pub part_bytes: Option<u64>,
    /// `None`: none is named, and there is no home directory.
    pub state_folder: Option<PathBuf>,
}

impl ClientConfig {
    pub fn load<C>(arguments: &SettingArguments<C>) -> Result<Self, Problems> {
        let mut sources = Sources::read(arguments);
        let config = Self::parse(&mut sources);
        sources.finish(config)
    }

    fn parse(sources: &mut Sources) -> Option<Self> {
        for setting in [&CLIENT_API_KEY, &CLIENT_ID] {
            sources.require(setting);
        }
        let url = sources.parse(&CLIENT_URL, values::public_url);
        let api_keys = sources.parse(&CLIENT_API_KEY, values::api_keys);
        let client_id = sources.parse(&CLIENT_ID, |text| {
            if text == DatabaseName::SYSTEM {
                return Ok(text.to_owned());
            }
            let id = ClientId::parse(text).map(|it| it.to_string());
            id.map_err(|_| format!("'{text}' is not a client id, which is a UUID"))
        });
        let retry_for = sources.parse(&RETRY_FOR, |text| {
            values::duration(text, Duration::ZERO, MAX_RETRY_FOR)
        });
        let multipart_above_bytes = sources.parse(&MULTIPART_ABOVE, |text| {
            values::size(text, 0, MAX_FILE_BYTES)
        });
        let part_bytes = sources.parse(&PART_SIZE, |text| {
            values::size(text, MIN_PART_BYTES, MAX_SINGLE_UPLOAD_BYTES)
        });
        let state_folder = sources.parse(&STATE_DIR, |text| Ok(PathBuf::from(text)));
        Some(Self {
            url: url?,
            api_key: api_keys?.into_iter().next()?,
            client_id: client_id?,
            retry_for: retry_for?,
            multipart_above_bytes: multipart_above_bytes?,
            part_bytes,
            state_folder: state_folder.or_else(state_home),
        })
    }
}

/// Source: XDG base directory specification 0.8, "Environment variables".
fn state_home() -> Option<PathBuf> {
    let folder = |name| {
        let folder = PathBuf::from(std::env::var_os(name)?);
        folder.is_absolute().then_some(folder)
    };
    let home = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(home.join("event-history"))
}

/// The configuration of `keys` and `tenants`.
#[derive(Debug, Clone)]
pub struct AdminConfig {
    pub url: Url,
    pub api_key: SecretString,
    pub retry_for: Duration,
}

impl AdminConfig {
    pub fn load<C>(arguments: &SettingArguments<C>) -> Result<Self, Problems> {
        let mut sources = Sources::read(arguments);
        let config = Self::parse(&mut sources);
        sources.finish(config)
    }

    fn parse(sources: &mut Sources) -> Option<Self> {
        sources.require(&CLIENT_API_KEY);
        let url = sources.parse(&CLIENT_URL, values::public_url);
        let api_keys = sources.parse(&CLIENT_API_KEY, values::api_keys);
        let retry_for = sources.parse(&RETRY_FOR, |text| {
            values::duration(text, Duration::ZERO, MAX_RETRY_FOR)
        });
        Some(Self {
            url: url?,
            api_key: api_keys?.into_iter().next()?,
            retry_for: retry_for?,
        })
    }
}
