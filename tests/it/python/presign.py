"""Presigns with botocore, for a test that compares its URLs with ours.

Reads a JSON list of cases from standard input and writes the list of their URLs. A case has method,
region, bucket, key, access_key_id, secret_access_key, session_token (or null), instant (seconds since
1970) and life_seconds.
"""

import datetime
import json
import sys
from unittest import mock

import boto3
from botocore.config import Config

OPERATIONS = {"PUT": "put_object", "GET": "get_object"}
CONFIG = Config(
    signature_version="s3v4",
    s3={"addressing_style": "path", "us_east_1_regional_endpoint": "regional"},
)


SESSION = boto3.session.Session()  # one, as it keeps the service's description


def presign(case: dict) -> str:
    client = SESSION.client(
        "s3",
        region_name=case["region"],
        aws_access_key_id=case["access_key_id"],
        aws_secret_access_key=case["secret_access_key"],
        aws_session_token=case["session_token"],
        config=CONFIG,
    )
    instant = datetime.datetime.fromtimestamp(case["instant"], datetime.timezone.utc)
    with mock.patch("botocore.auth.get_current_datetime", return_value=instant):
        return client.generate_presigned_url(
            OPERATIONS[case["method"]],
            Params={"Bucket": case["bucket"], "Key": case["key"]},
            ExpiresIn=case["life_seconds"],
        )


json.dump([presign(case) for case in json.load(sys.stdin)], sys.stdout)
