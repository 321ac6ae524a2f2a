//! The names of other crates that several parts of the source may not use.

pub(super) const HTTP_NEVER: &[&str] = &[
    "reqwest",
    "rusty_s3",
    "s3s",
    "aws_config",
    "aws_credential_types",
];

pub(super) const JOBS_NEVER: &[&str] = &[
    "axum",
    "clap",
    "http",
    "hyper",
    "indicatif",
    "reqwest",
    "rusqlite",
    "rusty_s3",
    "s3s",
    "std::fs",
    "std::io",
];

pub(super) const JOBS_ALL_NEVER: &[&str] = &[
    "axum",
    "clap",
    "http",
    "hyper",
    "indicatif",
    "reqwest",
    "rusqlite",
    "rusty_s3",
    "s3s",
    "std::fs",
];
