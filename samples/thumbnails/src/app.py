"""Makes uploaded pictures small."""

import io
import os
from urllib.parse import unquote_plus

import boto3
from PIL import Image

s3 = boto3.client("s3")
LONGEST = int(os.environ["LONGEST"])


def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        # Keys come as in a URL.
        key = unquote_plus(record["s3"]["object"]["key"])
        picture = Image.open(io.BytesIO(s3.get_object(Bucket=bucket, Key=key)["Body"].read()))
        picture.thumbnail((LONGEST, LONGEST))
        small = io.BytesIO()
        picture.save(small, "PNG")
        s3.put_object(
            Bucket=os.environ["THUMBNAILS"],
            Key=key,
            Body=small.getvalue(),
            ContentType="image/png",
        )
        print(f"{key}: {picture.width} x {picture.height}")
