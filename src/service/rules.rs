//! What an operator lets callers upload.

use super::Error;
use crate::domain::file::limits::MAX_FILE_BYTES;
use crate::domain::{ContentType, FileId, FileRecord, Invalid};
use crate::objects::UploadTerms;

/// The rules for uploads. What can be signed into a URL is refused by storage; what cannot is refused
/// when an event references the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRules {
    pub max_bytes: u64,
    /// Types in lower case, as in `application/pdf` or `image/*`; empty: every type.
    pub content_types: Vec<String>,
    pub requires_length: bool,
    pub requires_sha256: bool,
    /// Whether a URL is for one upload, and a complete for a file that is not there.
    pub once: bool,
}

impl Default for UploadRules {
    fn default() -> Self {
        Self {
            max_bytes: MAX_FILE_BYTES,
            content_types: Vec::new(),
            requires_length: false,
            requires_sha256: false,
            once: false,
        }
    }
}

/// A member of a request, and what is wrong with it.
pub type Objection = (&'static str, Invalid);

impl UploadRules {
    /// Returns what stands against an upload under these terms.
    pub(super) fn objections(&self, terms: &UploadTerms) -> Vec<Objection> {
        let UploadTerms {
            content_type,
            size_bytes,
            sha256,
            file_name: _,
            once: _,
        } = terms;
        let mut objections = Vec::new();
        match size_bytes {
            Some(size_bytes) if *size_bytes > self.max_bytes => {
                objections.push(("content_length", too_large(self.max_bytes)));
            }
            None if self.requires_length => objections.push(("content_length", missing())),
            _ => {}
        }
        match content_type {
            Some(content_type) if !self.allows(content_type) => {
                objections.push(("content_type", self.other_type()));
            }
            None if !self.content_types.is_empty() => objections.push(("content_type", missing())),
            _ => {}
        }
        if sha256.is_none() && self.requires_sha256 {
            objections.push(("checksum_sha256", missing()));
        }
        objections
    }

    /// Tells whether files of a type may be uploaded.
    pub(super) fn allows(&self, content_type: &ContentType) -> bool {
        let essence = content_type.essence();
        let matches = |allowed: &String| match allowed.strip_suffix('*') {
            Some(prefix) => essence.starts_with(prefix),
            None => essence == *allowed,
        };
        self.content_types.is_empty() || self.content_types.iter().any(matches)
    }

    /// Tells whether all types that begin with `prefix` may be uploaded.
    pub(super) fn allows_all(&self, prefix: &str) -> bool {
        let prefix = prefix.to_ascii_lowercase();
        let covers = |allowed: &String| {
            let start = allowed.strip_suffix('*');
            start.is_some_and(|start| prefix.starts_with(start))
        };
        self.content_types.is_empty() || self.content_types.iter().any(covers)
    }

    pub(super) fn other_type(&self) -> Invalid {
        let allowed = self.content_types.join("', '");
        Invalid::new("content_type", format!("Input should be '{allowed}'"))
    }

    /// Refuses a file that is there and should not be: nothing made its uploader keep to the rules.
    pub(super) fn check_stored(&self, file_id: FileId, record: &FileRecord) -> Result<(), Error> {
        let FileRecord {
            size_bytes,
            content_type,
            sha256,
            etag: _,
            version_id: _,
            file_name: _,
        } = record;
        let reason = if *size_bytes > self.max_bytes {
            format!("is larger than {} bytes", self.max_bytes)
        } else if !content_type.as_ref().map_or_else(
            || self.content_types.is_empty(),
            |content_type| self.allows(content_type),
        ) {
            "is of a type that is not allowed".to_owned()
        } else if sha256.is_none() && self.requires_sha256 {
            "was uploaded without a checksum".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::FileNotAllowed { file_id, reason })
    }
}

fn too_large(max_bytes: u64) -> Invalid {
    let message = format!("Input should be less than or equal to {max_bytes}");
    Invalid::new("less_than_equal", message)
}

pub(super) fn missing() -> Invalid {
    Invalid::new("missing", "Field required")
}

#[cfg(test)]
mod tests {
    use super::UploadRules;
    use crate::domain::ContentType;

    #[test]
    fn types_are_allowed_one_by_one_or_in_kinds() {
        let rules = UploadRules {
            content_types: vec!["application/pdf".to_owned(), "image/*".to_owned()],
            ..UploadRules::default()
        };
        let allows = |text: &str| rules.allows(&ContentType::parse(text).unwrap());
        assert!(allows("Application/PDF; version=1") && allows("image/png"));
        assert!(!allows("application/pdfx") && !allows("text/html") && !allows("images/x"));
        assert!(rules.allows_all("image/") && rules.allows_all("image/p"));
        assert!(!rules.allows_all("") && !rules.allows_all("application/pdf"));
        assert!(UploadRules::default().allows_all(""));
    }
}
