//! What the commands are told that call the service: where it is, who asks, and how files go up.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Command};
use secrecy::SecretString;
use url::Url;

use super::command_settings::{
    CLIENT_API_KEY, CLIENT_ID, CLIENT_SETTINGS, CLIENT_URL, MULTIPART_ABOVE, PART_SIZE, RETRY_FOR,
    STATE_DIR, UPLOAD_SETTINGS,
};
use super::settings::Setting;
use super::sources::{Given, argument, given, unknown_variable};
use super::{Problems, value};
use crate::domain::ClientId;
use crate::domain::file::limits::{MAX_FILE_BYTES, MAX_SINGLE_UPLOAD_BYTES, MIN_PART_BYTES};

/// Longer than any outage that a person waits for at the keyboard.
const MAX_RETRY_FOR: Duration = Duration::from_hours(24);

pub type DownloadArguments = ClientArguments<false>;
pub type UploadArguments = ClientArguments<true>;

/// The flags as they were given, with those for uploads or without: `#[command(flatten)]` puts them into
/// a command.
#[derive(Clone)]
pub struct ClientArguments<const UPLOADS: bool> {
    given: BTreeMap<&'static str, Given>,
}

/// Where the service is, who asks, and how files go up; checked.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    pub url: Url,
    pub api_key: SecretString,
    pub client_id: ClientId,
    pub retry_for: Duration,
    pub multipart_above_bytes: u64,
    pub part_bytes: Option<u64>,
    /// `None`: nobody named one, and there is no home.
    pub state_folder: Option<PathBuf>,
}

impl ClientConfig {
    pub fn load<const UPLOADS: bool>(
        arguments: &ClientArguments<UPLOADS>,
    ) -> Result<Self, Problems> {
        let variables = std::env::vars_os();
        let mut problems: Vec<String> = variables
            .filter_map(|(name, value)| unknown_variable(&name, &value))
            .collect();
        let config = Self::parse(&arguments.given, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(Problems(problems)),
        }
    }

    fn parse(given: &BTreeMap<&'static str, Given>, problems: &mut Vec<String>) -> Option<Self> {
        let mut parse = Parser { given, problems };
        let url = parse.optional(&CLIENT_URL, value::public_url);
        let api_keys = parse.optional(&CLIENT_API_KEY, value::api_keys);
        let client_id = parse.optional(&CLIENT_ID, |text| {
            ClientId::parse(text)
                .map_err(|_| format!("'{text}' is not a client id, which is a UUID"))
        });
        let retry_for = parse.optional(&RETRY_FOR, |text| {
            value::duration(text, Duration::ZERO, MAX_RETRY_FOR)
        });
        let multipart_above_bytes = parse.optional(&MULTIPART_ABOVE, |text| {
            value::size(text, 0, MAX_FILE_BYTES)
        });
        let part_bytes = parse.optional(&PART_SIZE, |text| {
            value::size(text, MIN_PART_BYTES, MAX_SINGLE_UPLOAD_BYTES)
        });
        let state_folder = parse.optional(&STATE_DIR, |text| Ok(PathBuf::from(text)));
        for setting in [&CLIENT_API_KEY, &CLIENT_ID] {
            if !given.contains_key(setting.key) {
                let Setting { flag, variable, .. } = setting;
                problems.push(format!("--{flag} is missing: give it or {variable}"));
            }
        }
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

struct Parser<'a> {
    given: &'a BTreeMap<&'static str, Given>,
    problems: &'a mut Vec<String>,
}

impl Parser<'_> {
    fn optional<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (text, origin) = match (self.given.get(setting.key), setting.default) {
            (Some(Given { text, origin }), _) => (text.as_str(), origin.to_string()),
            (None, Some(default)) => (default, format!("default of --{}", setting.flag)),
            (None, None) => return None,
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(format!("{origin}: {problem}"));
                None
            }
        }
    }
}

fn settings(with_uploads: bool) -> impl Iterator<Item = &'static Setting> {
    let uploads = with_uploads.then_some(UPLOAD_SETTINGS);
    CLIENT_SETTINGS
        .into_iter()
        .chain(uploads.into_iter().flatten())
}

impl<const UPLOADS: bool> clap::Args for ClientArguments<UPLOADS> {
    fn augment_args(command: Command) -> Command {
        command.args(settings(UPLOADS).map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const UPLOADS: bool> clap::FromArgMatches for ClientArguments<UPLOADS> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Ok(Self {
            given: given(matches, settings(UPLOADS)),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<const UPLOADS: bool> fmt::Debug for ClientArguments<UPLOADS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { given } = self;
        f.debug_set()
            .entries(given.values().map(|given| &given.origin))
            .finish()
    }
}
