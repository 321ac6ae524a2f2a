//! Every operation of the OpenAPI document, called with one tenant's client id and everything that
//! belongs to another: nothing of the other shows, and nothing of the other changes.

mod answers;
mod owner;
mod scopes;
mod view_tokens;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use answers::{Answer, answer};
use owner::{assert_the_scan_can_fail, everything};

use crate::support::{self, Server, Tenant, event, expect, expect_json};

/// The members of an OpenAPI path item that are operations; the others describe them.
const METHODS: [&str; 8] = [
    "get", "post", "put", "patch", "head", "options", "trace", "delete",
];

/// What an owner's data is known by. A request names these, and an answer may repeat what its own
/// request said, but nothing else of it.
#[derive(Debug, Clone)]
struct Belongings {
    database_name: String,
    event_id: String,
    file_id: String,
    record_id: i64,
    source_id: i64,
    upload_id: String,
    cursor: String,
    /// Of a list.
    page_cursor: String,
}

/// A tenant with one event that has a file, and words that stand nowhere else.
struct Owner {
    tenant: Tenant,
    belongings: Belongings,
    secrets: Vec<String>,
}

/// One way to call an operation.
#[derive(Debug, Clone)]
struct Call {
    method: Method,
    target: String,
    body: Option<Value>,
}

#[tokio::test]
async fn no_route_shows_or_changes_another_tenants_history() {
    let server = Server::start();
    let owner = own_something(&server).await;
    let stranger = server
        .create_tenant(&format!("b_{}", support::uuid()))
        .await;
    server.deliver(&stranger, &event()).await;
    assert_the_scan_can_fail(&server, &owner).await;
    let before = everything(&server, &owner).await;

    let document = expect_json(server.request(Method::GET, "/openapi.json"), StatusCode::OK).await;
    let operations = operations(&document);
    assert!(
        operations.len() >= 9,
        "the document has {} operations alone",
        operations.len()
    );
    let nobodys = Belongings::nobodys();
    for operation in &operations {
        if operation.path == "/api/tenants" {
            continue; // with this key it lists all tenants: that is what it is for
        }
        let calls = operation.calls(&owner.belongings);
        let twins = operation.calls(&nobodys);
        for (call, twin) in calls.iter().zip(&twins) {
            let answer = answer(&server, &stranger, call).await;
            owner.assert_hidden(call, &answer);
            let twin_answer = answers::answer(&server, &stranger, twin).await;
            if operation.names_something() {
                let masked = owner.belongings.mask(&answer);
                assert_eq!(
                    masked,
                    nobodys.mask(&twin_answer),
                    "{call:?} tells that it is there"
                );
            }
        }
    }
    assert_eq!(everything(&server, &owner).await, before);
}

/// Makes a tenant whose every member is a word of its own.
async fn own_something(server: &Server) -> Owner {
    let tenant = server
        .create_tenant(&format!("a_{}", support::uuid()))
        .await;
    let upload = server.upload_url(&tenant).await;
    let [data, name, info, content] = [(); 4].map(|()| format!("secret-{}", support::uuid()));
    let put = server.client().put(&upload.url).body(content.clone());
    expect(put, StatusCode::OK).await;
    let begin = server
        .request_as(&tenant, Method::POST, "/api/files/multipart")
        .json(&json!({ "content_length": 10 }));
    let upload_in_parts = expect_json(begin, StatusCode::CREATED).await;
    let belongings = Belongings {
        database_name: tenant.database_name.clone(),
        event_id: support::uuid(),
        file_id: upload.file_id,
        record_id: 7_345_120_961,
        source_id: 7_345_120_962,
        upload_id: upload_in_parts["upload_id"]
            .as_str()
            .expect("an id")
            .to_owned(),
        cursor: support::cursor(&tenant.client_id),
        page_cursor: support::page_cursor(&tenant.client_id),
    };
    let mut detail = belongings.event();
    detail["file_id"] = belongings.file_id.as_str().into();
    detail["event_data"] = json!([data]);
    detail["source_name"] = name.as_str().into();
    detail["source_info"] = info.as_str().into();
    server.deliver(&tenant, &detail).await;
    let secrets = vec![
        data,
        name,
        info,
        content,
        tenant.client_id.clone(),
        tenant.client_secret.clone(),
    ];
    Owner {
        tenant,
        belongings,
        secrets,
    }
}

impl Owner {
    fn assert_hidden(&self, call: &Call, answer: &Answer) {
        if let Some(word) = self.shown(call, answer) {
            panic!("{call:?} shows '{word}' of another tenant: {answer:?}");
        }
    }

    /// Returns what of this tenant an answer shows, beside what its own request said.
    fn shown(&self, call: &Call, answer: &Answer) -> Option<String> {
        let request = format!("{} {}", call.target, call.body.clone().unwrap_or_default());
        let mut words = self.secrets.clone();
        words.extend(self.belongings.words());
        words
            .into_iter()
            .find(|word| answer.text.contains(word.as_str()) && !request.contains(word.as_str()))
    }
}

