"""Sends events with the official SDK for Python: cloud_events.py URL API_KEY CLIENT_ID

In each mode two events: one whose id is a UUID, and one whose id is not. Prints the ids that they should be stored with.
"""

import datetime
import sys
import urllib.request
import uuid

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

URL, API_KEY, CLIENT_ID = sys.argv[1:]
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://cloudevents.io/")
SOURCE = "/contracts/«ü» %20"


def main():
    send(to_binary_event, events("binary"))
    send(to_structured_event, events("structured"))
    batch = [to_structured_event(event).body.decode() for event in events("batched")]
    post({"content-type": "application/cloudevents-batch+json; charset=UTF-8"}, f"[{','.join(batch)}]".encode())


def send(encode, to_send):
    for event in to_send:
        message = encode(event)
        post(message.headers, message.body)


def events(mode):
    for event_id in (str(uuid.uuid4()), f'{mode} "1" é'):
        stored = event_id if len(event_id) == 36 else str(uuid.uuid5(NAMESPACE, f"{SOURCE}\n{event_id}"))
        print(stored)
        attributes = {
            "id": event_id,
            "source": SOURCE,
            "type": "com.example.record.changed",
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "time": datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, datetime.timezone.utc),
        }
        data = {"event_type_id": 7, "record_id": 1, "source_id": 1, "source_type_id": 0, "event_data": [{"by": mode}]}
        yield CloudEvent(attributes, data)


def post(headers, body):
    headers = {**headers, "X-API-Key": API_KEY, "X-Client-Id": CLIENT_ID}
    request = urllib.request.Request(f"{URL}/api/events", body, headers, method="POST")
    for _ in range(2):  # senders repeat what may have been lost
        urllib.request.urlopen(request).close()


main()
