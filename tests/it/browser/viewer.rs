//! The viewer in a real browser, and what was built of its sources.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{self, API_KEY, Server};

/// The limit of everything that browsers load, the elements for other pages included, compressed. What administrators load
/// once they administer is not counted.
const MAX_COMPRESSED_BYTES: usize = 150_000;

/// The limit of what is part of the program, as it is.
const MAX_EMBEDDED_BYTES: usize = 1_000_000;

/// The events that are scrolled through; `just viewer-load` has more.
const EVENTS: u32 = 600;

#[tokio::test]
async fn people_read_a_history() {
    drive("reading.cjs").await;
}

#[tokio::test]
async fn a_long_history_shows_every_event_once_and_does_not_jump() {
    drive("scrolling.cjs").await;
}

#[tokio::test]
async fn hostile_events_are_text() {
    drive("hostile.cjs").await;
}

#[tokio::test]
async fn keys_alone_suffice_and_an_ended_session_says_so() {
    drive("access.cjs").await;
}

#[tokio::test]
async fn administrators_manage_tenants_keys_rules_and_holds() {
    drive("administration.cjs").await;
}

/// Runs a scenario against a service of its own. `EVENT_HISTORY_TEST_SCREENSHOTS` names a folder for what it sees.
async fn drive(scenario: &str) {
    let server = Server::start();
    let tenant = server.create_tenant("alx_demo").await;
    let home = tempfile::tempdir().unwrap();
    let events = support::environment("EVENT_HISTORY_TEST_VIEWED_EVENTS");
    let events = events.map_or(EVENTS, |it| it.parse().unwrap());
    let scene = json!({
        "url": server.url(), "key": API_KEY, "clientId": tenant.client_id, "secret": tenant.client_secret,
        "files": server.folder().join("data/files"), "events": events, "tools": tools(),
    });
    let scripts = root().join("tests/it/browser/viewer");
    let mut node = support::clean_command("node", home.path());
    node.arg(scripts.join(scenario))
        .env("SCENE", scene.to_string());
    if let Some(folder) = support::environment("EVENT_HISTORY_TEST_SCREENSHOTS") {
        node.env("SCREENSHOTS", folder);
    }
    println!("{}", support::run(&mut node));
}

#[tokio::test]
async fn the_page_is_protected_and_its_files_are_cached() {
    const PRODUCT: &str = "https://app.example.com";
    let server = Server::builder()
        .env("EVENT_HISTORY_CORS_ORIGINS", PRODUCT)
        .start();
    let get_with = async |path: &str, name: &str, value: &str| {
        let request = server.client().get(format!("{}{path}", server.url()));
        let request = request
            .header("Accept-Encoding", "gzip")
            .header(name, value);
        request.send().await.unwrap()
    };
    let get = async |path: &str| get_with(path, "Accept", "*/*").await;
    let page = get("/ui/").await;
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'; "),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(header("cache-control"), "no-cache");
    assert_eq!(header("x-frame-options"), "DENY");
    assert_eq!(header("referrer-policy"), "no-referrer");
    let text = page.text().await.unwrap();
    assert!(
        !text.contains("<style") && !text.contains("style="),
        "{text}"
    );
    let mut compressed = text.len();
    let mut assets = 0;
    for name in text
        .split('"')
        .filter_map(|it| it.strip_prefix("./assets/"))
    {
        let asset = get(&format!("/ui/assets/{name}")).await;
        assert_eq!(asset.status(), 200, "{name}");
        assert_eq!(
            asset.headers()["cache-control"],
            "public, max-age=31536000, immutable"
        );
        assert_eq!(asset.headers()["x-content-type-options"], "nosniff");
        compressed += asset.bytes().await.unwrap().len();
        assets += 1;
    }
    assert!(assets >= 3, "{text}");

    // The elements, for pages of allowed origins: by a name that stays, so a browser asks whether it has them.
    let elements = get_with("/ui/embed.js", "Origin", PRODUCT).await;
    assert_eq!(elements.status(), 200);
    let header = |name: &str| elements.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("access-control-allow-origin"), PRODUCT);
    assert_eq!(header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(header("cache-control"), "no-cache");
    let again = get_with("/ui/embed.js", "If-None-Match", &header("etag")).await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()["etag"], header("etag").as_str());
    let other = get_with("/ui/embed.js", "Origin", "https://other.example.com").await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    compressed += elements.bytes().await.unwrap().len();
    assert!(compressed < MAX_COMPRESSED_BYTES, "{compressed} bytes");
    let embedded = contents(&root().join("ui/dist"));
    let embedded: usize = embedded.iter().map(|(_, bytes)| bytes.len()).sum();
    assert!(embedded < MAX_EMBEDDED_BYTES, "{embedded} bytes");
    println!("{compressed} bytes compressed, {embedded} in the program");
    for path in [
        "/ui/assets/none.js",
        "/ui/../Cargo.toml",
        "/ui/index.html.map",
    ] {
        assert_eq!(get(path).await.status(), 404, "{path}");
    }
}

/// Whoever changes the sources builds them, with the pinned tools: `npm run build` in `ui/`.
#[test]
fn what_is_committed_is_what_the_sources_build() {
    let home = tempfile::tempdir().unwrap();
    let project = home.path().join("ui");
    copy(&root().join("ui"), &project);
    let modules = tools().join("node_modules");
    std::os::unix::fs::symlink(&modules, project.join("node_modules")).unwrap();
    let mut document = support::clean_command(support::binary(), home.path());
    let document = support::run(document.arg("openapi"));
    fs::write(project.join("openapi.json"), document).unwrap();
    for script in ["types", "check", "build"] {
        let mut npm = support::clean_command("npm", home.path());
        npm.args(["run", "--silent", script]).current_dir(&project);
        support::run(&mut npm);
    }
    let (built, committed) = (
        contents(&project.join("dist")),
        contents(&root().join("ui/dist")),
    );
    let names = |files: &[(PathBuf, Vec<u8>)]| {
        files
            .iter()
            .map(|(name, _)| name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&built), names(&committed), "run `just viewer`");
    for ((name, built), (_, committed)) in built.iter().zip(&committed) {
        assert!(
            built == committed,
            "{} differs: run `just viewer`",
            name.display()
        );
    }
}

/// Returns the folder of what builds and audits the viewer.
pub(super) fn tools() -> PathBuf {
    let folder = root().join("target/test-tools/ui");
    let display = folder.display();
    assert!(
        folder.exists(),
        "{display} is missing: tests/run installs it"
    );
    folder
}

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Copies the sources, without what is built of them.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if ["node_modules", "dist", "schema.ts", "openapi.json"]
            .iter()
            .any(|it| name == *it)
        {
            continue;
        }
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// Returns all files below a folder, by name.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_owned();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    files.sort();
    files
}
