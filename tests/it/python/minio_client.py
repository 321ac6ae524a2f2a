"""Moves one file with minio-py: by a URL through the HTTP client it sends with, or as an S3 client.

usage: minio_client.py put-url|get-url URL FILE
       minio_client.py put-object|get-object BUCKET KEY FILE

The environment names the endpoint (AWS_ENDPOINT_URL_S3), the region and the key pair.
"""

import os
import sys
from urllib.parse import urlsplit

import urllib3
from minio import Minio

HTTP = urllib3.PoolManager(timeout=urllib3.Timeout(total=60), retries=False)


def send(method: str, url: str, body: bytes | None) -> bytes:
    response = HTTP.urlopen(method, url, body=body)
    if response.status != 200:
        sys.exit(f"{method} answered {response.status}: {response.data.decode()}")
    return response.data


def client() -> Minio:
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL_S3"])
    return Minio(
        endpoint=endpoint.netloc,
        secure=endpoint.scheme == "https",
        access_key=os.environ["AWS_ACCESS_KEY_ID"],
        secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
        region=os.environ["AWS_DEFAULT_REGION"],
        http_client=HTTP,
    )


def main(arguments: list[str]) -> None:
    match arguments:
        case ["put-url", url, path]:
            with open(path, "rb") as file:
                send("PUT", url, file.read())
        case ["get-url", url, path]:
            with open(path, "wb") as file:
                file.write(send("GET", url, None))
        case ["put-object", bucket, key, path]:
            client().fput_object(bucket_name=bucket, object_name=key, file_path=path)
        case ["get-object", bucket, key, path]:
            client().fget_object(bucket_name=bucket, object_name=key, file_path=path)
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
