//! Stamps of files: what the file system says about a file that changes with its content.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::Clock;

/// File systems take times from a clock that advances every few milliseconds: two changes within one step are not told
/// apart. So a file that changed this shortly before it was looked at may change again unnoticed.
const CLOCK_STEP: Duration = Duration::from_millis(20);

/// A stamp of files, of which some may be missing or empty, which is the same here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileStamp {
    text: String,
    /// The last change of any of them.
    changed_at: Option<Timestamp>,
}

impl FileStamp {
    pub(super) fn of<P: AsRef<Path>>(files: &[P]) -> io::Result<Self> {
        let (mut texts, mut changed_at) = (Vec::new(), None);
        for file in files {
            match fs::metadata(file) {
                // A reader may create an empty log, and remove it.
                Ok(found) if found.size() == 0 => texts.push("-".to_owned()),
                Ok(found) => {
                    texts.push(describe(&found));
                    changed_at = changed_at.max(changed(&found));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => texts.push("-".to_owned()),
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            text: texts.join(" "),
            changed_at,
        })
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the stamp if no later change can go unnoticed.
    pub(super) fn settled(self, clock: &dyn Clock) -> Option<String> {
        let age = clock.now().duration_since(self.changed_at?);
        (age > CLOCK_STEP.try_into().ok()?).then_some(self.text)
    }

    /// Does the same, and waits for a moment for files that have just changed.
    pub(super) fn settled_soon<P: AsRef<Path>>(files: &[P], clock: &dyn Clock) -> Option<String> {
        let stamp = Self::of(files).ok()?;
        stamp.settled(clock).or_else(|| {
            std::thread::sleep(CLOCK_STEP + Duration::from_millis(5));
            Self::of(files).ok()?.settled(clock)
        })
    }
}

/// Not the device: its number may be another one after the machine has been restarted.
fn describe(file: &Metadata) -> String {
    format!(
        "{}:{}:{}.{:09}:{}.{:09}",
        file.ino(),
        file.size(),
        file.mtime(),
        file.mtime_nsec(),
        file.ctime(),
        file.ctime_nsec()
    )
}

/// Returns `None` where times are in whole seconds, so that a file never settles.
fn changed(file: &Metadata) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(file.ctime_nsec()).ok()?;
    if nanoseconds == 0 {
        return Some(Timestamp::MAX);
    }
    Timestamp::new(file.ctime(), nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::{CLOCK_STEP, FileStamp};
    use crate::domain::SystemClock;

    #[test]
    fn a_change_is_noticed_once_the_stamp_is_settled() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["x.db", "x.db-wal"].map(|name| folder.path().join(name));
        fs::write(&files[0], "one").unwrap();
        let fresh = FileStamp::of(&files).unwrap();
        assert_eq!(fresh.settled(&SystemClock), None, "it has just changed");
        let stamp = FileStamp::settled_soon(&files, &SystemClock).unwrap();
        assert_eq!(FileStamp::of(&files).unwrap().text(), stamp);
        std::thread::sleep(2 * CLOCK_STEP);
        // The same bytes again.
        let mut file = fs::File::options().write(true).open(&files[0]).unwrap();
        file.write_all(b"one").unwrap();
        assert_ne!(FileStamp::of(&files).unwrap().text(), stamp);
        let stamp = FileStamp::settled_soon(&files, &SystemClock).unwrap();
        fs::write(&files[1], "").unwrap();
        assert_eq!(FileStamp::of(&files).unwrap().text(), stamp);
        fs::write(&files[1], "x").unwrap();
        assert_ne!(FileStamp::of(&files).unwrap().text(), stamp);
    }
}
