//! The real server as a child process, on a folder and a port of its own.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use http::{Method, StatusCode};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Database, Running, Storage};

/// The API key of every server that a test starts.
pub(crate) const API_KEY: &str = "test-key-0f8fad5b";

/// The setting that tells where events are kept.
const DATABASE: &str = "EVENT_HISTORY_DATABASE";

const START_TIMEOUT: Duration = Duration::from_secs(30);

/// The key pair of a test server's embedded endpoint.
const ACCESS_KEY_ID: &str = "EXAMPLEKEYOFTESTS";
const SECRET_ACCESS_KEY: &str = "example-secret-of-the-tests-only";

/// `event-history serve`, running. Dropping it kills it and removes its folder.
#[derive(Debug)]
pub(crate) struct Server {
    /// Ends before its database and its folder go: fields drop in the order they stand in.
    process: Running,
    /// `None` where a test names one itself.
    database: Option<Database>,
    builder: Builder,
    url: String,
    client: Client,
}

/// A tenant as the API answered it.
#[derive(Debug, Clone)]
pub(crate) struct Tenant {
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) database_name: String,
}

/// Where to upload a file, and what to call it.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) url: String,
    pub(crate) file_id: String,
}

/// What a server is started with.
#[derive(Debug)]
pub(crate) struct Builder {
    folder: TempDir,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
}

impl Builder {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let data = folder.path().join("data");
        let environment = [
            ("EVENT_HISTORY_API_KEY", API_KEY.to_owned()),
            (
                "EVENT_HISTORY_FILES",
                format!("file:{}/files", data.display()),
            ),
            ("EVENT_HISTORY_LISTEN", "127.0.0.1:0".to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("RUST_BACKTRACE", "1".to_owned()),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value));
        Self {
            folder,
            environment: environment.into(),
            arguments: Vec::new(),
        }
    }

    /// Sets an environment variable, in place of the default with that name.
    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Preloads a library into the server, before those that it was given so far.
    pub(crate) fn preload(self, library: &Path) -> Self {
        const NAME: &str = "LD_PRELOAD";
        let others = self.environment.get(NAME).cloned().unwrap_or_default();
        self.env(NAME, format!("{} {others}", library.display()))
    }

    /// Adds an argument behind `serve`; flags win over the environment.
    pub(crate) fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Keeps files in `storage` rather than in the embedded endpoint.
    pub(crate) fn files_in(self, storage: &Storage) -> Self {
        let settings = storage.settings();
        settings
            .into_iter()
            .fold(self, |builder, (name, value)| builder.env(name, value))
    }

    /// Starts the server and returns when it accepts connections.
    pub(crate) fn start(self) -> Server {
        self.try_start()
            .unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// Starts the server; where it ends instead, returns what it said.
    pub(crate) fn try_start(mut self) -> Result<Server, String> {
        let names_one = self.environment.contains_key(DATABASE);
        let database =
            (!names_one).then(|| Database::of_this_run(&self.folder.path().join("data")));
        if let Some(database) = &database {
            self = self.env(DATABASE, database.setting());
        }
        let (process, url) = self.launch()?;
        Ok(Server {
            process,
            database,
            builder: self,
            url,
            client: super::http_client(),
        })
    }

    fn command(&self) -> Command {
        let mut command = super::clean_command(super::binary(), self.folder.path());
        command
            .arg("serve")
            .args(&self.arguments)
            .envs(&self.environment);
        command
    }

    fn launch(&self) -> Result<(Running, String), String> {
        let mut command = self.command();
        let process = Running::spawn(&mut command);
        let line = process.try_line(START_TIMEOUT)?;
        let Some(url) = line.strip_prefix("listening on ") else {
            panic!("'{line}' does not say where the server listens");
        };
        Ok((process, url.trim_end_matches('/').to_owned()))
    }
}

