//! `event-history keys` and `tenants`.

use serde_json::Value;

use super::{Fixture, refused};
use crate::support::{self, Server};

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn keys_are_made_listed_and_revoked() {
    let fixture = Fixture::new().await;
    let run = |arguments: &[&str]| support::run(&mut fixture.command(arguments));
    let create = [
        "keys",
        "create",
        "reports \u{1b}[2J",
        "--scope",
        "read",
        "--scope",
        "admin",
    ];
    let printed = run(&[
        &create[..],
        &[
            "--tenant",
            "alx_demo",
            "--expires-at",
            "2199-01-01T00:00:00Z",
        ],
    ]
    .concat());
    let key = printed.strip_suffix('\n').unwrap();
    assert!(
        key.starts_with("ehk_") && !key.contains('\n'),
        "{printed:?}"
    );
    let query = || {
        let mut command = fixture.command(&["query"]);
        command.env("EVENT_HISTORY_API_KEY", key);
        command
    };
    support::run(&mut query());

    let listed = run(&["keys", "list"]);
    let [header, row] = listed.lines().collect::<Vec<_>>()[..] else {
        panic!("{listed}");
    };
    assert!(header.starts_with("ID "), "{header}");
    for part in [
        "read admin",
        &fixture.tenant.client_id,
        "2199-01-01",
        "reports \\u{1b}[2J",
    ] {
        assert!(row.contains(part), "{row}");
    }
    let listed = json_lines(&run(&["keys", "list", "--json"]));
    assert_eq!(
        (listed.len(), &listed[0]["client_id"]),
        (1, &Value::from(fixture.tenant.client_id.clone()))
    );
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!(run(&["keys", "revoke", id]), "");
    assert!(refused(query()).contains("401"));
    assert!(refused(fixture.command(&["keys", "revoke", id])).contains("key not found"));
    let unknown = [
        "keys", "create", "x", "--scope", "read", "--tenant", "nobody",
    ];
    assert!(refused(fixture.command(&unknown)).contains("no tenant 'nobody'"));
}

#[tokio::test]
async fn tenants_are_created_shown_and_deleted() {
    let fixture = Fixture::new().await;
    let run = |arguments: &[&str]| support::run(&mut fixture.command(arguments));
    let printed = run(&["tenants", "create", "other", "--label", "Übrige"]);
    let secret = printed
        .lines()
        .find_map(|line| line.strip_prefix("client secret  "))
        .unwrap();
    assert_eq!(secret.len(), 64, "{printed}");
    let id = printed
        .lines()
        .find_map(|line| line.strip_prefix("client id      "))
        .unwrap();
    assert!(
        refused(fixture.command(&["tenants", "create", "other"])).contains("Client already exist.")
    );

    let listed = run(&["tenants", "list"]);
    let names: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(names, ["NAME", "alx_demo", "other"]);
    let found = json_lines(&run(&["tenants", "list", "BRIGE", "--json"]));
    assert_eq!((found.len(), found[0]["client_id"].as_str()), (1, Some(id)));

    run(&["tenants", "label", id, "Andere"]);
    let shown = run(&["tenants", "show", "other"]);
    for line in [
        "name        other",
        "label       Andere",
        "events      0",
        "last event  -",
    ] {
        assert!(shown.lines().any(|it| it == line), "{shown}");
    }
    let shown = json_lines(&run(&["tenants", "show", id, "--json"]));
    assert_eq!(shown[0]["files"], 0);

    // A tenant named like the client id of another does not hide it.
    run(&["tenants", "create", id]);
    let shown = json_lines(&run(&["tenants", "show", id, "--json"]));
    assert_eq!(shown[0]["database_name"], "other");

    let rotated = run(&["tenants", "rotate-secret", "other", "--overlap", "0"]);
    let rotated = rotated.strip_suffix('\n').unwrap();
    assert!(rotated.len() == 64 && rotated != secret, "{rotated}");

    // There is no terminal at which anybody could confirm it.
    let refusal = refused(fixture.command(&["tenants", "delete", "other"]));
    assert!(refusal.contains("--yes"), "{refusal}");
    assert_eq!(run(&["tenants", "delete", "other", "--yes"]), "");
    assert!(refused(fixture.command(&["tenants", "show", "other"])).contains("no tenant 'other'"));

    // The audit of it, by the command that lists any history.
    let mut query = fixture.command(&["query", "--json", "--event-type", "103"]);
    query.env("EVENT_HISTORY_CLIENT_ID", "_system");
    let acts = json_lines(&support::run(&mut query));
    assert_eq!(
        (acts.len(), &acts[0]["event_type"]),
        (1, &Value::from("tenant_deleted"))
    );
}

#[tokio::test]
async fn deleted_tenants_are_listed_and_restored() {
    let fixture = Fixture::at(Server::builder().arg("--deletion-delay=1h").start()).await;
    let run = |arguments: &[&str]| support::run(&mut fixture.command(arguments));
    let restore = ["tenants", "restore", "alx_demo"];
    assert!(refused(fixture.command(&restore)).contains("no deleted tenant 'alx_demo'"));
    run(&["tenants", "delete", "alx_demo", "--yes"]);
    assert_eq!(run(&["tenants", "list"]).lines().count(), 1, "the header");
    let listed = run(&["tenants", "list", "--deleted"]);
    assert!(
        listed.contains("RESTORABLE UNTIL") && listed.contains("alx_demo"),
        "{listed}"
    );
    assert_eq!(run(&restore), "");
    assert!(run(&["tenants", "show", "alx_demo"]).contains(&fixture.tenant.client_id));
}
