//! Listings: a line of JSON for each database or file. They are written to a scratch file and read chunk by chunk.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use super::Error;
use super::format::{ChunkId, Content, Entry};
use super::target::Target;

/// The length of a line, at most: an entry has a limited number of chunks.
const MAX_LINE_BYTES: usize = 16 * 1024 * 1024;

/// A listing that is being written.
#[derive(Debug)]
pub(super) struct ListingWriter {
    path: PathBuf,
    file: BufWriter<File>,
}

impl ListingWriter {
    pub(super) fn create(path: PathBuf) -> Result<Self, Error> {
        let file = File::create(&path).map_err(|error| Error::file("create", &path, error))?;
        Ok(Self {
            path,
            file: BufWriter::new(file),
        })
    }

    pub(super) fn add(&mut self, entry: &Entry) -> Result<(), Error> {
        let written = serde_json::to_writer(&mut self.file, entry)
            .map_err(Into::into)
            .and_then(|()| self.file.write_all(b"\n"));
        written.map_err(|error| Error::file("write", &self.path, error))
    }

    pub(super) fn finish(mut self) -> Result<PathBuf, Error> {
        let flushed = self.file.flush();
        flushed.map_err(|error| Error::file("write", &self.path, error))?;
        Ok(self.path)
    }
}

/// A listing that is being read, with a chunk of it in memory.
#[derive(Debug)]
pub(super) struct ListingReader {
    target: Target,
    /// The chunks to come, the next one last.
    chunks: Vec<(ChunkId, u64)>,
    buffer: Vec<u8>,
    /// The part of the buffer that was returned.
    read: usize,
}

impl ListingReader {
    pub(super) fn new(target: &Target, content: &Content) -> Self {
        let mut chunks: Vec<_> = content.parts().map(|(id, _, bytes)| (id, bytes)).collect();
        chunks.reverse();
        Self {
            target: target.clone(),
            chunks,
            buffer: Vec::new(),
            read: 0,
        }
    }

    /// Returns the next entry; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Entry>, Error> {
        let mut searched = self.read;
        loop {
            let end = self.buffer[searched..]
                .iter()
                .position(|byte| *byte == b'\n');
            if let Some(end) = end {
                let line = &self.buffer[self.read..searched + end];
                let entry = Entry::parse(line);
                self.read = searched + end + 1;
                let damaged = |problem| Error::Damaged(format!("a listing is damaged: {problem}"));
                return entry.map(Some).map_err(damaged);
            }
            self.buffer.drain(..self.read);
            self.read = 0;
            searched = self.buffer.len();
            if searched > MAX_LINE_BYTES {
                return Err(Error::Damaged(
                    "a listing is damaged: a line is too long".to_owned(),
                ));
            }
            let Some((id, size_bytes)) = self.chunks.pop() else {
                return match searched {
                    0 => Ok(None),
                    _ => Err(Error::Damaged(
                        "a listing is damaged: it is cut off".to_owned(),
                    )),
                };
            };
            let chunk = self.target.chunk(id, size_bytes).await?;
            self.buffer.extend_from_slice(&chunk);
        }
    }
}