impl Belongings {
    /// Returns values of the same form that belong to nobody.
    fn nobodys() -> Self {
        Self {
            database_name: format!("c_{}", support::uuid()),
            event_id: support::uuid(),
            file_id: support::uuid(),
            record_id: 7_345_120_963,
            source_id: 7_345_120_964,
            upload_id: support::uuid(),
            cursor: support::cursor(&support::uuid()),
            page_cursor: support::page_cursor(&support::uuid()),
        }
    }

    fn words(&self) -> [String; 6] {
        let Self {
            database_name,
            event_id,
            file_id,
            record_id,
            source_id,
            upload_id,
            cursor: _,
            page_cursor: _,
        } = self;
        [
            upload_id.clone(),
            database_name.clone(),
            event_id.clone(),
            file_id.clone(),
            record_id.to_string(),
            source_id.to_string(),
        ]
    }

    /// Returns an answer without the values that its request named, and without a cursor of the feed, which moves with
    /// time on ClickHouse.
    fn mask(&self, answer: &Answer) -> Answer {
        let mut text = answer.text.clone();
        if let Ok(Value::Object(mut body)) = serde_json::from_str(&text)
            && body.contains_key("cursor")
        {
            body.insert("cursor".to_owned(), "…".into());
            text = Value::Object(body).to_string();
        }
        for word in self.words() {
            text = text.replace(&word, "…");
        }
        let lines = text.lines().filter(|line| !line.starts_with("id: "));
        text = lines.collect::<Vec<_>>().join("\n");
        Answer {
            status: answer.status,
            text,
        }
    }

    fn event(&self) -> Value {
        let mut detail = event();
        detail["event_id"] = self.event_id.as_str().into();
        detail["record_id"] = self.record_id.into();
        detail["source_id"] = self.source_id.into();
        detail
    }

    /// Returns the same event with the file in each place, and without it.
    fn events(&self) -> [Value; 4] {
        let [mut with_file, mut with_files, mut with_data, plain] = [(); 4].map(|()| self.event());
        with_file["file_id"] = self.file_id.as_str().into();
        with_files["file_ids"] = json!([self.file_id]);
        with_data["event_data"] = json!([{"file_id": self.file_id}]);
        [with_file, with_files, with_data, plain]
    }

    fn envelope(&self, detail: &Value) -> Value {
        json!({
            "version": "0",
            "id": self.event_id,
            "detail-type": self.database_name,
            "source": self.database_name,
            "account": self.database_name,
            "time": "2022-11-10T10:26:12Z",
            "region": "eu-west-2",
            "resources": [],
            "detail": detail,
        })
    }

    /// Returns the value that a parameter of the document takes; `None` for one that this test does
    /// not know.
    fn parameter(&self, name: &str) -> Option<String> {
        Some(match name {
            "event_id" | "after_event" | "key_id" => self.event_id.clone(),
            "record_id" => self.record_id.to_string(),
            "source_id" => self.source_id.to_string(),
            // The key may name any tenant in a path: that is no matter of whose client id is sent.
            "client_id" | "hold_id" => support::uuid(),
            "event_type_id" => "9".to_owned(),
            "event_time_from" | "received_from" | "from" => "1970-01-01T00:00:00Z".to_owned(),
            "event_time_to" | "received_to" | "at" | "to" => "2100-01-01T00:00:00Z".to_owned(),
            "ordering" => "event_time".to_owned(),
            "q" => "secret".to_owned(), // a word of all that is hidden
            "limit" => "1000".to_owned(),
            "offset" | "source_type_id" | "wait" | "overlap" => "0".to_owned(),
            "once" | "redirect" | "has_file" | "deleted" => "true".to_owned(),
            "files" => "delete".to_owned(),
            "results" => "all".to_owned(),
            "file_id" => self.file_id.clone(),
            "disposition" => "inline".to_owned(),
            "content_type" => "application/pdf".to_owned(),
            "content_length" | "expires_in" => "60".to_owned(),
            "checksum_sha256" => "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".replace('+', "%2B"),
            "file_name" => "report.pdf".to_owned(),
            "after" | "until" => self.cursor.clone(),
            "format" => "csv".to_owned(),
            "cursor" => self.page_cursor.clone(),
            "count" => "exact".to_owned(),
            "source_name" | "source_info" => String::new(),
            "field" | "value" => "status".to_owned(),
            "bucket" => "month".to_owned(),
            "by" => "source".to_owned(),
            _ => return None,
        })
    }
}

/// One operation of the document.
#[derive(Debug)]
struct Operation {
    method: Method,
    path: String,
    path_parameters: Vec<String>,
    query_parameters: Vec<String>,
    has_body: bool,
}

/// Returns the document's operations: reading first, removing last.
fn operations(document: &Value) -> Vec<Operation> {
    let paths = document["paths"].as_object().expect("a document has paths");
    let mut operations = Vec::new();
    for (path, item) in paths {
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            operations.push(Operation::new(path, method, &item[*method]));
        }
    }
    // What is redacted is not there yet: later the same id is that of an event of the stranger's own.
    let rank = |operation: &Operation| match operation.method {
        _ if operation.path.ends_with("/redact") => 0,
        Method::GET => 0,
        Method::DELETE => 2,
        _ => 1,
    };
    operations.sort_by_key(rank);
    operations
}

