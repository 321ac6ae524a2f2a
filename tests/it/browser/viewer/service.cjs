"use strict";
// The service as its callers see it, to make histories with.

const { createHash, randomUUID } = require("node:crypto");

class Service {
  constructor({ url, key, clientId, secret }) {
    Object.assign(this, { url, key, clientId, secret });
  }

  async call(method, path, body) {
    const headers = { "X-API-Key": this.key, "X-Client-Id": this.clientId };
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  }

  /** Stores events, all of them. */
  async send(events) {
    const { stored, results } = await this.call("POST", "/api/events", events);
    if (stored !== events.length) throw new Error(`not stored: ${JSON.stringify(results)}`);
  }

  /** Uploads a file and returns its id. */
  async upload(name, type, bytes) {
    const parameters = new URLSearchParams({
      file_name: name,
      content_type: type,
      content_length: String(bytes.length),
      checksum_sha256: createHash("sha256").update(bytes).digest("base64"),
    });
    const upload = await this.call("GET", `/api/files/upload-url?${parameters}`);
    const response = await fetch(upload.upload_url, { method: "PUT", headers: upload.headers, body: bytes });
    if (!response.ok) throw new Error(`the upload: ${response.status} ${await response.text()}`);
    return upload.file_id;
  }
}

/** An event of record 42 by Ada, unless it says otherwise. */
const event = (time, event_type_id, event_data, more = {}) => ({
  event_id: randomUUID(),
  event_time: time,
  event_type_id,
  record_id: 42,
  source_id: 7,
  source_type_id: 0,
  source_name: "Ada Lovelace",
  event_data,
  ...more,
});

const field = (name, label, old, now) => ({ field: name, label, ...(old === undefined ? {} : { old }), new: now });

const AGENT = { source_id: 3, source_type_id: 3, source_name: "Contract assistant", source_info: "example-model-2" };
const SYSTEM = { source_id: 1, source_type_id: 2, source_name: "Nightly import" };

module.exports = { Service, event, field, AGENT, SYSTEM };
