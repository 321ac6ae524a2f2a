"""Moves one file with boto3: by a URL through its own HTTP stack, or as an S3 client.

usage: boto3_client.py put-url|get-url URL FILE
       boto3_client.py put-object|get-object BUCKET KEY FILE

The environment names the endpoint (AWS_ENDPOINT_URL_S3), the region and the key pair.
"""

import sys

import boto3
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.httpsession import URLLib3Session

TIMEOUT_SECONDS = 60


def send(method: str, url: str, body: bytes | None) -> bytes:
    session = URLLib3Session(timeout=TIMEOUT_SECONDS)
    response = session.send(AWSRequest(method=method, url=url, data=body).prepare())
    if response.status_code != 200:
        sys.exit(f"{method} answered {response.status_code}: {response.text}")
    return response.content


def client():
    # One try: a test wants to see the first answer.
    retries = {"total_max_attempts": 1}
    addressing = {"addressing_style": "path"}
    return boto3.client("s3", config=Config(retries=retries, s3=addressing))


def main(arguments: list[str]) -> None:
    match arguments:
        case ["put-url", url, path]:
            with open(path, "rb") as file:
                send("PUT", url, file.read())
        case ["get-url", url, path]:
            with open(path, "wb") as file:
                file.write(send("GET", url, None))
        case ["put-object", bucket, key, path]:
            with open(path, "rb") as file:
                client().put_object(Bucket=bucket, Key=key, Body=file)
        case ["get-object", bucket, key, path]:
            answer = client().get_object(Bucket=bucket, Key=key)
            with open(path, "wb") as file:
                file.write(answer["Body"].read())
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
