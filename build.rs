//! Gives the program its version: the package's, and the revision of an optimized build from a git checkout.
//!
//! A build without git, such as one of an image, is told the revision by `BUILD_REVISION`. Development builds
//! have none: every commit would compile them again.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts through the environment"
)]

use std::env;
use std::path::Path;
use std::process::Command;

/// The sources of the program: a change to any of them marks the revision as modified.
const SOURCES: [&str; 5] = ["src", "migrations", "Cargo.toml", "Cargo.lock", "build.rs"];

fn main() {
    let package = env::var("CARGO_PKG_VERSION").expect("cargo sets the version");
    println!("cargo:rerun-if-env-changed=BUILD_REVISION");
    println!("cargo:rerun-if-changed=build.rs");
    let told = env::var("BUILD_REVISION").ok();
    let told = told.filter(|revision| !revision.is_empty());
    let is_optimized = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let revision = told.or_else(|| is_optimized.then(checkout).flatten());
    let version = revision.map_or(package.clone(), |it| format!("{package} ({it})"));
    println!("cargo:rustc-env=BUILD_VERSION={version}");
}

/// Returns the revision of the checkout that this package is the root of.
fn checkout() -> Option<String> {
    // An unpacked archive may lie in the checkout of something else.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    let head_log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    let watched = SOURCES.iter().copied().chain([head_log.as_str()]);
    for path in watched.filter(|path| Path::new(path).exists()) {
        println!("cargo:rerun-if-changed={path}");
    }
    let revision = git(&["rev-parse", "--short=12", "HEAD"])?;
    let status = ["status", "--porcelain", "--untracked-files=no", "--"];
    let changed = git(&[&status[..], &SOURCES].concat())?;
    Some(if changed.is_empty() {
        revision
    } else {
        format!("{revision}, modified")
    })
}

/// Runs git in the package's folder, where build scripts run; `None` if it fails, or there is no git.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim_end().to_owned())
}
