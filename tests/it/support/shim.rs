//! Libraries that are preloaded into a server, of `tests/it/shim`.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the shared library that `cc` makes of `<name>.c`.
pub(crate) fn compile_shim(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(folder).expect("the folder of the tests");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/shim");
    // Each test is a process of its own: a name of its own, and then the common one.
    let made = folder.join(format!("{name}_{}.so", std::process::id()));
    super::run(
        Command::new("cc")
            .args([
                "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
            ])
            .args([&made, &sources.join(name).with_extension("c")])
            .arg("-ldl"),
    );
    let library = folder.join(name).with_extension("so");
    std::fs::rename(&made, &library).expect("its place");
    library
}
