//! Baseline for HTTP: axum alone, which reads each request and answers the same bytes.

use std::net::Ipv4Addr;

use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::{Router, serve};
use tokio::net::TcpListener;

use crate::say;

#[derive(clap::Args)]
pub(super) struct Options {
    #[arg(long)]
    status: u16,
    /// The size of the body in bytes
    #[arg(long)]
    size: usize,
}

pub(super) async fn run(options: Options) -> anyhow::Result<()> {
    let status = StatusCode::from_u16(options.status)?;
    let body = Bytes::from(vec![b'x'; options.size]);
    let answer = move |_: Bytes| {
        let body = body.clone();
        async move { (status, [(header::CONTENT_TYPE, "application/json")], body) }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    say(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    serve(listener, Router::new().fallback(answer)).await?;
    Ok(())
}
