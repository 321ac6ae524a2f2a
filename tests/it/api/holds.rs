//! Legal holds.

use serde_json::{Value, json};

use super::{Answer, Call, tenant};
use crate::support::{self, Server};

#[tokio::test]
async fn a_tenant_under_a_hold_is_not_deleted() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let path = format!("/api/tenants/{client}/holds");
    assert_eq!(list(&server, &path).await, json!([]));
    let of_record = place(
        &server,
        &path,
        &json!({"record_id": 42, "reason": "Case 7"}),
    )
    .await;
    assert_eq!(of_record.status, 201);
    let of_all = place(&server, &path, &json!({"record_id": null, "reason": "é"})).await;
    assert_eq!(of_all.status, 201);
    assert_eq!(of_all.body["record_id"], Value::Null);
    let listed = list(&server, &path).await;
    assert_eq!(listed, json!([of_record.body, of_all.body]));

    for query in ["", "?files=delete"] {
        let path = format!("/api/delete-tenant{query}");
        let answer = delete(&server, &path, &client).await;
        answer.is_error(400, "'demo' tenant is under a legal hold.");
    }
    for hold in [of_record, of_all] {
        let id = hold.body["id"].as_str().expect("an id").to_owned();
        let hold = format!("{path}/{id}");
        let answer = delete(&server, &hold, "").await;
        answer.is_error(200, &format!("'{id}' hold released."));
        let answer = delete(&server, &hold, "").await;
        answer.is_error(404, &format!("'{id}' hold not found."));
    }
    let answer = delete(&server, "/api/delete-tenant", &client).await;
    answer.is_error(200, "'demo' tenant deleted.");
    let answer = Call::new(&server, "GET", &path).send().await;
    answer.is_error(400, "Failed to connect to tenant db.");
}

#[tokio::test]
async fn requests_about_holds_are_checked() {
    let server = Server::start();
    let client = tenant(&server, "demo").await;
    let path = format!("/api/tenants/{client}/holds");
    let answer = Call::bare(&server, "GET", &path).send().await;
    answer.is_error(401, "Unauthorized API Key.");
    for unknown in [&support::uuid(), "demo", "%20"] {
        let path = format!("/api/tenants/{unknown}/holds");
        for method in ["GET", "POST"] {
            let answer = Call::new(&server, method, &path).send().await;
            answer.is_error(400, "Failed to connect to tenant db.");
        }
    }
    for (body, problem) in [
        (json!({}), "body.reason missing"),
        (json!({"reason": ""}), "body.reason string_too_short"),
        (
            json!({"reason": "x".repeat(1025)}),
            "body.reason string_too_long",
        ),
        (json!({"reason": 7}), "body.reason string_type"),
        (
            json!({"reason": "x", "record_id": "7"}),
            "body.record_id int_type",
        ),
    ] {
        place(&server, &path, &body).await.is_invalid(&[problem]);
    }
    let answer = Call::new(&server, "PUT", &path).send().await;
    answer.is_error(405, "Method Not Allowed");
    assert_eq!(answer.header("allow"), "GET, POST");
    let answer = delete(&server, &format!("{path}/7"), "").await;
    answer.is_invalid(&["path.hold_id uuid_parsing"]);
    assert_eq!(list(&server, &path).await, json!([]));
}

async fn list(server: &Server, path: &str) -> Value {
    let answer = Call::new(server, "GET", path).send().await;
    assert_eq!(answer.status, 200);
    answer.body["holds"].clone()
}

async fn place(server: &Server, path: &str, body: &Value) -> Answer {
    Call::new(server, "POST", path).json(body).send().await
}

async fn delete(server: &Server, path: &str, client: &str) -> Answer {
    let call = Call::new(server, "DELETE", path);
    if client.is_empty() {
        call.send().await
    } else {
        call.client(client).send().await
    }
}
