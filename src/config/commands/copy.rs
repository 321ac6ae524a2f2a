//! The configuration of `copy`.

use std::collections::BTreeSet;

use crate::config::arguments::{Copy, SettingArguments};
use crate::config::command_settings::{
    COPY_FILES_FROM, COPY_FILES_TO, COPY_FROM, COPY_OBJECT_LOCK, COPY_TO,
};
use crate::config::sources::{Problems, Sources};
use crate::config::values;
use crate::domain::{DatabaseName, ObjectLock};
use crate::{objects, store};

#[derive(Debug, Clone, clap::Args)]
pub struct CopyArguments {
    #[command(flatten)]
    settings: SettingArguments<Copy>,
    /// Database name of a tenant to copy; may be repeated [default: all tenants]
    #[arg(long = "tenant", value_name = "NAME")]
    tenants: Vec<String>,
    /// Change nothing: read both sides and report which tenants differ
    #[arg(long)]
    verify_only: bool,
}

#[derive(Debug, Clone)]
pub struct CopyConfig {
    pub from: store::Location,
    pub to: store::Location,
    /// Source and destination; `None`: files are not copied.
    pub files: Option<(objects::Location, objects::Location)>,
    /// Empty: all tenants.
    pub tenants: BTreeSet<DatabaseName>,
    pub verify_only: bool,
    /// The protection of the copied files.
    pub object_lock: Option<ObjectLock>,
}

impl CopyConfig {
    pub fn load(arguments: &CopyArguments) -> Result<Self, Problems> {
        let mut sources = Sources::read(&arguments.settings);
        let config = Self::parse(arguments, &mut sources);
        sources.finish(config)
    }

    fn parse(arguments: &CopyArguments, sources: &mut Sources) -> Option<Self> {
        let from = sources.parse(&COPY_FROM, values::location::<store::Location>);
        let to = sources.parse(&COPY_TO, values::location::<store::Location>);
        let files_from = sources.parse(&COPY_FILES_FROM, values::location::<objects::Location>);
        let files_to = sources.parse(&COPY_FILES_TO, values::location::<objects::Location>);
        let object_lock = sources.parse(&COPY_OBJECT_LOCK, |text| {
            if matches!(files_to, Some(objects::Location::Embedded { .. })) {
                return Err("the embedded storage has no Object Lock".to_owned());
            }
            values::object_lock(text)
        });
        sources.require(&COPY_FROM);
        sources.require(&COPY_TO);
        for (one, other) in [
            (&COPY_FILES_FROM, &COPY_FILES_TO),
            (&COPY_FILES_TO, &COPY_FILES_FROM),
        ] {
            if sources.is_given(one) && !sources.is_given(other) {
                sources.problem(format!("--{} needs --{} too", one.flag, other.flag));
            }
        }
        if sources.is_given(&COPY_OBJECT_LOCK) && !sources.is_given(&COPY_FILES_TO) {
            sources.problem("--object-lock needs --files-to too".to_owned());
        }
        if from.is_some() && from == to {
            sources.problem("--from and --to are the same".to_owned());
        }
        if files_from.is_some() && files_from == files_to {
            sources.problem("--files-from and --files-to are the same".to_owned());
        }
        let tenants = sources.tenants(&arguments.tenants);
        Some(Self {
            from: from?,
            to: to?,
            files: files_from.zip(files_to),
            tenants,
            verify_only: arguments.verify_only,
            object_lock,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::{CopyArguments, CopyConfig, Problems};

    fn parse(flags: &[&str]) -> Result<CopyConfig, Vec<String>> {
        let command = CopyArguments::augment_args(Command::new("copy").no_binary_name(true));
        let matches = command.try_get_matches_from(flags).unwrap();
        let arguments = CopyArguments::from_arg_matches(&matches).unwrap();
        CopyConfig::load(&arguments).map_err(|Problems(problems)| problems)
    }

    #[test]
    fn both_ends_are_needed_and_are_two() {
        let config = parse(&["--from", "sqlite:a", "--to", "sqlite:b", "--tenant", "x"]).unwrap();
        assert_eq!((config.tenants.len(), config.verify_only), (1, false));
        assert!(config.files.is_none());
        assert_eq!(parse(&[]).unwrap_err().len(), 2);
        let ends = ["--from", "sqlite:a", "--to", "sqlite:b"];
        for (flags, problem) in [
            (
                ["--to", "sqlite:a"].as_slice(),
                "--from and --to are the same",
            ),
            (&["--to", "mysql:x"], "--to: 'mysql:x' is not of the form"),
            (&["--tenant", "a/b"], "'a/b' is not a tenant's"),
            (&["--files-to", "file:x"], "--files-to needs --files-from"),
            (
                &["--files-to", "file:x", "--files-from", "file:x"],
                "--files-from and --files-to are the same",
            ),
        ] {
            let kept = if flags[0] == "--to" {
                &ends[..2]
            } else {
                &ends
            };
            let problems = parse(&[kept, flags].concat()).unwrap_err();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(problems[0].starts_with(problem), "{problems:?}");
        }
    }
}
