"""Does with EventBridge what the owner of a bus does; every action reads what it needs as JSON from FILE.

usage: eventbridge.py bus|route|function|put|archive|replay FILE

The environment names the endpoint (AWS_ENDPOINT_URL), the region and the key pair.
"""

import datetime
import io
import json
import sys
import time
import zipfile

import boto3
from botocore.config import Config

# PutEvents takes no more at once.
ENTRIES_AT_ONCE = 10
REPLAY_SECONDS = 60


def client():
    # One try: what fails is for the test to see.
    return boto3.client("events", config=Config(retries={"total_max_attempts": 1}))


def make_bus(events, bus: str) -> None:
    events.create_event_bus(Name=bus)


def make_route(
    events,
    bus: str,
    name: str,
    url: str,
    api_key: str,
    connection_headers: dict[str, str],
    pattern: dict,
    target: dict,
) -> None:
    """Makes a connection, an API destination, a rule and its target, all of one name."""
    headers = [
        {"Key": key, "Value": value, "IsValueSecret": True}
        for key, value in connection_headers.items()
    ]
    authorization = {"ApiKeyAuthParameters": {"ApiKeyName": "X-API-Key", "ApiKeyValue": api_key}}
    if headers:
        authorization["InvocationHttpParameters"] = {"HeaderParameters": headers}
    connection = events.create_connection(
        Name=name, AuthorizationType="API_KEY", AuthParameters=authorization
    )
    destination = events.create_api_destination(
        Name=name,
        ConnectionArn=connection["ConnectionArn"],
        InvocationEndpoint=url,
        HttpMethod="POST",
        InvocationRateLimitPerSecond=300,
    )
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps(pattern), State="ENABLED")
    answer = events.put_targets(
        Rule=name,
        EventBusName=bus,
        Targets=[
            {
                "Id": name,
                "Arn": destination["ApiDestinationArn"],
                "RoleArn": "arn:aws:iam::000000000000:role/event-history-destination",
                "RetryPolicy": {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400},
                **target,
            }
        ],
    )
    refuse_failures(answer)


def make_function(events, bus: str, name: str, source: str, environment: dict[str, str]) -> None:
    """Makes a Lambda function out of the file `source`, and a rule that leads events to it."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(source, "forward.py")
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = boto3.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
    functions = boto3.client("lambda")
    function = functions.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="forward.handler",
        Role=role["Arn"],
        Code={"ZipFile": package.getvalue()},
        Environment={"Variables": environment},
        Timeout=15,
    )
    pattern = json.dumps({"detail-type": [name]})
    rule = events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern, State="ENABLED")
    functions.add_permission(
        FunctionName=name,
        StatementId="rule",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule["RuleArn"],
    )
    target = {"Id": name, "Arn": function["FunctionArn"]}
    refuse_failures(events.put_targets(Rule=name, EventBusName=bus, Targets=[target]))


def put(events, bus: str, entries: list[dict]) -> None:
    for start in range(0, len(entries), ENTRIES_AT_ONCE):
        answer = events.put_events(
            Entries=[
                {
                    "EventBusName": bus,
                    "Source": entry["source"],
                    "DetailType": entry["detail_type"],
                    "Detail": json.dumps(entry["detail"]),
                }
                for entry in entries[start : start + ENTRIES_AT_ONCE]
            ]
        )
        refuse_failures(answer)


def bus_arn(events, bus: str) -> str:
    return events.describe_event_bus(Name=bus)["Arn"]


def make_archive(events, bus: str, name: str) -> None:
    events.create_archive(ArchiveName=name, EventSourceArn=bus_arn(events, bus))


def replay(events, bus: str, name: str) -> None:
    """Sends all that the archive `name` holds through the bus again; ends when all of it is sent."""
    now = datetime.datetime.now(datetime.timezone.utc)
    events.start_replay(
        ReplayName=name,
        EventSourceArn=events.describe_archive(ArchiveName=name)["ArchiveArn"],
        EventStartTime=now - datetime.timedelta(hours=1),
        EventEndTime=now + datetime.timedelta(minutes=1),
        Destination={"Arn": bus_arn(events, bus)},
    )
    deadline = time.monotonic() + REPLAY_SECONDS
    while (state := events.describe_replay(ReplayName=name)["State"]) != "COMPLETED":
        if time.monotonic() > deadline:
            sys.exit(f"the replay is {state} after {REPLAY_SECONDS} s")
        time.sleep(0.05)


def refuse_failures(answer: dict) -> None:
    # A 200 may well hold entries that were refused.
    if answer["FailedEntryCount"]:
        sys.exit(f"entries were refused: {answer}")


ACTIONS = {
    "bus": make_bus,
    "route": make_route,
    "function": make_function,
    "put": put,
    "archive": make_archive,
    "replay": replay,
}


def main(arguments: list[str]) -> None:
    match arguments:
        case [action, path] if action in ACTIONS:
            with open(path, encoding="utf-8") as file:
                ACTIONS[action](client(), **json.load(file))
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
