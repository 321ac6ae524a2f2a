//! The OpenAPI document is valid, and generators make clients of it that type-check.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::support;

/// Writes the document to a file in a folder of its own.
fn document() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a folder");
    let mut command = support::clean_command(support::binary(), home.path());
    let document = support::run(command.arg("openapi"));
    let path = home.path().join("openapi.json");
    std::fs::write(&path, document).expect("a writable folder");
    (home, path)
}

/// Returns a command of an npm package.
fn node_tool(name: &str, home: &Path) -> Command {
    support::clean_command(support::node_modules().join(".bin").join(name), home)
}

#[test]
fn the_document_is_valid() {
    let (home, document) = document();
    let validator = support::openapi_tool("openapi-spec-validator");
    let mut command = support::clean_command(validator, home.path());
    support::run(command.arg(document));
}

#[test]
fn generated_typescript_type_checks() {
    let (home, document) = document();
    let mut types = node_tool("openapi-typescript", home.path());
    support::run(types.arg(&document).args(["-o", "types.ts"]));
    let mut client = node_tool("openapi-ts", home.path());
    support::run(client.arg("-i").arg(&document).args(["-o", "client"]));
    let mut check = node_tool("tsc", home.path());
    check
        .args([
            "--noEmit",
            "--strict",
            "--skipLibCheck",
            "--target",
            "es2022",
        ])
        .args(["--module", "esnext", "--moduleResolution", "bundler"])
        .args(["--lib", "es2022,dom,dom.iterable"])
        .args(["types.ts", "client/index.ts", "client/sdk.gen.ts"]);
    support::run(&mut check);
}

#[test]
fn a_generated_python_client_type_checks() {
    let (home, document) = document();
    let generator = support::openapi_tool("openapi-python-client");
    let mut generate = support::clean_command(generator, home.path());
    generate.args(["generate", "--meta", "none", "--output-path", "client"]);
    let printed = support::run(generate.arg("--path").arg(&document));
    assert!(!printed.contains("Unable to parse"), "{printed}");
    let mypy = support::openapi_tool("mypy");
    support::run(support::clean_command(mypy, home.path()).arg("client"));
}
