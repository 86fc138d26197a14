"""Under ``--strict-auth``, calls of APIs and connections need a policy and a true signature."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.api.test_strict_auth import ACCOUNT, Role, allow
from tests.api.test_websocket_apis import Chat, known
from tests.patience import until

PLACE = f"arn:aws:execute-api:us-east-1:{ACCOUNT}"


@pytest.fixture(scope="module")
def chat() -> Iterator[Chat]:
    chat = Chat(strict_auth=True)
    chat.replies["chat"] = {"statusCode": 200, "body": "hi"}
    yield chat
    chat.stop()


def signed(chat: Chat, role: Role, api_id: str, path: str, query: str = "") -> dict[str, str]:
    """Return the headers of a GET as a role signs it."""
    keys = role.client("sts")
    found = keys._request_signer._credentials.get_frozen_credentials()
    keys.close()
    request = AWSRequest("GET", f"http://{chat.host(api_id)}{path}{query}")
    given = Credentials(found.access_key, found.secret_key, found.token)
    SigV4Auth(given, "execute-api", "us-east-1").add_auth(request)
    return {name: value for name, value in request.headers.items() if name != "Host"}


def test_a_signed_call_needs_a_policy(chat: Chat) -> None:
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:chat"
    api_id = chat.http_api("strict")
    chat.route(api_id, "ANY /{proxy+}", arn, AuthorizationType="AWS_IAM")
    chat.stage(api_id)
    role = Role(
        chat.running, "caller", allow("execute-api:Invoke", f"{PLACE}:{api_id}/*/GET/open/*")
    )
    headers = signed(chat, role, api_id, "/open/a%20b", "?x=1")
    assert chat.call(api_id, "/open/a%20b?x=1", headers=headers).status == 200
    assert chat.call(api_id, "/open/a%20b?x=2", headers=headers).status == 403
    closed = signed(chat, role, api_id, "/closed/a")
    assert chat.call(api_id, "/closed/a", headers=closed).json == {"message": "Forbidden"}
    assert chat.call(api_id, "/open/a").status == 403


def test_connections_need_a_policy(chat: Chat) -> None:
    chat.events.clear()
    api_id = chat.make("$connect", name="strict-chat")
    client = chat.connect(api_id)
    connection = chat.event("CONNECT")["requestContext"]["connectionId"]
    until(lambda: chat.running.call(lambda: known(chat, connection)))
    resource = f"{PLACE}:{api_id}/dev/POST/@connections/*"
    role = Role(chat.running, "speaker", allow("execute-api:ManageConnections", resource))
    management = management_of(chat, role, api_id)
    management.post_to_connection(ConnectionId=connection, Data=b"hello")
    assert client.receive() == "hello"
    with pytest.raises(ClientError) as refused:
        management.delete_connection(ConnectionId=connection)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    management.close()
    silent = management_of(chat, Role(chat.running, "silent"), api_id)
    with pytest.raises(ClientError) as refused:
        silent.post_to_connection(ConnectionId=connection, Data=b"hello")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    silent.close()
    client.end()


def management_of(chat: Chat, role: Role, api_id: str) -> Any:
    url = f"{chat.running.url}/_aws/execute-api/{api_id}/dev"
    return role.client("apigatewaymanagementapi", endpoint_url=url)
