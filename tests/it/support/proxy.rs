//! A network that fails on demand: a TCP proxy between our service and a backend.

use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// How much is passed on at a time, and so what [`Mode::Delay`] delays at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// More than any test has connections waiting.
const BACKLOG: u32 = 256;

/// What the proxy does with connections, those that are open included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes everything on at once.
    Pass,
    /// Passes each chunk on so much later, both ways.
    Delay(Duration),
    /// Passes answers on at so many bytes a second, which are few.
    Throttle(usize),
    /// Passes so many bytes a second on, both ways.
    Limit(u32),
    /// Passes so many bytes of the answers of a connection on, then closes it.
    Cut(usize),
    /// Tells another SHA-256 of an object than the storage does.
    Lie,
    /// Changes a bit of every large answer: behind its head, in the middle of a chunk.
    Flip,
    /// Resets connections, new ones right after they were accepted.
    Reset,
    /// Accepts and reads, and never answers: as a peer behind a router that forgot the connection. A
    /// connection that this befell stays so, whatever mode comes.
    HalfOpen,
    /// Listens no more, and resets what is open.
    Refuse,
}

/// A proxy on a port of its own, in a thread of its own: tests that block do not stop it. Dropping it
/// closes its connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    address: SocketAddr,
    /// Gone when the proxy has to end.
    mode: Option<watch::Sender<Mode>>,
    /// Hears of each mode that came into force.
    in_force: Mutex<mpsc::Receiver<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How a connection comes to its end.
enum End {
    Closed,
    Reset,
    Silent,
}

impl Proxy {
    /// Starts a proxy before `upstream` that passes everything on.
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        let [port] = super::free_ports();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let (mode, receiver) = watch::channel(Mode::Pass);
        let (applied, in_force) = mpsc::channel();
        let thread = thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(serve(address, upstream, receiver, applied))
                .expect("a proxy listens where nobody else does");
        });
        in_force.recv().expect("the proxy listens");
        Self {
            address,
            mode: Some(mode),
            in_force: Mutex::new(in_force),
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the mode, of open connections too; returns when it is in force.
    pub(crate) fn set(&self, mode: Mode) {
        let in_force = self.in_force.lock().expect("no holder panics");
        self.mode
            .as_ref()
            .expect("the proxy is there")
            .send_replace(mode);
        in_force.recv().expect("the proxy is running");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // where it panicked, a test has failed of it already
        }
    }
}

