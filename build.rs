//! Gives the program the files of the viewer, which `ui/` was built to, and its version: the package's, and the revision of an
//! optimized build from a git checkout.
//!
//! A build without git, such as one of an image, is told the revision by `BUILD_REVISION`. Development builds
//! have none: every commit would compile them again.

#![expect(
    clippy::disallowed_methods,
    reason = "cargo talks to build scripts through the environment"
)]

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The sources of the program: a change to any of them marks the revision as modified.
const SOURCES: [&str; 6] = [
    "src",
    "migrations",
    VIEWER,
    "Cargo.toml",
    "Cargo.lock",
    "build.rs",
];

/// The folder of the viewer's files.
const VIEWER: &str = "ui/dist";

fn main() {
    write_viewer_files();
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

/// Writes a table of the viewer's files, by their names below their folder.
fn write_viewer_files() {
    println!("cargo:rerun-if-changed={VIEWER}");
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join(VIEWER);
    let mut files = Vec::new();
    collect(&root, "", &mut files);
    files.sort();
    let mut table = String::from("static FILES: &[(&str, &[u8])] = &[\n");
    for name in files {
        let path = root.join(&name);
        let path = path.to_str().expect("the path is text");
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),").expect("a string takes it");
    }
    table.push_str("];\n");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("viewer_files.rs"), table).expect("a writable folder");
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("the viewer's files are in the repository") {
        let entry = entry.expect("an entry of a folder");
        let name = entry.file_name().into_string().expect("names are text");
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{prefix}{name}/"), files);
        } else {
            files.push(format!("{prefix}{name}"));
        }
    }
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
