//! A browser's form, as one body.

use serde_json::Value;

const BOUNDARY: &str = "torture-4f0c6f0e";

/// Returns the media type of [`form_body`].
pub(super) fn form_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// Returns the body of a form with these fields and a file.
pub(super) fn form_body(fields: &Value, file: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields.as_object().expect("fields") {
        let value = value.as_str().expect("text");
        let field = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(field.as_bytes());
    }
    let head = "Content-Disposition: form-data; name=\"file\"; filename=\"file\"";
    body.extend_from_slice(format!("--{BOUNDARY}\r\n{head}\r\n\r\n").as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
    body
}
