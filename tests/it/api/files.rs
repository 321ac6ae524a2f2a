//! URLs for files, and events that reference them, on the embedded storage.

use serde_json::{Value, json};

use super::{Answer, Call, envelope, event_id, send_event, tenant};
use crate::support::Server;

const ABSENT: &str = "4f0c8c5e-8a4b-4f65-9d3e-0f6f8f6b7a11";

async fn upload_url(server: &Server, client: &str) -> (String, String) {
    let answer = Call::new(server, "GET", "/api/files/upload-url")
        .client(client)
        .send()
        .await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    let members: Vec<_> = answer.body.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["file_id", "upload_url"]);
    let member = |name: &str| answer.body[name].as_str().expect("a text").to_owned();
    (member("upload_url"), member("file_id"))
}

async fn upload(server: &Server, client: &str, bytes: &'static [u8]) -> String {
    let (url, file_id) = upload_url(server, client).await;
    let answer = reqwest::Client::new()
        .put(url)
        .body(bytes)
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    file_id
}

async fn file_of(server: &Server, client: &str, path: &str) -> Answer {
    let path = format!("/api/history/events/{path}");
    Call::new(server, "GET", &path).client(client).send().await
}

#[tokio::test]
async fn an_upload_url_is_for_one_new_file_of_the_tenant() {
    let server = Server::start();
    let client = tenant(&server, "alx_demo").await;
    let (url, file_id) = upload_url(&server, &client).await;
    let (other_url, other_id) = upload_url(&server, &client).await;
    assert!(url != other_url && file_id != other_id);
    let id = uuid::Uuid::parse_str(&file_id).expect("a UUID");
    assert_eq!((id.get_version_num(), id.to_string()), (4, file_id.clone()));
    let start = format!(
        "{}/event-history/alx_demo/{file_id}?X-Amz-Algorithm=AWS4-HMAC",
        server.url()
    );
    assert!(url.starts_with(&start), "{url}");
    assert!(url.contains("&X-Amz-Expires=900&"), "{url}");
}

#[tokio::test]
async fn an_event_with_a_file_leads_to_its_bytes() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let in_detail = upload(&server, &client, b"first").await;
    let in_data = upload(&server, &client, b"second").await;
    let mut first = envelope("demo", 1);
    first["detail"]["file_id"] = json!(in_detail.to_uppercase());
    first["detail"]["event_data"] = json!([{ "file_id": in_data }]);
    let mut second = envelope("demo", 2);
    second["detail"]["event_data"] =
        json!(["x", { "a": { "file_id": ABSENT } }, { "file_id": in_data }]);
    send_event(&server, &first).await;
    send_event(&server, &second).await;

    for (number, file_id, bytes) in [(1, &in_detail, "first"), (2, &in_data, "second")] {
        let path = format!("{}/file", event_id(number));
        let answer = file_of(&server, &client, &path).await;
        assert_eq!(answer.status, 200);
        let url = answer.body["download_url"].as_str().expect("a URL");
        answer.is(200, &json!({ "download_url": url, "file_id": file_id }));
        let download = reqwest::get(url)
            .await
            .expect("an answer")
            .text()
            .await
            .expect("bytes");
        assert_eq!(download, bytes);

        let redirect = file_of(&server, &client, &format!("{path}?redirect=true")).await;
        assert_eq!(
            (redirect.status.as_u16(), &redirect.body),
            (307, &Value::Null)
        );
        let download = reqwest::get(redirect.header("location"))
            .await
            .expect("an answer");
        assert_eq!(download.text().await.expect("bytes"), bytes);
        assert_eq!(
            file_of(&server, &client, &format!("{path}?redirect=false"))
                .await
                .status,
            200
        );
    }
    let listed = Call::new(&server, "GET", "/api/history/events")
        .client(&client)
        .send()
        .await;
    assert_eq!(listed.body["results"][0]["file_id"], json!(in_data));
    assert_eq!(listed.body["results"][1]["file_id"], json!(in_detail));
}

