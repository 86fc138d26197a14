"""Buckets for browsers: hosts, requests without a signature, CORS, forms and websites."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.api.conftest import Running

BUCKET = "pages"


@pytest.fixture(scope="module")
def s3(running: Running) -> Iterator[Any]:
    client = running.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    running: Running, method: str, path: str, body: bytes | None = None, **headers: str
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", running.emulator.port, timeout=60)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, given)
    response = connection.getresponse()
    answer = Answer(
        response.status,
        {name.lower(): value for name, value in response.getheaders()},
        response.read(),
    )
    connection.close()
    return answer


@pytest.mark.parametrize(
    "host",
    [
        "pages.s3.localhost",
        "pages.localhost",
        "pages.s3.eu-west-1.localhost",
        "pages.s3-eu-west-1.localhost",
        "pages.s3.localhost.localstack.cloud",
        "PAGES.S3.localhost",
    ],
)
def test_a_bucket_by_its_host(s3: Any, running: Running, host: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="a/b c", Body=b"here")
    answer = ask(running, "GET", "/a/b%20c", Host=f"{host}:{running.emulator.port}")
    assert (answer.status, answer.body) == (200, b"here")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "s3.localhost", "s3.us-east-1.localhost",
             "s3.localhost.localstack.cloud"]
)  # fmt: skip
def test_nobody_has_to_sign(running: Running, s3: Any, host: str) -> None:
    assert ask(running, "PUT", "/pages/anonymous", b"x", Host=host).status == 200
    assert ask(running, "GET", "/pages/anonymous", Host=host).body == b"x"
    assert ask(running, "HEAD", "/pages/anonymous", Host=host).headers["content-length"] == "1"
    assert b"<Key>anonymous</Key>" in ask(running, "GET", "/pages?list-type=2", Host=host).body
    assert ask(running, "DELETE", "/pages/anonymous", Host=host).status == 204


def test_what_is_signed_for_the_service_s_own_host_names_no_bucket(
    running: Running, s3: Any
) -> None:
    signed = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/s3/"
        "aws4_request, SignedHeaders=host, Signature=0"
    }
    for host in ("s3.localhost", "s3.eu-west-1.amazonaws.com", "s3.localhost.localstack.cloud"):
        answer = ask(running, "GET", "/", None, Host=host, **signed)
        assert answer.status == (403 if "amazonaws" in host else 200)
        assert b"ListAllMyBucketsResult" in answer.body or answer.status == 403


def test_other_services_keep_their_paths(running: Running, s3: Any) -> None:
    s3.create_bucket(Bucket="2015-03-31")
    assert b"Functions" in ask(running, "GET", "/2015-03-31/functions").body


RULES = [
    {
        "AllowedOrigins": ["https://*.example.com"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["x-amz-*", "content-type"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    },
    {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
]


@pytest.fixture(scope="module")
def shared(s3: Any) -> str:
    s3.create_bucket(Bucket="shared")
    s3.put_bucket_cors(Bucket="shared", CORSConfiguration={"CORSRules": RULES})
    s3.put_object(Bucket="shared", Key="k", Body=b"content")
    return "shared"


def test_a_page_of_an_allowed_origin(running: Running, shared: str) -> None:
    origin = "https://app.example.com"
    asked = ask(
        running,
        "OPTIONS",
        f"/{shared}/k",
        Origin=origin,
        Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="Content-Type, X-Amz-Date",
    )
    assert asked.status == 200
    assert asked.headers["access-control-allow-origin"] == origin
    assert asked.headers["access-control-allow-headers"] == "content-type, x-amz-date"
    assert asked.headers["access-control-allow-methods"] == "GET, PUT"
    assert asked.headers["access-control-max-age"] == "60"
    assert asked.headers["access-control-allow-credentials"] == "true"
    assert asked.headers["vary"].startswith("Origin")
    got = ask(running, "GET", f"/{shared}/k", Origin=origin, Sec_Fetch_Site="cross-site")
    assert got.body == b"content"
    assert got.headers["access-control-allow-origin"] == origin
    assert got.headers["access-control-expose-headers"] == "ETag"
    missing = ask(running, "GET", f"/{shared}/none", Origin=origin)
    assert missing.status == 404
    assert missing.headers["access-control-allow-origin"] == origin


def test_a_page_may_use_a_presigned_address(running: Running, s3: Any, shared: str) -> None:
    url = urlsplit(s3.generate_presigned_url("put_object", Params={"Bucket": shared, "Key": "up"}))
    origin = "https://app.example.com"
    asked = ask(running, "OPTIONS", f"{url.path}?{url.query}", Origin=origin,
                Access_Control_Request_Method="PUT")  # fmt: skip
    assert asked.status == 200
    put = ask(running, "PUT", f"{url.path}?{url.query}", b"up", Origin=origin)
    assert (put.status, put.headers["access-control-allow-origin"]) == (200, origin)


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://example.com", "GET", ""),
        ("https://app.example.com", "DELETE", ""),
        ("https://app.example.com", "PUT", "authorization"),
        ("null", "GET", ""),
    ],
)
def test_what_no_rule_allows(
    running: Running, shared: str, origin: str, method: str, headers: str
) -> None:
    asked = ask(
        running,
        "OPTIONS",
        f"/{shared}/k",
        Origin=origin,
        Access_Control_Request_Method=method,
        Access_Control_Request_Headers=headers,
    )
    assert asked.status == 403
    assert b"<Code>AccessForbidden</Code>" in asked.body
    assert "access-control-allow-origin" not in asked.headers
    if not headers:
        assert ask(running, method, f"/{shared}/k", Origin=origin).status == 403


def test_every_origin_is_answered_with_a_star(running: Running, shared: str) -> None:
    got = ask(running, "HEAD", f"/{shared}/k", Origin="https://other.test")
    assert got.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in got.headers


def test_a_bucket_without_rules_answers_no_other_origin(running: Running, s3: Any) -> None:
    asked = ask(running, "OPTIONS", f"/{BUCKET}/k", Origin="https://a.test",
                Access_Control_Request_Method="GET")  # fmt: skip
    assert asked.status == 403
    assert b"CORS is not enabled for this bucket" in asked.body
    s3.put_object(Bucket=BUCKET, Key="here", Body=b"")
    assert ask(running, "GET", f"/{BUCKET}/here", Origin="https://a.test").status == 403


def form(fields: dict[str, str], content: bytes, name: str = "a b.txt") -> tuple[bytes, str]:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
        for key, value in fields.items()
    ]
    parts.append(
        f'--edge\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: text/plain\r\n\r\n".encode()
    )
    return b"".join(parts) + content + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


def post(running: Running, fields: dict[str, str], content: bytes, **headers: str) -> Answer:
    body, kind = form(fields, content)
    return ask(running, "POST", f"/{BUCKET}", body, Content_Type=kind, **headers)


def test_a_form_that_boto3_presigns(running: Running, s3: Any) -> None:
    presigned = s3.generate_presigned_post(
        BUCKET,
        "forms/${filename}",
        Fields={"x-amz-meta-from": "form", "Content-Type": "text/x"},
        Conditions=[
            {"x-amz-meta-from": "form"},
            {"Content-Type": "text/x"},
            ["content-length-range", 2, 3 << 20],
        ],
    )
    content = b"1\r\n--edg" * 300_000
    answer = post(running, presigned["fields"], content)
    assert answer.status == 204
    found = s3.get_object(Bucket=BUCKET, Key="forms/a b.txt")
    assert found["Body"].read() == content
    assert found["ContentType"] == "text/x"
    assert found["Metadata"] == {"from": "form"}
    assert answer.headers["etag"] == found["ETag"]
    assert answer.headers["location"].endswith(f"/{BUCKET}/forms/a%20b.txt")


@pytest.mark.parametrize(
    ("change", "content", "status", "code"),
    [
        ({}, b"x", 400, b"EntityTooSmall"),
        ({}, b"x" * 100, 400, b"EntityTooLarge"),
        ({"key": "elsewhere"}, b"xxx", 403, b"AccessDenied"),
        ({"x-amz-meta-other": "1"}, b"xxx", 403, b"Extra input fields: x-amz-meta-other"),
        ({"key": ""}, b"xxx", 400, b"InvalidArgument"),
        ({"policy": "no"}, b"xxx", 400, b"InvalidPolicyDocument"),
        ({"policy": base64.b64encode(json.dumps(
            {"expiration": "2001-01-01T00:00:00Z", "conditions": []}).encode()).decode()},
         b"xxx", 403, b"Policy expired"),
    ],
)  # fmt: skip
def test_forms_that_are_refused(
    running: Running, s3: Any, change: dict[str, str], content: bytes, status: int, code: bytes
) -> None:
    presigned = s3.generate_presigned_post(
        BUCKET, "refused/k", Conditions=[["content-length-range", 2, 50]]
    )
    answer = post(running, presigned["fields"] | change, content)
    assert answer.status == status
    assert code in answer.body
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="refused/")


def test_what_forms_are_answered(running: Running, s3: Any) -> None:
    created = post(running, {"key": "f", "success_action_status": "201"}, b"abc")
    assert created.status == 201
    assert b"<Bucket>pages</Bucket><Key>f</Key>" in created.body
    assert post(running, {"key": "f", "success_action_status": "200"}, b"abc").status == 200
    back = {"key": "f", "success_action_redirect": "http://localhost:3000/done?a=1"}
    answer = post(running, back, b"abc")
    assert answer.status == 303
    assert answer.headers["location"].startswith(
        "http://localhost:3000/done?a=1&bucket=pages&key=f"
    )
    assert post(running, {"key": "f"}, b"abc", Origin="https://a.test").status == 403
    for edge in ("edge", "e" * 1000):
        broken = ask(running, "POST", f"/{BUCKET}", b"--edge\r\nno", Host="localhost",
                     Content_Type=f"multipart/form-data; boundary={edge}")  # fmt: skip
        assert (broken.status, b"MalformedPOSTRequest" in broken.body) == (400, True)


@pytest.fixture(scope="module")
def site(s3: Any) -> str:
    s3.create_bucket(Bucket="site")
    for key in ("index.html", "docs/index.html", "oops.html", "new/page"):
        s3.put_object(Bucket="site", Key=key, Body=key.encode(), ContentType="text/html")
    s3.put_object(Bucket="site", Key="moved", WebsiteRedirectLocation="/new/page")
    s3.put_bucket_website(
        Bucket="site",
        WebsiteConfiguration={
            "IndexDocument": {"Suffix": "index.html"},
            "ErrorDocument": {"Key": "oops.html"},
            "RoutingRules": [
                {
                    "Condition": {"KeyPrefixEquals": "old/"},
                    "Redirect": {"ReplaceKeyPrefixWith": "new/", "HttpRedirectCode": "302"},
                },
            ],
        },
    )
    return "site"


@pytest.mark.parametrize(
    ("path", "status", "body", "location"),
    [
        ("/", 200, b"index.html", ""),
        ("/docs/", 200, b"docs/index.html", ""),
        ("/docs", 302, b"", "/docs/"),
        ("/new/page", 200, b"new/page", ""),
        ("/old/page", 302, b"", "http://HOST/new/page"),
        ("/moved", 301, b"", "/new/page"),
        ("/none", 404, b"oops.html", ""),
    ],
)
def test_a_website(
    running: Running, site: str, path: str, status: int, body: bytes, location: str
) -> None:
    for between in ("s3-website", "s3-website-us-east-1", "s3-website.us-east-1"):
        host = f"{site}.{between}.localhost:{running.emulator.port}"
        answer = ask(running, "GET", path, Host=host)
        assert (answer.status, answer.body) == (status, body)
        assert answer.headers.get("location", "") == location.replace("HOST", host)
        if status == 200:
            assert answer.headers["content-type"] == "text/html"


def test_a_website_that_is_none(running: Running, site: str) -> None:
    def of(name: str, method: str = "GET") -> Answer:
        return ask(running, method, "/", Host=f"{name}.s3-website.localhost")

    assert b"NoSuchWebsiteConfiguration" in of(BUCKET).body
    assert of("none").headers["x-amz-error-code"] == "NoSuchBucket"
    assert of(site, "POST").status == 405


def test_numbers_that_are_none(running: Running, s3: Any) -> None:
    for query, name in (
        ("list-type=2&max-keys=a", "max-keys"),
        ("versions&max-keys=1.5", "max-keys"),
        ("uploads&max-uploads=x", "max-uploads"),
    ):
        answer = ask(running, "GET", f"/{BUCKET}?{query}")
        assert answer.status == 400
        assert b"<Code>InvalidArgument</Code>" in answer.body
        assert f"<ArgumentName>{name}</ArgumentName>".encode() in answer.body
    answer = ask(running, "PUT", f"/{BUCKET}/k?partNumber=x&uploadId=u", b"")
    assert b"<ArgumentValue>x</ArgumentValue>" in answer.body


def test_delete_markers_say_what_they_are(running: Running, s3: Any) -> None:
    s3.create_bucket(Bucket="marked")
    s3.put_bucket_versioning(Bucket="marked", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="marked", Key="k", Body=b"")
    version = s3.delete_object(Bucket="marked", Key="k")["VersionId"]
    for method in ("GET", "HEAD"):
        hidden = ask(running, method, "/marked/k")
        assert hidden.status == 404
        assert hidden.headers["x-amz-delete-marker"] == "true"
        assert hidden.headers["x-amz-version-id"] == version
        marker = ask(running, method, f"/marked/k?versionId={version}")
        assert marker.status == 405
        assert marker.headers["x-amz-delete-marker"] == "true"
        assert marker.headers["allow"] == "DELETE"


def test_documents_that_say_nothing_turn_it_off(s3: Any) -> None:
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    s3.put_bucket_logging(Bucket=BUCKET, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=BUCKET)


@pytest.mark.parametrize("path", ["k?legal-hold", "k?uploadId=u", "?lifecycle"])
def test_a_body_that_is_missing(running: Running, s3: Any, path: str) -> None:
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"")
    method = "POST" if "upload" in path else "PUT"
    answer = ask(running, method, f"/{BUCKET}/{path}", b"")
    assert answer.status == 400
    assert b"<Code>MissingRequestBodyError</Code>" in answer.body
