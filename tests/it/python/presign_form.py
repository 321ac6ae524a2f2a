"""Makes POST forms with botocore, for a test that compares them with ours.

Reads a JSON list of cases from standard input and writes the list of the forms: url, fields, and the
signature that botocore puts under the policy of the case, which is ours.
"""

import datetime
import json
import sys
from unittest import mock

import boto3
from botocore.auth import S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
)


SESSION = boto3.session.Session()  # one, as it keeps the service's description


def form(case: dict) -> dict:
    keys = (case["access_key_id"], case["secret_access_key"], case["session_token"])
    client = SESSION.client(
        "s3",
        region_name=case["region"],
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        aws_session_token=keys[2],
        config=CONFIG,
    )
    conditions = [{name: value} for name, value in case["fields"].items()]
    conditions.append(["content-length-range", case["min_bytes"], case["max_bytes"]])
    if case["content_type_starts_with"] is not None:
        beginning = case["content_type_starts_with"]
        conditions.append(["starts-with", "$Content-Type", beginning])
    instant = datetime.datetime.fromtimestamp(case["instant"], datetime.timezone.utc)
    with mock.patch("botocore.auth.get_current_datetime", return_value=instant), mock.patch(
        "botocore.signers.get_current_datetime", return_value=instant.replace(tzinfo=None)
    ):
        made = client.generate_presigned_post(
            case["bucket"],
            case["key"],
            Fields=dict(case["fields"]),
            Conditions=conditions,
            ExpiresIn=case["life_seconds"],
        )
    auth = S3SigV4PostAuth(Credentials(*keys), "s3", case["region"])
    request = AWSRequest("POST", made["url"])
    request.context["timestamp"] = instant.strftime("%Y%m%dT%H%M%SZ")
    made["signature_of_ours"] = auth.signature(case["policy"], request)
    return made


json.dump([form(case) for case in json.load(sys.stdin)], sys.stdout)
