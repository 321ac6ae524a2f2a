//! A connection's bytes, seen on their way.
//!
//! A short answer, head and body, goes by one plain `send`: two buffers cost the kernel a tenth more for the
//! whole answer than copying the body costs us. Long bodies go as they are.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::state::State;

/// What is copied at most; it holds the answers that are given all day.
const SHORT_BYTES: usize = 2048;

/// A socket that tells the connection's state what it does.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) state: Arc<State>,
}

impl Stream {
    fn wrote(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(_)) => self.state.sent(),
            Poll::Ready(Err(_)) => {} // the connection ends
            Poll::Pending => self.state.is_blocked(),
        }
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, buffer);
        match &read {
            Poll::Ready(Ok(())) if buffer.filled().len() > before => self.state.received(),
            Poll::Ready(_) => {}
            Poll::Pending => self.state.wants_more(),
        }
        read
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.wrote(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut short = [0; SHORT_BYTES];
        let socket = Pin::new(&mut self.socket);
        let written = match gather(parts, &mut short) {
            Some(all) => socket.poll_write(context, all),
            None => socket.poll_write_vectored(context, parts),
        };
        self.wrote(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

/// Copies the parts one behind the other; `None` if they do not fit.
fn gather<'a>(parts: &[IoSlice<'_>], into: &'a mut [u8; SHORT_BYTES]) -> Option<&'a [u8]> {
    let mut length = 0;
    for part in parts {
        into.get_mut(length..length + part.len())?
            .copy_from_slice(part);
        length += part.len();
    }
    into.get(..length)
}

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use super::{SHORT_BYTES, gather};

    #[test]
    fn what_fits_is_one_piece_in_its_order() {
        let mut into = [0; SHORT_BYTES];
        let (head, body) = (vec![b'h'; 100], vec![b'b'; SHORT_BYTES - 100]);
        let parts = [IoSlice::new(&head), IoSlice::new(&[]), IoSlice::new(&body)];
        let all = [head.as_slice(), body.as_slice()].concat();
        assert_eq!(gather(&parts, &mut into), Some(all.as_slice()));
        assert_eq!(gather(&[], &mut into), Some([].as_slice()));
        let more = [parts[0], parts[2], IoSlice::new(b"x")];
        assert_eq!(gather(&more, &mut into), None);
    }
}
