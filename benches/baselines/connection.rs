//! A connection to the service that is kept open, and sends one request at a time.

use std::io;
use std::net::SocketAddr;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

pub(super) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = BufReader::new(stream);
        Ok(Self { address, stream })
    }

    /// Sends a request, and returns the first line of the answer and its body. `headers` are lines with their ends.
    pub(super) async fn post(
        &mut self,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> anyhow::Result<(String, Vec<u8>)> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        // In one piece if it is small.
        let (together, rest) = body.split_at(body.len().min(16 * 1024));
        let first = [head.as_bytes(), together].concat();
        self.stream.write_all(&first).await?;
        self.stream.write_all(rest).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> anyhow::Result<(String, Vec<u8>)> {
        let mut status = String::new();
        self.stream.read_line(&mut status).await?;
        let mut length = None;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').context("a header has a colon")?;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse()?);
            }
        }
        let mut body = vec![0; length.context("the answer has a length")?];
        self.stream.read_exact(&mut body).await?;
        Ok((status.trim_end().to_owned(), body))
    }
}
