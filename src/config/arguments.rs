//! Settings given by flag or environment variable, as clap parses them.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::command_settings::{
    ADMIN_SETTINGS, CLIENT_SETTINGS, COPY_SETTINGS, DATABASE_SETTINGS, IMPORT_SETTINGS,
    STORAGE_SETTINGS, UPLOAD_SETTINGS,
};
use super::settings::{Kind, SETTINGS, Setting};

/// The place where a value was given, as shown in messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Flag(&'static str),
    Variable(&'static str),
    File {
        path: PathBuf,
        line: usize,
        key: String,
    },
    Default(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File { path, line, key } => write!(f, "{}:{line}: {key}", path.display()),
            Self::Default(name) => write!(f, "default of --{name}"),
        }
    }
}

/// A value as it was given. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) struct Given {
    pub(super) text: String,
    pub(super) origin: Origin,
}

/// Names the settings that a command takes.
pub trait TakesSettings {
    const SETTINGS: &'static [&'static Setting];
}

macro_rules! commands {
    ($($visibility:vis $command:ident: $settings:ident,)*) => {$(
        #[derive(Debug, Clone, Copy)]
        $visibility enum $command {}

        impl TakesSettings for $command {
            const SETTINGS: &'static [&'static Setting] = $settings;
        }
    )*};
}

commands! {
    pub Serve: SETTINGS,
    pub(super) Copy: COPY_SETTINGS,
    pub CallsService: CLIENT_SETTINGS,
    pub Administers: ADMIN_SETTINGS,
    pub Import: IMPORT_SETTINGS,
    pub Upload: UPLOAD_SETTINGS,
    pub(super) OnStorage: STORAGE_SETTINGS,
    pub(super) OnDatabase: DATABASE_SETTINGS,
}

pub type Arguments = SettingArguments<Serve>;
pub type ClientArguments = SettingArguments<CallsService>;
pub type AdminArguments = SettingArguments<Administers>;
pub type ImportArguments = SettingArguments<Import>;
pub type UploadArguments = SettingArguments<Upload>;

/// The settings of one command that its command line and the environment give, by flag: `#[command(flatten)]` adds
/// the flags to a command.
#[derive(Clone)]
pub struct SettingArguments<C> {
    pub(super) given: BTreeMap<&'static str, Given>,
    command: PhantomData<C>,
}

impl<C> fmt::Debug for SettingArguments<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.given.values().map(|given| &given.origin))
            .finish()
    }
}

impl<C: TakesSettings> clap::Args for SettingArguments<C> {
    fn augment_args(command: Command) -> Command {
        command.args(C::SETTINGS.iter().map(|it| argument(it)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let placeholder = match setting.value {
        Kind::Text(placeholder) | Kind::Number(placeholder) => placeholder,
        Kind::Boolean => "BOOL",
    };
    let argument = Arg::new(setting.flag)
        .long(setting.flag)
        .env(setting.variable)
        .hide_env_values(true) // some are secrets
        .value_name(placeholder)
        .help_heading(setting.section);
    // `--upload-once` alone means true.
    let argument = match setting.value {
        Kind::Boolean => argument.num_args(0..=1).default_missing_value("true"),
        Kind::Text(_) | Kind::Number(_) => argument,
    };
    // With clap's own default a value in the settings file would never count.
    match setting.default {
        Some(default) => argument.help(format!("{} [default: {default}]", setting.help)),
        None => argument.help(setting.help),
    }
}

impl<C: TakesSettings> clap::FromArgMatches for SettingArguments<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = BTreeMap::new();
        for setting in C::SETTINGS {
            let Some(text) = matches.get_one::<String>(setting.flag) else {
                continue;
            };
            let origin = match matches.value_source(setting.flag) {
                Some(ValueSource::CommandLine) => Origin::Flag(setting.flag),
                _ if text.is_empty() => continue, // `NAME=` in an env file means unset
                _ => Origin::Variable(setting.variable),
            };
            let text = text.clone();
            given.insert(setting.flag, Given { text, origin });
        }
        Ok(Self {
            given,
            command: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
