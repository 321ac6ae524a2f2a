//! Keys that are made through the API: what they allow, until when, and what is kept of them.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use event_history::domain::{Clock, SystemClock};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Answer, Call, tenant};
use crate::support::{Server, uuid, wait_for};

const KEYS: &str = "/api/keys";

/// A key, as the API shows it once.
struct Key {
    id: String,
    text: String,
}

async fn create(server: &Server, body: &Value) -> Key {
    let answer = Call::new(server, "POST", KEYS).json(body).send().await;
    assert_eq!(answer.status, 201, "{:?}", answer.body);
    key(&answer)
}

fn key(answer: &Answer) -> Key {
    let text = |name: &str| answer.body[name].as_str().expect("a text").to_owned();
    Key {
        id: text("id"),
        text: text("key"),
    }
}

impl Key {
    fn call<'a>(&self, server: &'a Server, method: &str, path: &str) -> Call<'a> {
        Call::bare(server, method, path).header("X-API-Key", &self.text)
    }

    async fn works(&self, server: &Server) -> bool {
        let answer = self.call(server, "GET", "/api/catalogue").send().await;
        match answer.status.as_u16() {
            200 => true,
            401 => false,
            _ => panic!("{answer:?}"),
        }
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_without_its_text() {
    let server = Server::start();
    let client_id = tenant(&server, "demo").await;
    let expires_at = "2199-12-31T23:59:59.123456Z";
    let body = json!({"name": "reader", "scopes": ["read", "write"], "client_id": client_id, "expires_at": expires_at});
    let answer = Call::new(&server, "POST", KEYS).json(&body).send().await;
    assert_eq!(answer.header("Cache-Control"), "no-store");
    let made = key(&answer);
    assert!(made.text.starts_with("ehk_"), "{}", made.text);
    answer.is(
        201,
        &json!({"id": made.id, "key": made.text, "name": "reader", "scopes": ["write", "read"],
                "client_id": client_id, "expires_at": expires_at}),
    );
    let other = create(&server, &json!({"name": "all", "scopes": ["admin"]})).await;

    let list = async || {
        let mut answer = Call::new(&server, "GET", KEYS).send().await;
        assert!(!answer.body.to_string().contains(&made.text));
        let keys = answer.body["keys"].as_array_mut().expect("a list");
        let created = keys.iter_mut().map(|it| it["created_at"].take());
        let created: Vec<_> = created.collect();
        assert!(created.iter().all(Value::is_string), "{created:?}");
        answer
    };
    let listed = |last_used_at: &Value| {
        json!({"keys": [
            {"id": made.id, "name": "reader", "scopes": ["write", "read"], "client_id": client_id, "created_at": null,
             "expires_at": expires_at, "last_used_at": last_used_at},
            {"id": other.id, "name": "all", "scopes": ["admin"], "client_id": null, "created_at": null,
             "expires_at": null, "last_used_at": null},
        ]})
    };
    list().await.is(200, &listed(&Value::Null));

    assert!(made.works(&server).await);
    let used = wait_for(
        "the use to be recorded",
        Duration::from_secs(10),
        async || {
            let answer = list().await;
            let used = answer.body["keys"][0]["last_used_at"].clone();
            used.is_string().then_some(used)
        },
    );
    let used = used.await;
    list().await.is(200, &listed(&used));

    let revoke = format!("{KEYS}/{}", other.id);
    let answer = Call::new(&server, "DELETE", &revoke).send().await;
    answer.is_error(200, &format!("'{}' key revoked.", other.id));
    let answer = Call::new(&server, "DELETE", &revoke).send().await;
    answer.is_error(404, &format!("'{}' key not found.", other.id));
    assert!(!other.works(&server).await, "it was revoked here");
    let answer = list().await;
    assert_eq!(answer.body["keys"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn a_key_expires() {
    let server = Server::start();
    let end = Timestamp::from_second(SystemClock.now().as_second() + 4).expect("a time");
    let body = json!({"name": "short", "scopes": ["read"], "expires_at": end.to_string()});
    let key = create(&server, &body).await;
    assert!(key.works(&server).await);
    wait_for("the key to expire", Duration::from_secs(10), async || {
        (!key.works(&server).await).then_some(())
    })
    .await;
    assert!(SystemClock.now() >= end);
}

#[tokio::test]
async fn a_key_of_one_tenant_reaches_no_other() {
    let server = Server::start();
    let (own, other) = (tenant(&server, "own").await, tenant(&server, "other").await);
    let scopes = json!(["write", "read", "admin"]);
    let body = json!({"name": "k", "scopes": scopes, "client_id": own});
    let key = create(&server, &body).await;
    let stranger = create(
        &server,
        &json!({"name": "s", "scopes": scopes, "client_id": other}),
    )
    .await;
    let events = "/api/history/events?limit=1";
    for (client_id, status) in [(Some(own.as_str()), 200), (None, 200), (Some(""), 200)] {
        let call = key.call(&server, "GET", events);
        let call = client_id.into_iter().fold(call, Call::client);
        assert_eq!(call.send().await.status, status);
    }
    let unknown = key
        .call(&server, "GET", events)
        .client(&uuid())
        .send()
        .await;
    unknown.is_error(400, "Failed to connect to tenant db.");
    for target in [events, "/api/files/upload-url"] {
        let answer = key.call(&server, "GET", target).client(&other).send().await;
        answer.is_error(400, "Failed to connect to tenant db.");
    }
    // The event of another's envelope is its own tenant's.
    let event = key.call(&server, "POST", "/api/event-bridge/create-event");
    let event = event.json(&super::envelope("other", 1)).send().await;
    event.is_error(201, "Event created.");
    let stored = async |key: &Key| {
        let page = key.call(&server, "GET", events).send().await;
        page.body["total_count"].clone()
    };
    assert_eq!(
        (stored(&key).await, stored(&stranger).await),
        (json!(1), json!(0))
    );

    // It manages its own tenant's keys, and makes no tenants.
    let keys = key.call(&server, "GET", KEYS).send().await;
    let ids: Vec<_> = keys.body["keys"]
        .as_array()
        .expect("a list")
        .iter()
        .collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(ids[0]["id"], key.id.as_str());
    let body = json!({"database_name": "third", "client_label": ""});
    let create = key
        .call(&server, "POST", "/api/initialize-tenant")
        .json(&body);
    create
        .send()
        .await
        .is_error(403, "The credential is for one tenant.");
    let made = key
        .call(&server, "POST", KEYS)
        .json(&json!({"name": "m", "scopes": ["read"]}));
    assert_eq!(made.send().await.body["client_id"], own.as_str());
    let body = json!({"name": "m", "scopes": ["read"], "client_id": other});
    let made = key.call(&server, "POST", KEYS).json(&body).send().await;
    made.is_error(400, "Failed to connect to tenant db.");
    let revoke = key.call(&server, "DELETE", &format!("{KEYS}/{}", stranger.id));
    revoke
        .send()
        .await
        .is_error(404, &format!("'{}' key not found.", stranger.id));
    assert!(stranger.works(&server).await);
    let delete = key
        .call(&server, "DELETE", "/api/delete-tenant")
        .client(&other);
    delete
        .send()
        .await
        .is_error(400, "Failed to connect to tenant db.");
    let delete = key
        .call(&server, "DELETE", "/api/delete-tenant")
        .send()
        .await;
    delete.is_error(200, "'own' tenant deleted.");
    let answer = key.call(&server, "GET", events).send().await;
    answer.is_error(400, "Failed to connect to tenant db.");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_key_is_said() {
    let server = Server::start();
    let create = async |body: Value| Call::new(&server, "POST", KEYS).json(&body).send().await;
    create(json!({}))
        .await
        .is_invalid(&["body.name missing", "body.scopes missing"]);
    let wrong =
        json!({"name": "", "scopes": [], "client_id": 1, "expires_at": "2020-01-01T00:00:00Z"});
    create(wrong).await.is_invalid(&[
        "body.name string_too_short",
        "body.scopes too_short",
        "body.client_id string_type",
        "body.expires_at datetime_future",
    ]);
    let long = "x".repeat(257);
    let wrong = json!({"name": long, "scopes": ["read", "read"], "expires_at": "tomorrow"});
    create(wrong).await.is_invalid(&[
        "body.name string_too_long",
        "body.scopes duplicate",
        "body.expires_at datetime_parsing",
    ]);
    let wrong = json!({"name": "k", "scopes": ["all"]});
    create(wrong).await.is_invalid(&["body.scopes enum"]);
    for client_id in [uuid(), "no id".to_owned()] {
        let unknown = json!({"name": "k", "scopes": ["read"], "client_id": client_id});
        let answer = create(unknown).await;
        answer.is_error(400, "Failed to connect to tenant db.");
    }
    let answer = Call::new(&server, "DELETE", "/api/keys/1").send().await;
    answer.is_invalid(&["path.key_id uuid_parsing"]);
}

/// Whoever can read the store can use no key.
#[tokio::test]
async fn hashes_alone_are_kept() {
    let server = Server::start();
    let key = create(
        &server,
        &json!({"name": "by this it is found", "scopes": ["read"]}),
    )
    .await;
    assert!(key.works(&server).await);
    let secret = &key.text[key.text.len() - 64..];
    let (mut names, mut secrets) = (0, 0);
    for_each_file(server.folder(), &mut |bytes| {
        names += count(bytes, b"by this it is found");
        secrets += count(bytes, secret.as_bytes());
        secrets += count(bytes, &hex::decode(secret).expect("digits"));
    });
    assert_eq!(secrets, 0);
    let is_sqlite = server.folder().join("data/registry.db").exists();
    assert!(names > 0 || !is_sqlite, "the search is blind");
}

fn for_each_file(folder: &Path, visit: &mut dyn FnMut(&[u8])) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            for_each_file(&path, visit);
        } else if let Ok(bytes) = fs::read(&path) {
            visit(&bytes);
        }
    }
}

fn count(bytes: &[u8], word: &[u8]) -> usize {
    let windows = bytes.windows(word.len());
    windows.filter(|it| *it == word).count()
}

/// However many wrong keys are tried, one that exists is found.
#[tokio::test]
async fn wrong_keys_delay_no_right_one() {
    let server = Server::start();
    let key = create(&server, &json!({"name": "k", "scopes": ["read"]})).await;
    let other = create(&server, &json!({"name": "k", "scopes": ["read"]})).await;
    // The id of one and the secret of another.
    let mixed = format!(
        "{}{}",
        &key.text[..key.text.len() - 64],
        &other.text[other.text.len() - 64..]
    );
    let guesses = (0..300).map(|number| {
        let guess = match number % 3 {
            0 => format!("ehk_{}_{number:064x}", uuid().replace('-', "")),
            1 => mixed.clone(),
            _ => format!("{}0", key.text),
        };
        let call = Call::bare(&server, "GET", "/api/catalogue").header("X-API-Key", guess);
        async { call.send().await.is_error(401, "Unauthorized API Key.") }
    });
    let guesses = futures_util::future::join_all(guesses);
    let started = Instant::now();
    let (_, works) = tokio::join!(guesses, async { key.works(&server).await });
    assert!(works);
    println!("300 wrong keys took {:?}", started.elapsed());
}
