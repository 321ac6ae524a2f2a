//! SECURITY.md names a test for each defence: they have to exist.

use std::fs;
use std::path::Path;

#[test]
fn every_test_of_the_threat_model_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("SECURITY.md")).expect("the page");
    let mut sources = String::new();
    for folder in ["src", "tests/it"] {
        read_all(&root.join(folder), &mut sources);
    }
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with('|')) {
        let tests = row.trim_end_matches('|').rsplit('|').next();
        let tests = tests.unwrap_or_default().split('`');
        for name in tests.skip(1).step_by(2) {
            named += 1;
            let defined = format!("fn {name}()");
            assert!(sources.contains(&defined), "no test is named {name}");
        }
    }
    assert!(named > 30, "{named} tests found");
}

fn read_all(folder: &Path, sources: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_all(&path, sources);
        } else if path.extension().is_some_and(|it| it == "rs") {
            *sources += &fs::read_to_string(&path).expect("a source file");
        }
    }
}