impl Server {
    /// Starts a server on embedded defaults, or on the database that this run of the tests is about.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    pub(crate) fn builder() -> Builder {
        Builder::new()
    }

    /// Returns the server's base URL, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the folder that holds everything of this server.
    pub(crate) fn folder(&self) -> &Path {
        self.builder.folder.path()
    }

    pub(crate) fn process(&self) -> &Running {
        &self.process
    }

    pub(crate) fn database(&self) -> &Database {
        let database = self.database.as_ref();
        database.expect("the test named no database of its own")
    }

    pub(crate) fn database_mut(&mut self) -> &mut Database {
        let database = self.database.as_mut();
        database.expect("the test named no database of its own")
    }

    /// Removes a tenant's database behind the server's back, and returns when the server knows: as soon as
    /// what it remembers of the tenant is too old.
    pub(crate) async fn remove_database(&self, tenant: &str, client_id: &str) {
        let database = self.database();
        database.remove(tenant).await;
        let what = format!("the database of '{tenant}' to be missed");
        let bound = database.staleness() + Duration::from_secs(1);
        super::wait_for(&what, bound, async || {
            let request = self.request(Method::GET, "/api/files/upload-url");
            let request = request.header("X-Client-Id", client_id);
            let response = request.send().await.expect("the server answers");
            (response.status() == StatusCode::BAD_REQUEST).then_some(())
        })
        .await;
    }

    /// Returns how an S3 client reaches the embedded endpoint.
    pub(crate) fn embedded_storage(&self) -> Storage {
        Storage {
            endpoint: self.url.clone(),
            bucket: "event-history".to_owned(),
            region: "us-east-1".to_owned(),
            access_key_id: ACCESS_KEY_ID.to_owned(),
            secret_access_key: SECRET_ACCESS_KEY.to_owned(),
        }
    }

    /// Ends the server as a power cut would.
    pub(crate) fn kill(&self) {
        self.process.kill();
    }

    /// Sets an environment variable for the next start.
    pub(crate) fn set_env(&mut self, name: &str, value: &str) {
        let environment = &mut self.builder.environment;
        environment.insert(name.to_owned(), value.to_owned());
    }

    /// Starts the server again, on the same folder and the same port.
    pub(crate) fn start_again(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        self.builder
            .environment
            .insert("EVENT_HISTORY_LISTEN".to_owned(), address);
        let launched = self.builder.launch();
        let (process, url) = launched.unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(url, self.url);
        self.process = process;
        self.client = super::http_client(); // the old one holds dead connections
    }

    /// Starts the server again where it is to refuse, and returns what it says.
    pub(crate) fn is_refused(&self) -> String {
        let output = self.builder.command().output().expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    }

    /// Starts a request with the API key; `target` is a path of this server, or a whole URL.
    pub(crate) fn request(&self, method: Method, target: &str) -> RequestBuilder {
        let url = if target.starts_with('/') {
            format!("{}{target}", self.url)
        } else {
            target.to_owned()
        };
        self.client
            .request(method, url)
            .header("X-API-Key", API_KEY)
    }

    /// Starts a request for a tenant.
    pub(crate) fn request_as(
        &self,
        tenant: &Tenant,
        method: Method,
        target: &str,
    ) -> RequestBuilder {
        self.request(method, target)
            .header("X-Client-Id", &tenant.client_id)
    }

    /// Asks for something of a tenant's and returns the JSON of the 200.
    pub(crate) async fn get_json(&self, tenant: &Tenant, target: &str) -> Value {
        expect_json(self.request_as(tenant, Method::GET, target), StatusCode::OK).await
    }

    pub(crate) async fn create_tenant(&self, database_name: &str) -> Tenant {
        let body = json!({"database_name": database_name, "client_label": "A tenant of the tests"});
        let request = self
            .request(Method::POST, "/api/initialize-tenant")
            .json(&body);
        let answer = expect_json(request, StatusCode::CREATED).await;
        let member = |name: &str| {
            answer[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name} in {answer}"))
                .to_owned()
        };
        Tenant {
            client_id: member("client_id"),
            client_secret: member("client_secret"),
            database_name: member("database_name"),
        }
    }

    /// Starts the delivery of an event with `detail`, in EventBridge's envelope and by nothing but its
    /// `source`.
    pub(crate) fn delivery(&self, tenant: &Tenant, detail: &Value) -> RequestBuilder {
        let envelope = json!({
            "version": "0",
            "id": detail["event_id"],
            "detail-type": "history",
            "source": tenant.database_name,
            "account": "123456789012",
            "time": "2022-11-10T10:26:12Z",
            "region": "eu-west-2",
            "resources": [],
            "detail": detail,
        });
        self.request(Method::POST, "/api/event-bridge/create-event")
            .json(&envelope)
    }

    /// Delivers an event and returns when it was answered 201.
    pub(crate) async fn deliver(&self, tenant: &Tenant, detail: &Value) {
        expect(self.delivery(tenant, detail), StatusCode::CREATED).await;
    }

    pub(crate) async fn upload_url(&self, tenant: &Tenant) -> Upload {
        let answer = self.get_json(tenant, "/api/files/upload-url").await;
        let member = |name: &str| {
            answer[name]
                .as_str()
                .unwrap_or_else(|| panic!("no {name} in {answer}"))
                .to_owned()
        };
        Upload {
            url: member("upload_url"),
            file_id: member("file_id"),
        }
    }

    /// Delivers an event that references a file, and returns a URL to download the file with.
    pub(crate) async fn download_url(&self, tenant: &Tenant, file_id: &str) -> String {
        let detail = event_with_file(file_id);
        self.deliver(tenant, &detail).await;
        let event_id = detail["event_id"].as_str().expect("an event has an id");
        let target = format!("/api/history/events/{event_id}/file");
        let answer = self.get_json(tenant, &target).await;
        assert_eq!(answer["file_id"], file_id);
        answer["download_url"]
            .as_str()
            .expect("a URL is text")
            .to_owned()
    }
}

/// Returns the `detail` of an event with fresh id.
pub(crate) fn event() -> Value {
    json!({
        "event_id": super::uuid(),
        "event_time": "2022-11-10T10:26:12.111Z",
        "event_type_id": 1,
        "record_id": 42,
        "source_id": 7,
        "source_type_id": 0,
        "event_data": [],
    })
}

/// Returns the `detail` of an event that references a file.
pub(crate) fn event_with_file(file_id: &str) -> Value {
    let mut detail = event();
    detail["event_type_id"] = 9.into();
    detail["file_id"] = file_id.into();
    detail
}

/// Sends a request, holds its answer to `status`, and returns it.
pub(crate) async fn expect(request: RequestBuilder, status: StatusCode) -> Response {
    let response = request.send().await.expect("the server answers");
    if response.status() == status {
        return response;
    }
    let (found, url) = (response.status(), response.url().clone());
    let body = response.text().await.unwrap_or_default();
    panic!("{url} answered {found} and not {status}: {body}");
}

/// Sends a request, holds its answer to `status`, and returns the JSON of its body.
pub(crate) async fn expect_json(request: RequestBuilder, status: StatusCode) -> Value {
    let response = expect(request, status).await;
    response.json().await.expect("the answer is JSON")
}
