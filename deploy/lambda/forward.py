"""Forwards events from EventBridge to Event History: an AWS Lambda function, Python 3.10 or newer.

Needs only what Lambda's Python runtime has. Settings, from the environment:

    EVENT_HISTORY_URL             the base URL of the service, such as https://history.example.com
    EVENT_HISTORY_API_KEY         the API key, or else
    EVENT_HISTORY_API_KEY_SECRET  the ARN or name of a secret in Secrets Manager whose text is the key

An event that may be stored later raises, so that the invoker retries: the service is unreachable, slow, or
answers 5xx, 409 or 429; or it refuses the key, which an operator can fix. What can never be stored (400, 413,
422) is logged and dropped, because a retry would change nothing. Storing is idempotent, so an extra delivery
does no harm.
"""

import http.client
import json
import os
import time
import urllib.error
import urllib.request

# EventBridge itself waits 5 s for an endpoint, and the service answers within 4 s by default.
TIMEOUT_SECONDS = 4.5

# How long a key from Secrets Manager is cached.
KEY_LIFE_SECONDS = 300

REFUSED_FOR_GOOD = (400, 413, 422)

PATH = "/api/event-bridge/create-event"

# The only thing kept between invocations: (key, the time until which it is used).
_held_key = None


class Undelivered(Exception):
    """The event is not stored, but a retry may succeed."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Treats a redirect as the response: urllib would turn the POST into a GET, and send the key along."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect)


def handler(event, _context):
    """Forwards an envelope, or the envelopes from a dead-letter queue.

    Returns one result for each: {"id": …, "status": …}.
    """
    return [forward(envelope) for envelope in envelopes(event)]


def envelopes(event):
    """Returns the envelopes in the invocation: one, or those in SQS messages.

    A message is an envelope (EventBridge could not invoke us), or Lambda's record of a failed invocation,
    which has the envelope in it.
    """
    if "Records" not in event:
        return [event]
    bodies = [json.loads(record["body"]) for record in event["Records"]]
    return [body.get("requestPayload", body) for body in bodies]


def forward(envelope):
    status, answer = post(encode(envelope))
    result = {"id": envelope.get("id"), "status": status}
    if 200 <= status < 300:
        return result
    if status in REFUSED_FOR_GOOD:
        detail = envelope.get("detail")
        event_id = detail.get("event_id") if isinstance(detail, dict) else None
        log("refused for good", event_id=event_id, answer=answer, **result)
        return result
    if status == 401:
        forget_key()
    raise Undelivered(f"the service answered {status}: {answer}")


def encode(envelope):
    """Encodes the envelope without escapes, which could triple its size and make the event too large."""
    try:
        return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can only write as an escape
        return json.dumps(envelope, separators=(",", ":")).encode()


def post(body):
    """Sends the body and returns the status and the beginning of the response, whatever the status."""
    request = urllib.request.Request(os.environ["EVENT_HISTORY_URL"].rstrip("/") + PATH, data=body, method="POST")
    request.add_header("Content-Type", "application/json")
    request.add_header("X-API-Key", api_key())
    try:
        with OPENER.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, read(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, read(error)
    except (OSError, http.client.HTTPException) as error:
        raise Undelivered(f"no answer from the service: {error}") from error


def read(answer):
    return answer.read(2000).decode(errors="replace")


def api_key():
    global _held_key
    key = os.environ.get("EVENT_HISTORY_API_KEY")
    if key:
        return key
    if _held_key and time.monotonic() < _held_key[1]:
        return _held_key[0]
    import boto3  # part of Lambda's runtime; not needed if the key itself is set

    secret = boto3.client("secretsmanager").get_secret_value(SecretId=os.environ["EVENT_HISTORY_API_KEY_SECRET"])
    _held_key = (secret["SecretString"].strip(), time.monotonic() + KEY_LIFE_SECONDS)
    return _held_key[0]


def forget_key():
    """Makes the next invocation look up the key: this one was refused, so it may have changed."""
    global _held_key
    _held_key = None


def log(message, **fields):
    """Writes one line for CloudWatch, without personal data (`event_data`)."""
    print(json.dumps({"message": message, **fields}))