impl Operation {
    fn new(path: &str, method: &str, operation: &Value) -> Self {
        let parameters = operation["parameters"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let named = |place: &str| {
            let of_place = parameters
                .iter()
                .filter(|parameter| parameter["in"] == place);
            let name = |parameter: &Value| {
                parameter["name"]
                    .as_str()
                    .expect("a parameter has a name")
                    .to_owned()
            };
            of_place.map(name).collect::<Vec<_>>()
        };
        for header in named("header") {
            assert!(
                ["X-Client-Id", "If-None-Match", "Last-Event-ID"].contains(&header.as_str()),
                "{path} takes a header that this test does not know"
            );
        }
        assert!(named("cookie").is_empty(), "{path} takes a cookie");
        Self {
            method: method.to_uppercase().parse().expect("a method of HTTP"),
            path: path.to_owned(),
            path_parameters: named("path"),
            query_parameters: named("query"),
            has_body: operation.get("requestBody").is_some(),
        }
    }

    /// Tells whether a request names anything of a tenant's, so that its answer could tell what is there
    /// from what is not. Making a tenant is documented to tell that: a name is taken or free. What is
    /// signed differs each time, and is signed without a look at what is there. Removing a tenant names
    /// nothing of it, and can be done once.
    fn names_something(&self) -> bool {
        let says_something =
            self.has_body || !self.path_parameters.is_empty() || !self.query_parameters.is_empty();
        let is_no_look = [
            "/api/initialize-tenant",
            "/api/delete-tenant",
            "/api/keys",
            "/api/view-tokens",
            "/api/files/upload-url",
            "/api/files/upload-form",
            "/api/files/multipart",
            "/api/files/multipart/{file_id}/sign",
        ];
        says_something && !is_no_look.contains(&self.path.as_str())
    }

    /// Returns calls with every parameter: none of the query, each alone, and all together.
    fn calls(&self, belongings: &Belongings) -> Vec<Call> {
        let fill = |name: &String| {
            belongings.parameter(name).unwrap_or_else(|| {
                panic!(
                    "{} {} takes '{name}': teach this test a value",
                    self.method, self.path
                )
            })
        };
        let mut path = self.path.clone();
        for name in &self.path_parameters {
            path = path.replace(&format!("{{{name}}}"), &fill(name));
        }
        assert!(
            !path.contains('{'),
            "{path} has a parameter that the document does not list"
        );
        let pairs: Vec<String> = self
            .query_parameters
            .iter()
            .map(|name| format!("{name}={}", fill(name)))
            .collect();
        let mut targets = vec![path.clone()];
        targets.extend(pairs.iter().map(|pair| format!("{path}?{pair}")));
        if pairs.len() > 1 {
            // A position is given in one way.
            let together = pairs.iter().filter(|it| !it.starts_with("cursor="));
            let together: Vec<&str> = together.map(String::as_str).collect();
            targets.push(format!("{path}?{}", together.join("&")));
        }
        targets.sort_by_key(|it| !it.contains("files=delete")); // can be done once, and first so
        let bodies = self.bodies(belongings);
        let mut calls = Vec::new();
        for target in targets {
            for body in &bodies {
                let (method, target) = (self.method.clone(), target.clone());
                calls.push(Call {
                    method,
                    target,
                    body: body.clone(),
                });
            }
        }
        calls
    }

    fn bodies(&self, belongings: &Belongings) -> Vec<Option<Value>> {
        match self.path.as_str() {
            _ if !self.has_body => vec![None],
            "/api/initialize-tenant" => vec![Some(json!({
                "database_name": belongings.database_name,
                "client_label": "A stranger",
            }))],
            "/api/event-bridge/create-event" => belongings
                .events()
                .map(|detail| Some(belongings.envelope(&detail)))
                .into(),
            "/api/events" => {
                let several = Value::from(belongings.events().to_vec());
                let alone = belongings.events().map(Some);
                [vec![Some(several)], alone.into()].concat()
            }
            "/api/tenants/{client_id}" => vec![Some(json!({ "client_label": "A stranger's" }))],
            "/api/tenants/{client_id}/holds" => vec![Some(json!({ "reason": "A stranger's" }))],
            "/api/view-tokens" => vec![Some(json!({ "record_id": belongings.record_id }))],
            "/api/keys" => vec![Some(json!({ "name": "a stranger's", "scopes": ["read"] }))],
            "/api/history/events/{event_id}/redact" => vec![Some(json!({
                "members": ["/event_data"],
                "reason": "A stranger's",
            }))],
            "/api/tenants/{client_id}/retention" => vec![Some(json!({ "rules": [] }))],
            "/api/files/upload-form" => vec![Some(json!({ "max_length": 10 }))],
            "/api/files/multipart" => vec![Some(json!({ "content_length": 10 }))],
            path if path.starts_with("/api/files/multipart/") => vec![Some(json!({
                "upload_id": belongings.upload_id,
                "part_numbers": [1],
            }))],
            path => panic!("{path} takes a body: teach this test one"),
        }
    }
}
