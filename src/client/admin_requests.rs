//! Requests of administrators.

use http::Method;
use serde_json::{Value, json};

use super::Error;
use super::api::{Api, CALL, answer};

impl Api {
    /// Sends a request, in one attempt.
    pub(super) async fn post_once(
        &self,
        name: &'static str,
        segments: &[&str],
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, Error> {
        let request = self.request(Method::POST, segments, query);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        answer(name, request).await
    }

    pub(super) async fn patch_tenant(&self, client_id: &str, label: &str) -> Result<Value, Error> {
        let body = json!({ "client_label": label });
        let segments = ["tenants", client_id];
        let request = || {
            answer(
                "tenants",
                self.request(Method::PATCH, &segments, &[]).json(&body),
            )
        };
        self.retry.run(CALL, request).await
    }

    pub(super) async fn delete_tenant(&self, client_id: &str, files: bool) -> Result<(), Error> {
        let files = if files { "delete" } else { "keep" };
        let query = [("files", files.to_owned())];
        let request = || {
            let request = self.request(Method::DELETE, &["delete-tenant"], &query);
            answer("delete-tenant", request.header("X-Client-Id", client_id))
        };
        let _: Value = self.retry.run(CALL, request).await?;
        Ok(())
    }

    pub(super) async fn revoke_key(&self, id: &str) -> Result<(), Error> {
        let request = self.request(Method::DELETE, &["keys", id], &[]);
        let _: Value = answer("keys", request).await?;
        Ok(())
    }
}
