// Moves one file with aws-sdk-js v3: aws_sdk.cjs put-object|get-object|put-presigned BUCKET KEY FILE
//
// The environment names the endpoint (AWS_ENDPOINT_URL_S3), the region and the key pair. Large files are uploaded in
// parts. A URL that the SDK presigns has metadata in its query, and the checksum of an empty body.

const fs = require("node:fs");
const { pipeline } = require("node:stream/promises");
const { S3Client, PutObjectCommand, GetObjectCommand, HeadObjectCommand } = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const PART_BYTES = 5 * 1024 * 1024;

async function main([action, Bucket, Key, path]) {
  const client = new S3Client({
    endpoint: process.env.AWS_ENDPOINT_URL_S3,
    region: process.env.AWS_DEFAULT_REGION,
    forcePathStyle: true,
    maxAttempts: 1,
  });
  if (action === "get-object") {
    const answer = await client.send(new GetObjectCommand({ Bucket, Key }));
    return pipeline(answer.Body, fs.createWriteStream(path));
  }
  if (action === "put-presigned") {
    const Metadata = { author: "Ada" };
    const url = await getSignedUrl(client, new PutObjectCommand({ Bucket, Key, Metadata }));
    const put = await fetch(url, { method: "PUT", body: fs.readFileSync(path) });
    if (put.status !== 200) throw new Error(`PUT answered ${put.status}: ${await put.text()}`);
    const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
    if (head.Metadata.author !== "Ada") throw new Error(`metadata: ${JSON.stringify(head.Metadata)}`);
    return;
  }
  const Body = fs.createReadStream(path);
  const size = fs.statSync(path).size;
  if (size > PART_BYTES) {
    return new Upload({ client, params: { Bucket, Key, Body }, partSize: PART_BYTES }).done();
  }
  await client.send(new PutObjectCommand({ Bucket, Key, Body, ContentLength: size }));
}

main(process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
