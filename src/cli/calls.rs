//! Shared by the commands that call a running service: opening the client, and the ids of types.

use crate::client::{Access, Client};
use crate::config::{ClientConfig, LogFormat, Problems};
use crate::domain::Catalogue;
use crate::telemetry;

/// Opens a client for the tenant of the settings. Its retries are logged.
pub(super) fn open_client(config: &ClientConfig) -> anyhow::Result<Client> {
    telemetry::init_tracing(LogFormat::Text, "warn");
    Ok(Client::new(Access {
        url: config.url.clone(),
        api_key: config.api_key.clone(),
        client_id: config.client_id.clone(),
        retry_for: config.retry_for,
    })?)
}

/// Event types and source types, each a number or a name that the service has for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Types<'a> {
    pub(super) event_types: &'a [String],
    pub(super) source_types: &'a [String],
}

impl Types<'_> {
    /// Returns the ids of the event types and of the source types. Only the service knows names, so it is asked, unless all
    /// are numbers.
    pub(super) async fn ids(self, client: &Client) -> anyhow::Result<(Vec<i32>, Vec<i32>)> {
        let Self {
            event_types,
            source_types,
        } = self;
        let is_number = |text: &String| text.parse::<i32>().is_ok();
        let catalogue = if event_types.iter().chain(source_types).all(is_number) {
            Catalogue::default()
        } else {
            client.catalogue().await?
        };
        let mut problems = Vec::new();
        let mut ids =
            |flag: &str, texts: &[String], parse: &dyn Fn(&str) -> Result<i32, String>| {
                let mut ids = Vec::new();
                for text in texts {
                    match parse(text) {
                        Ok(id) => ids.push(id),
                        Err(problem) => problems.push(format!("{flag}: {problem}")),
                    }
                }
                ids
            };
        let event_types = ids("--event-type", event_types, &|text| {
            catalogue.parse_event_type(text)
        });
        let source_types = ids("--source-type", source_types, &|text| {
            catalogue.parse_source_type(text)
        });
        if problems.is_empty() {
            return Ok((event_types, source_types));
        }
        Err(Problems(problems).into())
    }
}
