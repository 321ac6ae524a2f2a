//! Scans a write-ahead log for damage, before SQLite reads it.
//!
//! SQLite ends recovery at the first frame that it cannot verify. After a power cut that is right: some of the frames
//! of the *last* transaction are missing. A damaged frame looks the same to SQLite, and every transaction behind it
//! would silently be lost. But the two can be told apart: with `synchronous=FULL` a transaction is written after the
//! one before it was synced, so a later transaction behind a bad frame proves that the bad frame once was on disk.
//!
//! The proof is a pair of neighbours: a frame that commits, and a frame whose checksum continues that of
//! the commit. Whoever wrote the second one took the first one's transaction for committed. What a failed or
//! rolled back transaction leaves behind the end of a log has no such pair, since nobody continued it.
//!
//! Damage to the last transaction, and a log that was deleted or cut off, look like a power cut and are not found. One
//! assumption beside SQLite's own: 512 bytes of the file that begin at a multiple of 512 reach the disk together.
//!
//! Source of the format: SQLite documentation, "Database File Format", section 4, and "WAL-mode File Format".

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

use crate::store::Error;
use crate::store::sqlite::disk::error_mapping::{damaged, io_failed};
use crate::store::sqlite::disk::file_names::wal_of;

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const SECTOR_BYTES: u64 = 512;

/// The first four bytes of a log; the lowest bit tells the byte order of its checksums.
const MAGIC: u32 = 0x377f_0682;

/// The page size of the databases that this program makes, for a log that does not say it legibly.
const DEFAULT_PAGE_BYTES: u32 = 4096;
const PAGE_BYTES: std::ops::RangeInclusive<u32> = 512..=65536;