async fn serve(
    address: SocketAddr,
    upstream: SocketAddr,
    mut mode: watch::Receiver<Mode>,
    applied: mpsc::Sender<()>,
) -> io::Result<()> {
    let mut listener = None;
    loop {
        if *mode.borrow_and_update() == Mode::Refuse {
            listener = None;
        } else if listener.is_none() {
            listener = Some(listen(address)?);
        }
        // Tasks that wait for the same change are to have seen it too.
        tokio::task::yield_now().await;
        let _ = applied.send(());
        loop {
            tokio::select! {
                changed = mode.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return Ok(()),
                },
                client = accept(listener.as_ref()) => {
                    let client = client?;
                    tokio::spawn(connection(client, upstream, mode.clone()));
                }
            }
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?; // connections of before may linger in TIME_WAIT
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<TcpStream> {
    match listener {
        Some(listener) => Ok(listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

/// Serves one connection to its end. What fails here is what a network may do.
async fn connection(
    mut client: TcpStream,
    upstream: SocketAddr,
    mut mode: watch::Receiver<Mode>,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let also = mode.clone();
    let end = tokio::select! {
        biased;
        end = interrupted(&mut mode) => end,
        end = pass(&mut client, upstream, also) => end,
    };
    match end {
        End::Closed => {}
        End::Reset => client.set_zero_linger()?,
        End::Silent => {
            let mut unread = [0; CHUNK_BYTES];
            while client.read(&mut unread).await? > 0 {}
        }
    }
    Ok(())
}

/// Returns when the mode leaves an open connection no way to go on.
async fn interrupted(mode: &mut watch::Receiver<Mode>) -> End {
    loop {
        match *mode.borrow_and_update() {
            Mode::Reset | Mode::Refuse => return End::Reset,
            Mode::HalfOpen => return End::Silent,
            Mode::Pass
            | Mode::Delay(_)
            | Mode::Throttle(_)
            | Mode::Limit(_)
            | Mode::Cut(_)
            | Mode::Lie
            | Mode::Flip => {}
        }
        if mode.changed().await.is_err() {
            return End::Closed;
        }
    }
}

async fn pass(client: &mut TcpStream, upstream: SocketAddr, mode: watch::Receiver<Mode>) -> End {
    let Ok(mut server) = TcpStream::connect(upstream).await else {
        return End::Reset;
    };
    let _ = server.set_nodelay(true);
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let passed = tokio::select! {
        passed = pump(from_client, to_server, mode.clone(), false) => passed,
        passed = pump(from_server, to_client, mode, true) => passed,
    };
    match passed {
        Ok(()) => End::Closed,
        Err(_) => End::Reset,
    }
}

/// Passes one direction on until it ends, or has to.
async fn pump(
    mut from: ReadHalf<'_>,
    mut to: WriteHalf<'_>,
    mode: watch::Receiver<Mode>,
    are_answers: bool,
) -> io::Result<()> {
    /// How often a throttled connection passes something on.
    const TICK: Duration = Duration::from_millis(100);
    let mut buffer = [0; CHUNK_BYTES];
    // Counted while the connection is being cut, so that what an earlier mode let through is not.
    let mut passed_bytes = 0;
    let mut free_at = Instant::now();
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        if are_answers && *mode.borrow() == Mode::Lie {
            forge(&mut buffer[..read]);
        }
        if are_answers && *mode.borrow() == Mode::Flip {
            flip(&mut buffer[..read]);
        }
        let mut chunk = &buffer[..read];
        while !chunk.is_empty() {
            let mode = *mode.borrow();
            let mut now = chunk.len();
            match mode {
                Mode::Delay(delay) => tokio::time::sleep(delay).await,
                Mode::Throttle(bytes_per_second) if are_answers => {
                    tokio::time::sleep(TICK).await;
                    now = now.min((bytes_per_second / 10).max(1));
                }
                Mode::Limit(bytes_per_second) => {
                    tokio::time::sleep_until(free_at).await;
                    let bytes = u32::try_from(now).expect("a chunk is short");
                    let taken = Duration::from_secs(1) * bytes / bytes_per_second;
                    // A pause of the sender's saves nothing up.
                    free_at = free_at.max(Instant::now()) + taken;
                }
                Mode::Cut(limit) if are_answers => now = now.min(limit - passed_bytes),
                _ => {}
            }
            to.write_all(&chunk[..now]).await?;
            chunk = &chunk[now..];
            if let Mode::Cut(limit) = mode
                && are_answers
            {
                passed_bytes += now;
                if passed_bytes == limit {
                    return Ok(());
                }
            } else {
                passed_bytes = 0;
            }
        }
    }
}

/// Changes the first character of a checksum in an answer's head, which comes in one piece.
fn forge(answer: &mut [u8]) {
    const NAME: &[u8] = b"x-amz-checksum-sha256: ";
    let mut windows = answer.windows(NAME.len());
    if let Some(place) = windows.position(|it| it.eq_ignore_ascii_case(NAME))
        && let Some(first) = answer.get_mut(place + NAME.len())
    {
        *first = if *first == b'A' { b'B' } else { b'A' };
    }
}

/// Changes a bit of what is no answer's head, nor shorter than one.
fn flip(answer: &mut [u8]) {
    const LONGEST_HEAD_BYTES: usize = 4 * 1024;
    if answer.len() > LONGEST_HEAD_BYTES && !answer.starts_with(b"HTTP/") {
        answer[LONGEST_HEAD_BYTES] ^= 1;
    }
}