#[tokio::test]
async fn missing_files_look_the_same_whatever_the_reason() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let stranger = tenant(&server, "stranger").await;
    let file_id = upload(&server, &client, b"mine").await;
    let mut event = envelope("demo", 1);
    event["detail"]["file_id"] = json!(file_id);
    send_event(&server, &event).await;
    send_event(&server, &envelope("demo", 2)).await;
    for (client, number) in [(&client, 2), (&client, 3), (&stranger, 1)] {
        let answer = file_of(&server, client, &format!("{}/file", event_id(number))).await;
        answer.is_error(404, &format!("'{}' event has no file.", event_id(number)));
    }
    // Another tenant's file is refused like one that does not exist.
    for file_id in [file_id.as_str(), ABSENT] {
        let mut event = envelope("stranger", 5);
        event["detail"]["file_id"] = json!(file_id);
        let answer = Call::new(&server, "POST", "/api/event-bridge/create-event")
            .json(&event)
            .send()
            .await;
        answer.is_error(400, &format!("'{file_id}' file not found in storage."));
    }
}

#[tokio::test]
async fn invalid_parameters_are_all_reported() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let call = async |path: &str| file_of(&server, &client, path).await;
    call("x/file?redirect=maybe")
        .await
        .is_invalid(&["path.event_id uuid_parsing", "query.redirect bool_parsing"]);
    let id = event_id(1);
    call(&format!("{id}/file?redirct=true"))
        .await
        .is_invalid(&["query.redirct extra_forbidden"]);
    let twice = format!("{id}/file?redirect=true&redirect=true");
    call(&twice).await.is_invalid(&["query.redirect too_long"]);
}

#[tokio::test]
async fn a_late_redelivery_needs_no_file() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let file_id = upload(&server, &client, b"gone tomorrow").await;
    let mut event = envelope("demo", 1);
    event["detail"]["file_id"] = json!(file_id);
    send_event(&server, &event).await;
    let shards =
        std::fs::read_dir(server.folder().join("data/files/objects")).expect("the storage");
    for shard in shards {
        for file in std::fs::read_dir(shard.expect("a shard").path()).expect("its files") {
            std::fs::remove_file(file.expect("a file").path()).expect("removed");
        }
    }
    send_event(&server, &event).await;
    event["detail"]["record_id"] = json!(99);
    let answer = Call::new(&server, "POST", "/api/event-bridge/create-event")
        .json(&event)
        .send()
        .await;
    answer.is_error(
        400,
        &format!("'{}' event exists with other content.", event_id(1)),
    );
}

#[tokio::test]
async fn without_credentials_there_are_no_urls() {
    let files = "s3://cluster-1-namespace-2?region=eu-west-2";
    let server = Server::builder()
        .arg("--files")
        .arg(files)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "")
        .env("AWS_SECRET_ACCESS_KEY", "")
        .start();
    let client = tenant(&server, "alx_demo").await;
    let call = Call::new(&server, "GET", "/api/files/upload-url").client(&client);
    let answer = call.send().await;
    answer.is_error(503, "Object storage credentials are unavailable.");
    assert_eq!(answer.header("retry-after"), "1");
    assert!(
        server.process().stderr().contains("credentials"),
        "the reason goes to the log"
    );
}

#[tokio::test]
async fn an_s3_url_has_the_documented_form() {
    let files = "s3://cluster-1-namespace-2?region=eu-west-2";
    let server = Server::builder()
        .arg("--files")
        .arg(files)
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env(
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        )
        .start();
    let client = tenant(&server, "alx_demo").await;
    let (url, file_id) = upload_url(&server, &client).await;
    let start = "https://s3.eu-west-2.amazonaws.com/cluster-1-namespace-2/alx_demo";
    assert!(
        url.starts_with(&format!("{start}/{file_id}?X-Amz-Algorithm=")),
        "{url}"
    );
    assert!(!server.process().stderr().contains("wJalrXUtnFEMI"));
}
