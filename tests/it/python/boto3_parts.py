"""Uploads in parts, forms and removals, as boto3 asks for them: boto3_parts.py <bucket> <key> <file>."""

import base64
import sys
import urllib.request
import uuid
import zlib

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

bucket, key, path = sys.argv[1:]
# Without it boto3 signs forms by version 2.
s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
content = open(path, "rb").read()
urllib.request.install_opener(urllib.request.build_opener(urllib.request.ProxyHandler({})))


def refused(call, **arguments):
    try:
        call(Bucket=bucket, Key=key, **arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("it was not refused")


def stored():
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


# As a whole, by the transfer manager: in parts of 8 MiB, three at a time.
s3.upload_file(path, bucket, key, ExtraArgs={"ContentType": "image/png", "Metadata": {"sha256": "00"}})
head = s3.head_object(Bucket=bucket, Key=key)
assert head["ContentLength"] == len(content) and head["ContentType"] == "image/png", head
assert head["ETag"].endswith('-3"') and head["Metadata"] == {"sha256": "00"}, head
assert stored() == content

# Step by step, the parts from the last to the first, one of them twice.
upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
size = 6 * 1024 * 1024
pieces = [content[at : at + size] for at in range(0, len(content), size)]
tags, checksums = {}, {}
for number in reversed(range(1, len(pieces) + 1)):
    for body in [b"not this", pieces[number - 1]] if number == 2 else [pieces[number - 1]]:
        answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)
        tags[number], checksums[number] = answer["ETag"], answer["ChecksumCRC32"]
parts = s3.list_parts(Bucket=bucket, Key=key, UploadId=upload)["Parts"]
assert [part["Size"] for part in parts] == [len(piece) for piece in pieces], parts
named = [{"PartNumber": number, "ETag": tags[number]} for number in sorted(tags)]


def complete(parts):
    return {"UploadId": upload, "MultipartUpload": {"Parts": parts}}


finish = s3.complete_multipart_upload
assert refused(finish, **complete(named[::-1])) == "InvalidPartOrder"
assert refused(finish, **complete(named + [{"PartNumber": 9, "ETag": tags[1]}])) == "InvalidPart"
assert refused(finish, **complete([{"PartNumber": 1, "ETag": tags[2]}])) == "InvalidPart"
assert refused(finish, **complete([])) == "MalformedXML"
small = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=9, Body=b"x")["ETag"]
last = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=10, Body=b"x")["ETag"]
few = [{"PartNumber": 9, "ETag": small}, {"PartNumber": 10, "ETag": last}]
assert refused(finish, **complete(few)) == "EntityTooSmall"
s3.delete_object(Bucket=bucket, Key=key)
assert refused(s3.get_object) == "NoSuchKey"

# With the checksums of its parts, and of the whole.
checked = [{**part, "ChecksumCRC32": checksums[part["PartNumber"]]} for part in named]
wrong = checked[:-1] + [{**checked[-1], "ChecksumCRC32": checked[0]["ChecksumCRC32"]}]
unknown = [{**part, "ChecksumSHA1": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="} for part in named]
for parts in [wrong, unknown]:
    assert refused(finish, **complete(parts)) == "InvalidPart"
crc32 = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
joint = zlib.crc32(b"".join(base64.b64decode(part["ChecksumCRC32"]) for part in checked))
joint = base64.b64encode(joint.to_bytes(4, "big")).decode()
full = {"ChecksumType": "FULL_OBJECT", "MpuObjectSize": len(content)}
for whole in [
    {"ChecksumCRC32": joint, **full},
    {"ChecksumCRC32": crc32, "ChecksumType": "COMPOSITE"},
    {"ChecksumCRC64NVME": "AAAAAAAAAAA="},
    {"ChecksumSHA256": "A" * 43 + "="},
]:
    assert refused(finish, **whole, **complete(checked)) == "BadDigest", whole
first = finish(Bucket=bucket, Key=key, ChecksumCRC32=crc32, **full, **complete(checked))
assert stored() == content

# As if the answer had been lost.
assert finish(Bucket=bucket, Key=key, **complete(named))["ETag"] == first["ETag"]
assert refused(finish, **complete(named[:-1])) == "NoSuchUpload"
assert stored() == content
count = len(pieces)
for number in range(1, count + 1):
    for read in [s3.get_object, s3.head_object]:
        part = read(Bucket=bucket, Key=key, PartNumber=number)
        assert part["PartsCount"] == count and part["ETag"] == first["ETag"], part
        assert part["ContentLength"] == len(pieces[number - 1]), part
        assert "Body" not in part or part["Body"].read() == pieces[number - 1]
assert refused(s3.get_object, PartNumber=count + 1) == "InvalidPartNumber"
assert refused(s3.get_object, PartNumber=1, Range="bytes=0-1") == "InvalidRequest"

# The checksum of the parts' checksums.
upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
answer = s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"hello")
named = [{"PartNumber": 1, "ETag": answer["ETag"]}]
joint = zlib.crc32(base64.b64decode(answer["ChecksumCRC32"])).to_bytes(4, "big")
joint = base64.b64encode(joint).decode() + "-1"
finish(Bucket=bucket, Key=key, ChecksumCRC32=joint, ChecksumType="COMPOSITE", **complete(named))
assert stored() == b"hello"
assert refused(s3.abort_multipart_upload, UploadId=upload) == "NoSuchUpload"
assert refused(s3.list_parts, UploadId=upload) == "NoSuchUpload"

# A form.
conditions = [["content-length-range", 5, 5], ["starts-with", "$Content-Type", "text/"]]
form = s3.generate_presigned_post(bucket, key, Conditions=conditions)
boundary = uuid.uuid4().hex
fields = {**form["fields"], "Content-Type": "text/plain"}
for file, status in [(b"hello", 204), (b"hell", 400), (b"hello!", 400)]:
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    body += head.encode() + file + f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    try:
        request = urllib.request.Request(form["url"], body, headers)
        answered = urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        answered = error.code
    assert answered == status, (file, answered)
    assert stored() == b"hello"
assert s3.head_object(Bucket=bucket, Key=key)["ContentType"] == "text/plain"
s3.delete_object(Bucket=bucket, Key=key)
assert refused(s3.head_object) == "404"
print("all is well")