/// The bytes that are read from the file at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Damage that a power cut cannot have caused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Damage {
    /// The first thing that cannot be verified.
    location: Location,
    /// The first frame found after it that belongs to a later transaction.
    later_frame: u64,
    /// Differs between a log and the same log after it started over.
    salts: [u8; 8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Location {
    Header,
    /// Frames count from one.
    Frame(u64),
}

/// Refuses a database whose log is damaged: to be called before SQLite reads the log, and leaves it as it is.
/// Does disk I/O: it reads all of the log.
pub(crate) fn require_sound(database: &Path) -> Result<(), Error> {
    let wal = wal_of(database);
    match scan_changing_file(&wal).map_err(|error| io_failed(&wal, error))? {
        None => Ok(()),
        Some(damage) => Err(damaged(&wal, &damage)),
    }
}

/// Scans the log at `path`; a file that is not there has nothing damaged. Memory does not depend on its size.
fn scan_file(path: &Path) -> io::Result<Option<Damage>> {
    match File::open(path) {
        Ok(file) => scan(BufReader::with_capacity(BUFFER_BYTES, file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Scans a log that a running service may be appending to: a frame that was being written when it was read is
/// not damage. Reads twice where the first pass finds something.
fn scan_changing_file(path: &Path) -> io::Result<Option<Damage>> {
    let Some(first) = scan_file(path)? else {
        return Ok(None);
    };
    // The first pass saw a transaction behind the frame, so the frame was complete when that pass ended.
    let second = scan_file(path)?;
    Ok(second.filter(|second| second.location == first.location && second.salts == first.salts))
}

/// Scans a log from its first byte.
fn scan(mut log: impl Read) -> io::Result<Option<Damage>> {
    let mut header = [0; HEADER_BYTES];
    if !fill(&mut log, &mut header)? {
        return Ok(None);
    }
    let (page_bytes, mut chains) = match Header::parse(&header) {
        Some(header) => (header.page_bytes, vec![Chain::of(&header)]),
        // The byte order is not known either.
        None => (
            DEFAULT_PAGE_BYTES,
            vec![Chain::headless(Order::Little), Chain::headless(Order::Big)],
        ),
    };
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes as usize];
    let mut number = 0;
    while fill(&mut log, &mut frame)? {
        number += 1;
        let frame = Frame::parse(number, &frame);
        if let Some(damage) = chains.iter_mut().find_map(|chain| chain.follow(&frame)) {
            return Ok(Some(damage));
        }
    }
    Ok(None)
}

/// Tells whether there were enough bytes left.
fn fill(log: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

type Checksum = [u32; 2];

/// The byte order of the words that checksums are made of. Fields of headers are big-endian in any case.
#[derive(Debug, Clone, Copy)]
enum Order {
    Big,
    Little,
}

impl Order {
    /// Returns the checksum of `bytes`, whose number is a multiple of eight, behind what came before.
    fn checksum(self, seed: Checksum, bytes: &[u8]) -> Checksum {
        let word = |bytes: [u8; 4]| match self {
            Self::Big => u32::from_be_bytes(bytes),
            Self::Little => u32::from_le_bytes(bytes),
        };
        let [mut one, mut other] = seed;
        for &[a, b, c, d, e, f, g, h] in bytes.as_chunks().0 {
            one = one.wrapping_add(word([a, b, c, d])).wrapping_add(other);
            other = other.wrapping_add(word([e, f, g, h])).wrapping_add(one);
        }
        [one, other]
    }
}

/// A header that is valid.
struct Header {
    order: Order,
    page_bytes: u32,
    salts: [u8; 8],
    checksum: Checksum,
}

impl Header {
    fn parse(bytes: &[u8; HEADER_BYTES]) -> Option<Self> {
        let magic = u32_at(bytes, 0);
        let order = match magic ^ MAGIC {
            0 => Order::Little,
            1 => Order::Big,
            _ => return None,
        };
        let page_bytes = u32_at(bytes, 8);
        let is_size = page_bytes.is_power_of_two() && PAGE_BYTES.contains(&page_bytes);
        let checksum = checksum_at(bytes, 24);
        let is_valid = is_size && order.checksum([0, 0], &bytes[..24]) == checksum;
        is_valid.then_some(Self {
            order,
            page_bytes,
            salts: salts_at(bytes, 16),
            checksum,
        })
    }
}

/// A frame as it is in the file, verified or not.
struct Frame<'a> {
    number: u64,
    page_number: u32,
    commits: bool,
    salts: [u8; 8],
    checksum: Checksum,
    /// The bytes that its checksum covers.
    covered: [&'a [u8]; 2],
}

impl<'a> Frame<'a> {
    fn parse(number: u64, bytes: &'a [u8]) -> Self {
        Self {
            number,
            page_number: u32_at(bytes, 0),
            commits: u32_at(bytes, 4) != 0, // the size of the database behind a commit
            salts: salts_at(bytes, 8),
            checksum: checksum_at(bytes, 16),
            covered: [&bytes[..8], &bytes[FRAME_HEADER_BYTES..]],
        }
    }

    fn checksum_behind(&self, order: Order, seed: Checksum) -> Checksum {
        let [header, page] = self.covered;
        order.checksum(order.checksum(seed, header), page)
    }

    /// Tells whether the frame's own header reaches the disk as a whole.
    fn header_is_in_one_sector(&self) -> bool {
        let frame_bytes = (FRAME_HEADER_BYTES + self.covered[1].len()) as u64;
        let begin = HEADER_BYTES as u64 + (self.number - 1) * frame_bytes;
        let last = begin + FRAME_HEADER_BYTES as u64 - 1;
        begin / SECTOR_BYTES == last / SECTOR_BYTES
    }
}

/// Follows the checksums from frame to frame.
struct Chain {
    order: Order,
    /// Of the header; `None` if the header is not valid.
    salts: Option<[u8; 8]>,
    previous: Option<Link>,
    /// The first thing that could not be verified.
    bad: Option<Location>,
}

/// A frame, or the header, that the next frame may continue.
struct Link {
    salts: [u8; 8],
    /// As stored in the frame, and as computed from its bytes: the one that a later frame continues is right.
    stored: Checksum,
    computed: Checksum,
    commits: bool,
    /// `commits` is what was written, once `stored` is known to be: a power cut cannot have left an
    /// older frame's word there.
    commit_is_genuine: bool,
}

impl Chain {
    fn of(header: &Header) -> Self {
        Self {
            order: header.order,
            salts: Some(header.salts),
            previous: Some(Link {
                salts: header.salts,
                stored: header.checksum,
                computed: header.checksum,
                commits: false,
                commit_is_genuine: true,
            }),
            bad: None,
        }
    }

    fn headless(order: Order) -> Self {
        Self {
            order,
            salts: None,
            previous: None,
            bad: Some(Location::Header),
        }
    }

    /// Takes in the next frame, and says whether it proves that an earlier one is damaged.
    fn follow(&mut self, frame: &Frame<'_>) -> Option<Damage> {
        let continues = |seed| frame.checksum_behind(self.order, seed) == frame.checksum;
        let computed_by = |seed| frame.checksum_behind(self.order, seed);
        let Some(previous) = self.previous.take() else {
            self.previous = Some(Link::behind(frame, computed_by([0, 0])));
            return None;
        };
        let computed = computed_by(previous.stored);
        let continues_stored = computed == frame.checksum;
        let continues_computed =
            previous.computed != previous.stored && continues(previous.computed);
        let has_salts = frame.salts == self.salts.unwrap_or(previous.salts);
        self.previous = Some(Link::behind(frame, computed));
        let Some(bad) = self.bad else {
            let is_valid = has_salts && continues_stored && frame.page_number != 0;
            if !is_valid {
                self.bad = Some(Location::Frame(frame.number));
            }
            return None;
        };
        let commit_is_genuine =
            continues_computed || (continues_stored && previous.commit_is_genuine);
        let is_later = has_salts && previous.commits && commit_is_genuine;
        is_later.then_some(Damage {
            location: bad,
            later_frame: frame.number,
            salts: frame.salts,
        })
    }
}

impl Link {
    fn behind(frame: &Frame<'_>, computed: Checksum) -> Self {
        Self {
            salts: frame.salts,
            stored: frame.checksum,
            computed,
            commits: frame.commits,
            commit_is_genuine: computed == frame.checksum || frame.header_is_in_one_sector(),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            location,
            later_frame,
            salts: _,
        } = self;
        match location {
            Location::Frame(frame) => write!(f, "frame {frame} of the write-ahead log")?,
            Location::Header => f.write_str("the header of the write-ahead log")?,
        }
        write!(
            f,
            " is damaged, and committed transactions follow it (the next begins at frame {later_frame})"
        )
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn checksum_at(bytes: &[u8], at: usize) -> Checksum {
    [u32_at(bytes, at), u32_at(bytes, at + 4)]
}

fn salts_at(bytes: &[u8], at: usize) -> [u8; 8] {
    let mut salts = [0; 8];
    salts.copy_from_slice(&bytes[at..at + 8]);
    salts
}
