//! What lies in the folder, read page by page from the objects' own files.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::file;
use super::folder::Folder;
use crate::domain::{DatabaseName, ObjectKey};
use crate::objects::{Listed, Listing, ObjectInfo};

/// How many objects are looked at for one page: a page stays under a megabyte, and the calls are few.
const PAGE_OBJECTS: usize = 1000;

/// Returns the page behind `after`, the file name that the page before ended with. The order is that
/// of the names, which are hashes. Whoever wants one tenant's objects has all of them looked at.
/// Blocks.
pub(super) fn page(
    folder: &Folder,
    tenant: Option<&DatabaseName>,
    after: Option<&str>,
) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let first = after.map_or(0, Folder::shard_of);
    for shard in first..=u8::MAX {
        let mut names = folder.object_names(shard)?;
        names.retain(|name| after.is_none_or(|after| name.as_str() > after));
        if names.is_empty() {
            continue;
        }
        names.sort_unstable();
        names.truncate(PAGE_OBJECTS);
        for name in &names {
            look(folder, &folder.named(shard, name), tenant, &mut listing);
        }
        listing.next = names.pop();
        break;
    }
    Ok(listing)
}

/// Adds to the listing what the file at `path` is.
fn look(folder: &Folder, path: &Path, tenant: Option<&DatabaseName>, listing: &mut Listing) {
    let meta = match file::describe(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == ErrorKind::NotFound => return, // removed a moment ago
        Err(error) => {
            listing.damaged.push(error.to_string());
            return;
        }
    };
    let Some(key) = ObjectKey::parse(&meta.key) else {
        listing.strangers.push(meta.key);
        return;
    };
    if folder.object_path(&key) != path {
        let path = path.display();
        let problem = format!("object '{path}' is that of another key, '{key}'");
        listing.damaged.push(problem);
        return;
    }
    if tenant.is_none_or(|tenant| *tenant == key.database_name) {
        let info = ObjectInfo {
            size_bytes: meta.size_bytes,
            etag: Some(meta.md5),
        };
        listing.objects.push(Listed { key, info });
    }
}
