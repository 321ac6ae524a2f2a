//! Lists the stored objects page by page. Blocks.

use std::io;
use std::path::Path;

use super::format::read_metadata;
use super::part_files;
use crate::domain::{DatabaseName, ObjectKey};
use crate::objects::embedded::disk::folder::io_errors::if_found;
use crate::objects::embedded::disk::folder::{Folder, shard_of};
use crate::objects::{ListedObject, Listing};

/// Objects per page: a page stays under a megabyte.
pub(crate) const PAGE_OBJECTS: usize = 1000;

/// Returns the page after the file name `after`, with which the previous page ended. The order is that of
/// the names, which are hashes. Filtering by tenant reads every object's metadata all the same.
pub(crate) fn page(
    folder: &Folder,
    tenant: Option<&DatabaseName>,
    after: Option<&str>,
    max_objects: usize,
) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let first = after.map_or(0, shard_of);
    for shard in first..=u8::MAX {
        let mut names = folder.object_names(shard)?;
        names.retain(|name| after.is_none_or(|after| name.as_str() > after));
        if names.is_empty() {
            continue;
        }
        names.sort_unstable();
        names.truncate(max_objects);
        for name in &names {
            let path = folder.path_in_shard(shard, name);
            add(&mut listing, folder, &path, tenant);
        }
        listing.next = names.pop();
        break;
    }
    Ok(listing)
}

/// Adds the object file at `path` to the listing.
fn add(listing: &mut Listing, folder: &Folder, path: &Path, tenant: Option<&DatabaseName>) {
    let metadata = match if_found(read_metadata(path)) {
        Ok(Some(metadata)) => metadata,
        Ok(None) => return, // deleted meanwhile
        Err(error) => return listing.damaged.push(error.to_string()),
    };
    let Some(key) = ObjectKey::parse(&metadata.key) else {
        listing.unknown_keys.push(metadata.key);
        return;
    };
    let shown = path.display();
    if folder.object_path(&key) != path {
        let problem = format!("object '{shown}' belongs to another key, '{key}'");
        return listing.damaged.push(problem);
    }
    let parts = metadata.parts.as_ref();
    if let Some(Err(error)) = parts.map(|files| part_files::check(folder, files)) {
        return listing.damaged.push(format!("object '{shown}': {error}"));
    }
    if tenant.is_none_or(|tenant| *tenant == key.database_name) {
        let info = metadata.into_info();
        listing.objects.push(ListedObject { key, info });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;

    use super::page;
    use crate::domain::{DatabaseName, FileId, ObjectKey, SystemEntropy};
    use crate::objects::Listing;
    use crate::objects::embedded::disk::folder::Folder;
    use crate::objects::embedded::disk::object::{Headers, Metadata, ObjectWriter, Overwrite};

    fn publish(folder: &Folder, key: &ObjectKey) {
        let writer = ObjectWriter::create(folder).unwrap();
        let metadata = Metadata {
            key: key.to_string(),
            size_bytes: 0,
            md5: String::new(),
            sha256: None,
            checksums: BTreeMap::new(),
            modified_at_s: 0,
            headers: Headers::default(),
            parts: None,
        };
        writer
            .publish(folder, key, &metadata, &Overwrite::Any)
            .unwrap();
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
    fn pages_of_any_size_add_up_to_everything() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::create_or_open(path.path(), Arc::new(SystemEntropy)).unwrap();
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

        // One is truncated, one is in another's place, and one is not an object file.
        let [cut, moved] = [&keys[0], &keys[1]].map(|key| folder.object_path(key));
        let content = fs::read(&cut).unwrap();
        fs::write(&cut, &content[1..]).unwrap();
        fs::rename(&moved, folder.object_path(&keys[2])).unwrap();
        fs::write(path.path().join("objects/00/notes.txt"), "x").unwrap();
        let listed = all(&folder, None, 2);
        assert_eq!(listed.objects.len(), 597);
        assert_eq!(listed.damaged.len(), 2, "{:?}", listed.damaged);
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_listed = |name: &str| listed.damaged.iter().any(|it| it.contains(name));
        assert!(is_listed(&name(&cut)) && is_listed(&keys[1].to_string()));
    }
}
