//! What lies in the folder, read page by page from the objects' own files.

use std::io::{self, ErrorKind};
use std::path::Path;

use super::folder::Folder;
use super::{ended, file};
use crate::domain::{DatabaseName, ObjectKey};
use crate::objects::{ListedObject, Listing};

/// How many objects are looked at for one page: a page stays under a megabyte, and the calls are few.
pub(super) const PAGE_OBJECTS: usize = 1000;

/// Returns the page behind `after`, the file name that the page before ended with. The order is that
/// of the names, which are hashes. Whoever wants one tenant's objects has all of them looked at.
/// Blocks.
pub(super) fn page(
    folder: &Folder,
    tenant: Option<&DatabaseName>,
    after: Option<&str>,
    max_objects: usize,
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
        names.truncate(max_objects);
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
        listing.unknown_keys.push(meta.key);
        return;
    };
    if folder.object_path(&key) != path {
        let path = path.display();
        let problem = format!("object '{path}' is that of another key, '{key}'");
        listing.damaged.push(problem);
        return;
    }
    let parts = meta.parts.as_ref();
    if let Some(Err(error)) = parts.map(|files| ended::check(folder, files)) {
        let path = path.display();
        listing.damaged.push(format!("object '{path}': {error}"));
        return;
    }
    if tenant.is_none_or(|tenant| *tenant == key.database_name) {
        let info = meta.info();
        listing.objects.push(ListedObject { key, info });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use super::page;
    use crate::domain::{DatabaseName, FileId, ObjectKey, SystemEntropy};
    use crate::objects::Listing;
    use crate::objects::embedded::digests::Digests;
    use crate::objects::embedded::file::{Headers, Meta, Replace, Upload};
    use crate::objects::embedded::folder::Folder;

    fn publish(folder: &Folder, key: &ObjectKey) {
        let upload = Upload::begin(folder, Digests::default()).unwrap();
        let meta = Meta {
            key: key.to_string(),
            size_bytes: 0,
            md5: String::new(),
            sha256: None,
            modified_at_s: 0,
            headers: Headers::default(),
            parts: None,
        };
        upload.publish(folder, key, &meta, Replace::Yes).unwrap();
    }

    fn all(folder: &Folder, tenant: Option<&DatabaseName>, max_objects: usize) -> Listing {
        let mut all = Listing::default();
        let mut after = None;
        loop {
            let page = page(folder, tenant, after.as_deref(), max_objects).unwrap();
            assert!(page.objects.len() <= max_objects);
            all.objects.extend(page.objects);
            all.unknown_keys.extend(page.unknown_keys);
            all.damaged.extend(page.damaged);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    }

    #[test]
    fn pages_of_any_size_are_the_whole() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path(), Arc::new(SystemEntropy)).unwrap();
        let names = ["one", "other"].map(|name| DatabaseName::parse(name).unwrap());
        let mut keys = Vec::new();
        for index in 0..600 {
            let key = ObjectKey {
                database_name: names[index % 2].clone(),
                file_id: FileId::random(&SystemEntropy),
            };
            publish(&folder, &key);
            keys.push(key);
        }
        for max_objects in [1, 2, 1000] {
            let listed = all(&folder, None, max_objects);
            let listed: BTreeSet<String> =
                listed.objects.iter().map(|it| it.key.to_string()).collect();
            assert_eq!(listed, keys.iter().map(ToString::to_string).collect());
        }
        assert_eq!(all(&folder, Some(&names[1]), 1).objects.len(), 300);

        // One is cut short, one stands where another belongs, and one is no file of ours.
        let [cut, moved] = [&keys[0], &keys[1]].map(|key| folder.object_path(key));
        let content = fs::read(&cut).unwrap();
        fs::write(&cut, &content[1..]).unwrap();
        fs::rename(&moved, folder.object_path(&keys[2])).unwrap();
        fs::write(path.path().join("objects/00/notes.txt"), "x").unwrap();
        let listed = all(&folder, None, 2);
        assert_eq!(listed.objects.len(), 597);
        assert_eq!(listed.damaged.len(), 2, "{:?}", listed.damaged);
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(listed.damaged.iter().any(|it| it.contains(&name(&cut))));
        assert!(
            listed
                .damaged
                .iter()
                .any(|it| it.contains(&keys[1].to_string()))
        );
    }
}
