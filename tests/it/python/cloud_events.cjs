// Sends events with the official SDK for JavaScript: cloud_events.cjs URL API_KEY CLIENT_ID
//
// In each mode two events: one whose id is a UUID, and one whose id is not. Prints the ids that they should be stored with.
"use strict";

const { randomUUID } = require("node:crypto");
const { CloudEvent, HTTP, emitterFor, Mode } = require("cloudevents");
const { v5 } = require("uuid");

const [url, apiKey, clientId] = process.argv.slice(2);
const namespace = v5("https://cloudevents.io/", v5.URL);
const source = "/contracts/js";

async function post({ headers, body }) {
    for (let attempt = 0; attempt < 2; attempt += 1) { // senders repeat what may have been lost
        const response = await fetch(`${url}/api/events`, {
            method: "POST",
            headers: { ...headers, "X-API-Key": apiKey, "X-Client-Id": clientId },
            body,
        });
        if (response.status !== 200) {
            throw new Error(`${response.status}: ${await response.text()}`);
        }
    }
}

function events(mode) {
    return [randomUUID(), `${mode} 1`].map((id) => {
        console.log(id.length === 36 ? id : v5(`${source}\n${id}`, namespace));
        return new CloudEvent({
            id,
            source,
            type: "com.example.record.changed",
            time: "2024-05-06T07:08:09.123Z",
            data: { event_type_id: 7, record_id: 1, source_id: 1, source_type_id: 0, event_data: [{ by: mode }] },
        });
    });
}

async function main() {
    for (const mode of [Mode.BINARY, Mode.STRUCTURED]) {
        const emit = emitterFor(post, { binding: HTTP, mode });
        for (const event of events(mode)) {
            await emit(event);
        }
    }
    const batch = events("batched").map((event) => HTTP.structured(event).body);
    await post({
        headers: { "content-type": "application/cloudevents-batch+json; charset=utf-8" },
        body: `[${batch.join(",")}]`,
    });
}

main();
