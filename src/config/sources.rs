//! The settings of one command, from every place that can give them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use super::arguments::{Given, Origin, SettingArguments};
use super::settings::{CONFIG, Setting};
use super::settings_file::SettingsFile;
use super::unknown_names::unknown_variable;
use crate::domain::{Catalogue, DatabaseName};

/// Everything that is wrong with the settings, each in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<String>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Problems {}

/// The values that were given, and the problems found so far: parse every setting before the first `?`, so that all
/// problems are reported at once.
pub(super) struct Sources {
    arguments: BTreeMap<&'static str, Given>,
    file: SettingsFile,
    problems: Vec<String>,
}

impl Sources {
    /// Reads the environment, and the settings file if one is named.
    pub(super) fn read<C>(arguments: &SettingArguments<C>) -> Self {
        let variables = std::env::vars_os();
        let unknown = variables.filter_map(|(name, value)| unknown_variable(&name, &value));
        let mut problems: Vec<String> = unknown.collect();
        let file = match arguments.given.get(CONFIG.flag) {
            None => SettingsFile::default(),
            Some(config) => SettingsFile::read(Path::new(&config.text), &mut problems),
        };
        Self {
            arguments: arguments.given.clone(),
            file,
            problems,
        }
    }

    /// Returns these values and nothing else.
    pub(super) fn of<const N: usize>(values: [(&'static Setting, String); N]) -> Self {
        let arguments = values.map(|(setting, text)| {
            let origin = Origin::Flag(setting.flag);
            (setting.flag, Given { text, origin })
        });
        Self {
            arguments: arguments.into(),
            file: SettingsFile::default(),
            problems: Vec::new(),
        }
    }

    /// Parses the value that counts: flag over environment over file over default. Returns `None` if there is none, or a
    /// problem with it.
    pub(super) fn parse<T>(
        &mut self,
        setting: &'static Setting,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let given = self
            .arguments
            .get(setting.flag)
            .or_else(|| self.file.values.get(setting.flag));
        let default = setting.default.map(|text| Given {
            text: text.to_owned(),
            origin: Origin::Default(setting.flag),
        });
        let Given { text, origin } = given.cloned().or(default)?;
        self.check(&origin, parse(&text))
    }

    /// Returns the value, or notes the problem with what `origin` gave.
    pub(super) fn check<T>(
        &mut self,
        origin: impl fmt::Display,
        value: Result<T, String>,
    ) -> Option<T> {
        value
            .map_err(|problem| self.problem(format!("{origin}: {problem}")))
            .ok()
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    pub(super) fn is_given(&self, setting: &Setting) -> bool {
        self.arguments.contains_key(setting.flag) || self.file.values.contains_key(setting.flag)
    }

    /// Notes a problem if this setting is missing, which the settings file cannot hold.
    pub(super) fn require(&mut self, setting: &Setting) {
        if !self.is_given(setting) {
            let Setting { flag, variable, .. } = setting;
            self.problem(format!("--{flag} is missing: give it or {variable}"));
        }
    }

    /// Returns the default names of types, extended and overridden by those of the settings file.
    pub(super) fn catalogue(&mut self) -> Catalogue {
        let mut catalogue = Catalogue::default();
        catalogue.event_types.append(&mut self.file.event_types);
        catalogue.source_types.append(&mut self.file.source_types);
        catalogue
    }

    /// Parses the names of tenants that a command was given.
    pub(super) fn tenants(&mut self, names: &[String]) -> BTreeSet<DatabaseName> {
        let mut tenants = BTreeSet::new();
        for name in names {
            match DatabaseName::parse(name) {
                Ok(name) => _ = tenants.insert(name),
                Err(_) => self.problem(format!("'{name}' is not a tenant's database name")),
            }
        }
        tenants
    }

    /// Returns the configuration if nothing was wrong.
    pub(super) fn finish<T>(self, config: Option<T>) -> Result<T, Problems> {
        config
            .filter(|_| self.problems.is_empty())
            .ok_or(Problems(self.problems))
    }
}
