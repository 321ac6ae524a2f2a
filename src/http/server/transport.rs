//! What a connection's requests travel over: a socket, or TLS on top of one.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection_state::ConnectionState;
use super::tls::{Handshake, SecureStream, Tls};
use super::tracked_stream::TrackedStream;

/// The bytes of a connection's requests and responses. A handshake is part of the first read, so that connections with TLS have
/// the limits of all others, and a shutdown ends those that have not asked for anything.
#[derive(Debug)]
pub(super) enum Transport {
    Clear(TrackedStream),
    Handshaking {
        handshake: Handshake,
        state: Arc<ConnectionState>,
    },
    Secure(Box<SecureStream>),
}

impl Transport {
    pub(super) fn new(stream: TrackedStream, tls: Option<&Tls>) -> Self {
        let Some(tls) = tls else {
            return Self::Clear(stream);
        };
        let state = Arc::clone(&stream.state);
        state.handshake_began();
        Self::Handshaking {
            handshake: tls.accept(stream),
            state,
        }
    }

    /// Waits for the end of the handshake, if there is one.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self::Handshaking { handshake, state } = self else {
            return Poll::Ready(Ok(()));
        };
        let stream = ready!(Pin::new(handshake).poll(context))?;
        state.handshake_ended();
        *self = Self::Secure(Box::new(stream));
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_ready(context))?;
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Handshaking { .. } => Poll::Pending,
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(context))?;
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Handshaking { .. } => Poll::Pending,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_ready(context))?;
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Secure(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Self::Handshaking { .. } => Poll::Pending,
        }
    }

    /// hyper asks once, before the handshake: both kinds do.
    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Clear(stream) => stream.is_write_vectored(),
            Self::Handshaking { .. } | Self::Secure(_) => true,
        }
    }

    /// Before the end of a handshake nothing has been written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_flush(context),
            Self::Secure(stream) => Pin::new(stream).poll_flush(context),
            Self::Handshaking { .. } => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            Self::Clear(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(context),
            // It ends with this.
            Self::Handshaking { .. } => Poll::Ready(Ok(())),
        }
    }
}
