//! A child process that ends with the test, and what it said.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How much of what a process said is kept for a failure's message: its end says most.
const KEPT_BYTES: usize = 64 * 1024;

/// How long a process may take to end after TERM.
const TERM_TIMEOUT: Duration = Duration::from_secs(30);

/// A child process. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Running {
    child: Mutex<Child>,
    /// Locked so that whatever holds a process may be shared between threads.
    lines: Mutex<Receiver<String>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Ends once all of it has been read.
    reader: Mutex<Option<JoinHandle<()>>>,
}

impl Running {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line); // nobody may be waiting for a line any more
            }
        });
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let pipe = child.stderr.take().expect("stderr is piped");
        let reader = thread::spawn({
            let stderr = Arc::clone(&stderr);
            move || keep_the_end(pipe, &stderr)
        });
        Self {
            child: Mutex::new(child),
            lines: Mutex::new(lines),
            stderr,
            reader: Mutex::new(Some(reader)),
        }
    }

    /// Returns the next line of standard output; a process that ends or stays silent for `bound` is a
    /// failure that shows what it said.
    pub(crate) fn line(&self, bound: Duration) -> String {
        self.try_line(bound).unwrap_or_else(|why| panic!("{why}"))
    }

    /// Returns the next line of standard output, or why there is none and what the process said.
    pub(crate) fn try_line(&self, bound: Duration) -> Result<String, String> {
        let why = match self
            .lines
            .lock()
            .expect("no holder panics")
            .recv_timeout(bound)
        {
            Ok(line) => return Ok(line),
            Err(RecvTimeoutError::Timeout) => format!("printed nothing within {bound:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                let status = self.child().wait();
                let reader = self.reader.lock().expect("no holder panics").take();
                reader.map(JoinHandle::join); // what it said last says why it ended
                format!("ended with {status:?}")
            }
        };
        Err(format!("the process {why}; it said:\n{}", self.stderr()))
    }

    /// Returns the end of what the process wrote to standard error.
    pub(crate) fn stderr(&self) -> String {
        let bytes = self.stderr.lock().expect("no writer panics");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child().id()
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.child().try_wait(), Ok(Some(_)))
    }

    /// Ends the process as a power cut would: SIGKILL. Returns when it is gone.
    pub(crate) fn kill(&self) {
        let mut child = self.child();
        let _ = child.kill(); // it may have ended by itself
        child.wait().expect("a child can be waited for");
    }

    /// Asks the process to end, and returns how it did.
    pub(crate) fn term(&self) -> ExitStatus {
        self.ask_to_end();
        self.end()
    }

    /// Sends TERM.
    pub(crate) fn ask_to_end(&self) {
        self.signal("TERM");
    }

    /// Sends the signal with that name, without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        super::run(Command::new("kill").args(["-s", name, &self.pid().to_string()]));
    }

    /// Waits for the end of a process that was asked to, and returns how it ended.
    pub(crate) fn end(&self) -> ExitStatus {
        let pid = self.pid();
        let start = Instant::now();
        while start.elapsed() < TERM_TIMEOUT {
            if let Some(status) = self.child().try_wait().expect("a child can be waited for") {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!(
            "process {pid} was still there {TERM_TIMEOUT:?} after TERM; it said:\n{}",
            self.stderr()
        );
    }

    /// Returns a line of `/proc/<pid>/status` that counts kB, `VmRSS` or `VmHWM`, in bytes.
    pub(crate) fn memory_bytes(&self, line: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(&path).expect("the process is there");
        let value = status
            .lines()
            .find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let kib: Option<u64> =
            value.and_then(|value| value.trim().strip_suffix(" kB")?.parse().ok());
        1024 * kib.unwrap_or_else(|| panic!("no {line} in {path}:\n{status}"))
    }

    /// Returns the most memory that the process has had so far; `None` once it is gone.
    pub(crate) fn peak_memory_bytes(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.pid());
        let status = std::fs::read_to_string(path).ok()?;
        let value = status
            .lines()
            .find_map(|text| text.strip_prefix("VmHWM:"))?;
        let kib: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(1024 * kib)
    }

    /// Returns how many files, sockets and pipes the process holds open.
    pub(crate) fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .expect("the process is there")
            .count()
    }

    fn child(&self) -> MutexGuard<'_, Child> {
        self.child.lock().expect("no holder panics")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut child = self.child();
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn keep_the_end(mut pipe: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 8 * 1024];
    loop {
        match pipe.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let mut kept = kept.lock().expect("no reader panics");
                kept.extend_from_slice(&buffer[..length]);
                let surplus = kept.len().saturating_sub(KEPT_BYTES);
                kept.drain(..surplus);
            }
        }
    }
}
