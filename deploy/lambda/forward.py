"""Forwards events from EventBridge to Event History: an AWS Lambda function, Python 3.10 or newer.

Needs only what Lambda's Python runtime has. Settings, from the environment:

    EVENT_HISTORY_URL             the base URL of the service, such as https://history.example.com
    EVENT_HISTORY_API_KEY         the API key, or else
    EVENT_HISTORY_API_KEY_SECRET  the ARN or name of a secret in Secrets Manager whose text is the key
    EVENT_HISTORY_REPORT_BATCH_ITEM_FAILURES  "true" if the event source mapping of an SQS queue has
                                  FunctionResponseTypes=ReportBatchItemFailures: SQS then delivers only the messages
                                  again that failed. A mapping without it would delete those, hence the setting.

An event that may be stored later raises, so that the invoker retries: the service is unreachable, slow, or
answers 5xx, 409 or 429; or it refuses the key, which an operator can fix. What can never be stored (400, 413,
422) is logged and dropped, because a retry would change nothing. Storing is idempotent, so an extra delivery
does no harm. The messages of a batch from SQS are all tried, whatever becomes of the others.

What SQS holds is text, and is forwarded as it is. Lambda's runtime has parsed what it passes to a handler, so that
numbers may be spelled differently afterwards, such as 1.1 for 1.10; the service compares them by value.
"""

import http.client
import json
import os
import re
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
DECODER = json.JSONDecoder()
BLANK = re.compile(r"[ \t\r\n]*")


def handler(event, _context):
    """Forwards an envelope, or the messages of an SQS queue.

    Returns {"results": [{"id": …, "status": …}]} for what need not be sent again. For SQS it also has
    "batchItemFailures".
    """
    if "Records" not in event:
        return {"results": [forward(encode(event))]}
    results, failures = [], []
    for record in event["Records"]:
        try:
            results.append(forward(envelope_text(record["body"]).encode()))
        except Exception as error:  # such as a key that Secrets Manager does not hand out
            log("to be sent again", message_id=record["messageId"], error=f"{type(error).__name__}: {error}")
            failures.append({"itemIdentifier": record["messageId"]})
    if failures and os.environ.get("EVENT_HISTORY_REPORT_BATCH_ITEM_FAILURES") != "true":
        raise Undelivered(f"{len(failures)} of {len(event['Records'])} messages: see the log")
    return {"results": results, "batchItemFailures": failures}


def envelope_text(body):
    """Returns the envelope in the body of an SQS message.

    The body is an envelope (the queue is a rule's target or its dead-letter queue), or Lambda's record of a failed
    invocation, which has the envelope in it.
    """
    try:
        return member(body, "requestPayload") or body
    except ValueError:
        return body  # for the service to refuse


def member(text, name):
    """Returns the text of an object's member; None if there is none."""
    at = skip(text, 0)
    if text[at : at + 1] != "{":
        return None
    while text[at : at + 1] in ("{", ","):
        at = skip(text, at + 1)
        if text[at : at + 1] == "}":
            return None
        key, at = DECODER.raw_decode(text, at)
        start = skip(text, skip(text, at) + 1)  # the colon is between
        _, at = DECODER.raw_decode(text, start)
        if key == name:
            return text[start:at]
        at = skip(text, at)
    return None


def skip(text, at):
    """Returns the place of the next character that is not white space."""
    return BLANK.match(text, at).end()


def forward(body):
    status, answer = post(body)
    envelope = parsed(body)
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


def parsed(body):
    """Returns the envelope, for the log; empty if it is none."""
    try:
        envelope = json.loads(body)
    except ValueError:
        return {}
    return envelope if isinstance(envelope, dict) else {}


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
