//! Constraints on an upload, and the operator's rules for uploads.

use super::limits::MAX_FILE_BYTES;
use super::{ContentType, FileName, FileRecord, FileSha256};
use crate::domain::Invalid;

/// Constraints on an upload. They are signed, so that the storage rejects an upload that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadConstraints {
    pub content_type: Option<ContentType>,
    /// The exact size.
    pub size_bytes: Option<u64>,
    pub sha256: Option<FileSha256>,
    /// Stored with the object as metadata.
    pub file_name: Option<FileName>,
    /// Makes the storage reject the upload if the object exists. A multipart upload checks this when it is
    /// completed.
    pub once: bool,
}

/// The operator's rules for uploads. The storage enforces those that can be signed into a URL; the others are
/// checked when an event references the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRules {
    pub max_bytes: u64,
    /// Types in lower case, as in `application/pdf` or `image/*`; empty: every type.
    pub content_types: Vec<String>,
    pub requires_length: bool,
    pub requires_sha256: bool,
    /// Makes every URL good for one upload: an object is never overwritten.
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

/// A member of a request, and why its value violates the rules.
pub type Violation = (&'static str, Invalid);

impl UploadRules {
    /// Returns the rules that an upload with these constraints would violate.
    pub fn violations(&self, constraints: &UploadConstraints) -> Vec<Violation> {
        let UploadConstraints {
            content_type,
            size_bytes,
            sha256,
            file_name: _,
            once: _,
        } = constraints;
        let mut violations = Vec::new();
        match size_bytes {
            Some(size_bytes) if *size_bytes > self.max_bytes => {
                violations.push(("content_length", Invalid::at_most(self.max_bytes)));
            }
            None if self.requires_length => violations.push(("content_length", Invalid::missing())),
            _ => {}
        }
        match content_type {
            Some(content_type) if !self.allows(content_type) => {
                violations.push(("content_type", self.type_not_allowed()));
            }
            None if !self.content_types.is_empty() => {
                violations.push(("content_type", Invalid::missing()));
            }
            _ => {}
        }
        if sha256.is_none() && self.requires_sha256 {
            violations.push(("checksum_sha256", Invalid::missing()));
        }
        violations
    }

    /// Tells whether files of this type may be uploaded.
    pub fn allows(&self, content_type: &ContentType) -> bool {
        let essence = content_type.essence();
        let matches = |allowed: &String| match allowed.strip_suffix('*') {
            Some(prefix) => essence.starts_with(prefix),
            None => essence == *allowed,
        };
        self.content_types.is_empty() || self.content_types.iter().any(matches)
    }

    /// Tells whether files of every type with this prefix may be uploaded.
    pub fn allows_all(&self, prefix: &str) -> bool {
        let prefix = prefix.to_ascii_lowercase();
        let covers = |allowed: &String| {
            let start = allowed.strip_suffix('*');
            start.is_some_and(|start| prefix.starts_with(start))
        };
        self.content_types.is_empty() || self.content_types.iter().any(covers)
    }

    /// Returns the message for a type that is not allowed.
    pub fn type_not_allowed(&self) -> Invalid {
        let allowed = self.content_types.join("', '");
        Invalid::new("content_type", format!("Input should be '{allowed}'"))
    }

    /// Checks a stored file, whose uploader may not have been bound by the rules. The error completes a sentence
    /// that begins with the file's id.
    pub fn check_stored(&self, record: &FileRecord) -> Result<(), String> {
        let FileRecord {
            size_bytes,
            content_type,
            sha256,
            etag: _,
            version_id: _,
            file_name: _,
        } = record;
        let is_allowed = match content_type {
            Some(content_type) => self.allows(content_type),
            None => self.content_types.is_empty(),
        };
        if *size_bytes > self.max_bytes {
            Err(format!("is larger than {} bytes", self.max_bytes))
        } else if !is_allowed {
            Err("is of a type that is not allowed".to_owned())
        } else if sha256.is_none() && self.requires_sha256 {
            Err("was uploaded without a checksum".to_owned())
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::UploadRules;
    use crate::domain::ContentType;

    #[test]
    fn types_are_allowed_singly_or_by_prefix() {
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
